"""What an import would change: the files beside what stands.

Rows are compared as a whole: a row that stands already, cell by cell, is not written again. Rows that stand n times in the files stand n
times in the register, because events without an id are each their own event. Worked example: the register holds bills A, A, B and the
files hold A, B, B, C. An update writes B and C; a replacement writes them and drops one A.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from sqlalchemy import Connection, Select, select

from features.age import too_old
from features.contents import Hashes, Sum, entity_hashes, row_hashes, summed, word_hashes
from features.register import Array, BoolArray, Columns, Register, RegisterInfo, TableArrays
from features.tables import TABLES
from service.storage.codebook import readable
from service.storage.register_store import import_of, numbers_in, read_ids, read_rows, read_words, shelf, stored_import, visible, words_of
from service.storage.tables import register_tables

Mode = Literal["update", "replace"]
Progress = Callable[[str, int], None]
FEW_HOUSEHOLDS = 2_000  # so many are looked up one by one; for more, the whole table is read


@dataclass(frozen=True, slots=True)
class TableChange:
    """What an import changes in one table.

    Attributes:
        added: rows to write; `household` is the stored number, words are stored places.
        dropped: (household number, line) of each row to drop.
        same: how many rows of the files stand already.
        changed: how many of the added rows speak of a thing that the register knew already.
    """

    added: TableArrays
    dropped: tuple[Array, Array]
    same: int
    changed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that an import would do; nothing of it is written yet.

    Attributes:
        base: the import that it builds on; None where nothing usable is stored.
        ids: ids of households that get a number, from `first_number` on.
        words: words to append, by shelf, with the place of the first.
        renewed: whether all that stands is dropped unseen, because it was written with another codebook.
    """

    base: int | None
    first_number: int
    ids: list[str]
    words: dict[tuple[str, str], tuple[int, list[str]]]
    tables: Mapping[str, TableChange]
    sums: Mapping[str, Sum]
    info: RegisterInfo
    info_changed: bool
    households_new: int
    households_dropped: int
    households: int
    renewed: bool = False

    @property
    def rows_added(self) -> int:
        """Rows to write."""
        return sum(len(change.added) for change in self.tables.values())

    @property
    def rows_dropped(self) -> int:
        """Rows to drop."""
        return sum(len(change.dropped[0]) for change in self.tables.values())

    @property
    def rows(self) -> int:
        """How many rows stand afterwards."""
        return sum(total.rows for total in self.sums.values())

    @property
    def changes_nothing(self) -> bool:
        """Whether the register would be the same afterwards."""
        return not (self.rows_added or self.rows_dropped or self.info_changed or self.renewed)


def difference(old: tuple[Array, Hashes], new: tuple[Array, Hashes]) -> tuple[Array, Array]:
    """Which new rows do not stand yet, and which old ones are not among the new ones; equal rows are paired off one by one.

    Args:
        old: household and row number (hash) of each row that stands.
        new: the same of the files' rows.

    Returns:
        one bool a new row, one bool an old row.

    >>> hashes = lambda *values: np.array(values, dtype=np.uint64)
    >>> one = np.zeros(4, dtype=np.int32)
    >>> added, gone = difference((one[:3], hashes(1, 1, 2)), (one, hashes(1, 2, 2, 3)))
    >>> added.tolist(), gone.tolist()
    ([False, False, True, True], [False, True, False])
    """
    count = len(old[0])
    household, number = (np.concatenate(pair) for pair in zip(old, new, strict=True))
    lone = np.empty(len(household), dtype=bool)
    if len(household):
        order = np.lexsort((number, household))  # stable: among equal rows the old ones come first
        household, number = household[order], number[order]
        starts = np.flatnonzero(np.r_[True, (household[1:] != household[:-1]) | (number[1:] != number[:-1])])
        sizes = np.diff(np.append(starts, len(order)))
        is_old = order < count
        olds = np.add.reduceat(is_old, starts, dtype=np.int64)
        rank = np.arange(len(order)) - np.repeat(starts, sizes)
        before = np.repeat(olds, sizes)
        lone[order] = np.where(is_old, rank >= np.repeat(sizes - olds, sizes), rank - before >= before)
    return lone[count:], lone[:count]


def plan(
    connection: Connection,
    register: Register,
    info: RegisterInfo,
    mode: Mode,
    progress: Progress = lambda *_: None,
    *,
    since: dt.date | None = None,
    region: str = "",
) -> Plan:
    """Works out what an import would change.

    Args:
        connection: to read with.
        register: what the files hold.
        info: how the register will be described.
        mode: `update` adds; `replace` also drops what the files no longer hold.
        progress: called with (what is done now, rows).
        since: before which day rows of the files were not looked at. A replacement leaves what is stored from before it, of households
            that the files still hold: nobody has seen that it is gone.
        region: a replacement drops nothing of households that live outside it.
    """
    number = stored_import(connection)
    row = None if number is None else import_of(connection, number)
    renewed = row is not None and not readable(row.meanings)
    base = number if row is not None and not renewed else None
    replaced = numbers_in(base, region) if mode == "replace" and region and base is not None else None
    stored_ids = read_ids(connection)
    stored_words = read_words(connection)
    words, places = _new_words(register, stored_words)
    numbers, ids = _numbers(register, stored_ids)
    identity = word_hashes([*stored_ids.tolist(), *ids])
    sums = {} if row is None or renewed else {name: Sum(*sum_) for name, sum_ in json.loads(row.contents).items()}
    changes: dict[str, TableChange] = {}
    for name, table in register.tables.items():
        if not len(table) and not (mode == "replace" and base is not None):
            continue
        progress(f"comparing {name}", len(table))
        fresh = _renumbered(table, numbers, places)
        if base is None:
            hashes = row_hashes(fresh, identity, _grown(stored_words, words, name))
            changes[name] = TableChange(fresh, NO_KEYS, 0, 0)
            sums[name] = summed(hashes)
        else:
            old, lines = _old_rows(connection, fresh, mode, base, replaced)
            texts = _grown(stored_words, words, name)
            leaving = np.zeros(len(old), dtype=bool)
            if mode == "replace":
                leaving = ~too_old(name, old.columns, since) | ~np.isin(old.household, numbers)
            changes[name], total = _compare(fresh, (old, lines), identity, texts, leaving)
            sums[name] = sums.get(name, Sum()).plus(total)
    was = {} if row is None else {"county": row.county, "synthetic": row.synthetic, "until": row.known_until, "indicators": row.indicators}
    will = {
        "county": info.county,
        "synthetic": info.synthetic,
        "until": info.known_until.isoformat() if info.known_until else None,
        "indicators": declared(info),
    }
    standing, arriving = _standing(connection, base), numbers[numbers >= 0]
    staying = standing
    if mode == "replace":
        staying = standing[:0] if replaced is None else np.setdiff1d(standing, connection.execute(replaced).scalars().all())
    present = np.union1d(staying, arriving)
    return Plan(
        base=base,
        first_number=len(stored_ids),
        ids=ids,
        words=words,
        tables=changes,
        sums=sums,
        info=info,
        info_changed=was != will,
        households_new=len(np.setdiff1d(arriving, standing)),
        households_dropped=len(np.setdiff1d(standing, present)),
        households=len(present),
        renewed=renewed,
    )


NO_KEYS = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


def declared(info: RegisterInfo) -> str:
    """The indicators that a register declares, as stored JSON."""
    return json.dumps([asdict(indicator) for indicator in info.indicators], ensure_ascii=False)


def _standing(connection: Connection, base: int | None) -> Array:
    """The numbers of the households that are stored."""
    if base is None:
        return np.empty(0, dtype=np.int64)
    table = register_tables["households"]
    return np.array(connection.execute(select(table.c.household).where(visible(table, base)).distinct()).scalars().all(), dtype=np.int64)


def _numbers(register: Register, stored: Array) -> tuple[Array, list[str]]:
    """The stored number of each household of a register that has rows, -1 for the others; and the ids that need a new number."""
    has_rows = np.zeros(len(register), dtype=bool)
    for table in register.tables.values():
        has_rows[table.household] = True
    known = {name: number for number, name in enumerate(stored.tolist())}
    numbers = np.full(len(register), -1, dtype=np.int32)
    new: list[str] = []
    for place in np.flatnonzero(has_rows).tolist():
        name = str(register.household_id[place])
        number = known.get(name)
        if number is None:
            number = len(stored) + len(new)
            new.append(name)
        numbers[place] = number
    return numbers, new


def _new_words(
    register: Register, stored: Mapping[tuple[str, str], list[str]]
) -> tuple[dict[tuple[str, str], tuple[int, list[str]]], dict[tuple[str, str], Array]]:
    """Words to append by shelf, and for each column of the files the stored place of each of its words."""
    known: dict[tuple[str, str], dict[str, int]] = {}
    new: dict[tuple[str, str], tuple[int, list[str]]] = {}
    places: dict[tuple[str, str], Array] = {}
    done: dict[tuple[tuple[str, str], int], Array] = {}
    for (table, column), words in register.texts.items():
        on = shelf(table, column)
        if (on, id(words)) not in done:
            have = known.setdefault(on, {word: place for place, word in enumerate(stored.get(on, ()))})
            before = len(have)
            used = np.zeros(len(words) + 1, dtype=bool)  # words of rows that were left out are not kept either
            for other, same in register.texts.items():
                if same is words:
                    used[register.tables[other[0]].columns[other[1]]] = True
            found = [have.setdefault(word, len(have)) if kept else -1 for word, kept in zip(words, used.tolist(), strict=False)]
            _, listed = new.setdefault(on, (before, []))
            listed.extend(list(have)[before:])
            done[on, id(words)] = np.array([*found, -1], dtype=np.int32)
        places[table, column] = done[on, id(words)]
    return {on: added for on, added in new.items() if added[1]}, places


def _grown(
    stored: Mapping[tuple[str, str], list[str]], new: Mapping[tuple[str, str], tuple[int, list[str]]], table: str
) -> dict[tuple[str, str], list[str]]:
    """The words of a table's columns, those to come included."""
    return {place: words + new[on][1] if (on := shelf(*place)) in new else words for place, words in words_of(dict(stored), table).items()}


def _renumbered(table: TableArrays, numbers: Array, places: Mapping[tuple[str, str], Array]) -> TableArrays:
    """A table of the files with stored household numbers, sorted by them, and stored places of words."""
    columns = {name: places[table.name, name][values] if (table.name, name) in places else values for name, values in table.columns.items()}
    household = numbers[table.household]
    renumbered = TableArrays(table.name, Columns(TABLES[table.name], len(table), columns), household, table.visible_on, table.superseded_on)
    order = np.argsort(household, kind="stable")
    return renumbered if np.array_equal(order, np.arange(len(order))) else _chosen(renumbered, order)


def _chosen(table: TableArrays, rows: Array) -> TableArrays:
    household = table.household[rows]
    columns = Columns(TABLES[table.name], len(household), {name: values[rows] for name, values in table.columns.items()})
    return TableArrays(table.name, columns, household, table.visible_on[rows], table.superseded_on[rows])


def _old_rows(
    connection: Connection, fresh: TableArrays, mode: Mode, base: int, replaced: Select[tuple[int]] | None
) -> tuple[TableArrays, Array]:
    """The rows that stand of the households concerned, and their lines."""
    touched = fresh.household[np.r_[True, fresh.household[1:] != fresh.household[:-1]]] if len(fresh) else fresh.household
    few = mode == "update" and len(touched) <= FEW_HOUSEHOLDS
    return read_rows(connection, TABLES[fresh.name], base, touched.tolist() if few else replaced, lines=True)


def _compare(
    fresh: TableArrays,
    standing: tuple[TableArrays, Array],
    identity: Hashes,
    texts: Mapping[tuple[str, str], list[str]],
    leaving: BoolArray,
) -> tuple[TableChange, Sum]:
    """What one table's rows change, and by how much its sums change; rows that stand may be dropped where `leaving` says so."""
    old, lines = standing
    old_hashes, new_hashes = row_hashes(old, identity, texts), row_hashes(fresh, identity, texts)
    is_new, is_gone = difference((old.household, old_hashes), (fresh.household, new_hashes))
    added = _chosen(fresh, is_new)
    changed = np.isin(entity_hashes(added, identity, texts), entity_hashes(old, identity, texts))
    if fresh.name == "events":
        changed &= added.columns["event_id"] >= 0  # an event without an id is none that was known
    is_gone &= leaving
    total = summed(new_hashes[is_new]).minus(summed(old_hashes[is_gone]))
    dropped = (old.household[is_gone].astype(np.int64), lines[is_gone])
    return TableChange(added, dropped, int((~is_new).sum()), int(changed.sum())), total
