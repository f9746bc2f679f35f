"""Writes an import in small steps that nobody sees; one number then makes it count."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np
from sqlalchemy import Connection, Delete, Update, bindparam, delete, func, insert, select, update
from sqlalchemy import Table as SqlTable

from features.contents import digest
from features.register import MISSING, Array, TableArrays
from features.tables import TABLES
from service.storage.codebook import codebook
from service.storage.database import Cells, Database, insert_columns, plain_rows
from service.storage.exclusive import Held
from service.storage.import_plan import FEW_HOUSEHOLDS, Mode, Plan, Progress, declared
from service.storage.tables import imports, register_ids, register_state, register_tables, register_words

ROWS_AT_ONCE = 40_000  # a fifth of a second of writing: whoever records a visit meanwhile waits no longer
HOUSEHOLDS_AT_ONCE = 2_000
SHARE_OF_PAUSES, LONGEST_PAUSE = 0.25, 0.05


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """What is kept of an import beside its rows.

    Attributes:
        fingerprint: of files, months, mode and key together: the same again need not even be read.
        key_mark: the mark of the pseudonym key.
    """

    fingerprint: str
    mode: Mode
    months: int | None
    key_mark: str
    rows_left_out: int
    problems: int


def write(database: Database, planned: Plan, record: ImportRecord, now: str, *, held: Held, progress: Progress = lambda *_: None) -> int:
    """Writes an import in small steps that nobody sees, then puts it in use.

    Nobody else may import meanwhile (`service.storage.exclusive`).

    Args:
        database: where to.
        planned: what to write.
        record: what to keep beside it.
        now: for the record.
        held: raises if somebody else may be importing by now; the import then takes no effect.
        progress: called with (what is done now, rows written) between the steps.

    Returns:
        the import's number.
    """
    with database.writing() as connection:
        number = int(
            connection.execute(
                insert(imports)
                .values(
                    **asdict(record),
                    county=planned.info.county,
                    synthetic=planned.info.synthetic,
                    known_until=planned.info.known_until.isoformat() if planned.info.known_until else None,
                    indicators=declared(planned.info),
                    contents=json.dumps(planned.sums),
                    digest=digest(planned.info, planned.sums),
                    meanings=codebook(),
                    households=planned.households,
                    rows=planned.rows,
                )
                .returning(imports.c.id)
            ).scalar_one()
        )
    steps = _Steps(database)
    steps.columns(register_ids, {"household": np.arange(len(planned.ids)) + planned.first_number, "household_id": planned.ids})
    for (of_table, of_column), (first, words) in planned.words.items():
        names = {"table_name": [of_table] * len(words), "column_name": [of_column] * len(words)}
        steps.columns(register_words, {**names, "place": np.arange(len(words)) + first, "word": words})
    if planned.renewed:
        for table in register_tables.values():
            steps.ranges(table, planned.first_number, update(table).where(table.c.dropped_in.is_(None)).values(dropped_in=number))
    written = 0
    for name, change in planned.tables.items():
        table = register_tables[name]
        progress(f"writing {name}", written)
        steps.drop(name, change.dropped, number)
        steps.columns(table, _stored_columns(database, change.added, number))
        written += len(change.added)
    with database.writing() as connection:
        held()  # asked in the writers' turn, in which others sweep too: either they see this import in use, or it never comes to be
        if connection.execute(update(imports).where(imports.c.id == number).values(imported_at=now)).rowcount != 1:
            raise RuntimeError(f"import {number} was taken away while it was being written")
        connection.execute(delete(register_state))
        connection.execute(insert(register_state).values(id=1, import_id=number))
    return number


def sweep(database: Database) -> None:
    """Removes what imports left that never came to their end. Nobody may import meanwhile."""
    with database.writing() as connection:  # in the writers' turn: whoever lost the place cannot put an import in use behind this
        broken = connection.execute(select(imports.c.id).where(imports.c.imported_at.is_(None))).scalars().all()
        last = connection.execute(select(func.max(register_ids.c.household))).scalar_one() or 0
    steps = _Steps(database)
    for number in broken:
        for table in register_tables.values():
            steps.ranges(table, last, delete(table).where(table.c.loaded_in == number))
            steps.ranges(table, last, update(table).where(table.c.dropped_in == number).values(dropped_in=None))
        with database.writing() as connection:
            connection.execute(delete(imports).where(imports.c.id == number))


class _Steps:
    """Writes a little at a time, and lets others write in between."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @contextmanager
    def step(self) -> Iterator[Connection]:
        """One short transaction."""
        began = time.monotonic()
        with self.database.writing() as connection:
            yield connection
        if self.database.is_sqlite:
            # SQLite gives the next turn to whoever happens to ask at that moment, and those who wait ask ever more rarely.
            time.sleep(min(LONGEST_PAUSE, (time.monotonic() - began) * SHARE_OF_PAUSES))

    def columns(self, table: SqlTable, columns: Mapping[str, Cells]) -> None:
        """Inserts rows."""
        rows = len(next(iter(columns.values())))
        for start in range(0, rows, ROWS_AT_ONCE):
            some = {name: cells[start : start + ROWS_AT_ONCE] for name, cells in columns.items()}
            with self.step() as connection:
                insert_columns(connection, table, some, min(ROWS_AT_ONCE, rows - start))

    def drop(self, name: str, keys: tuple[Array, Array], number: int) -> None:
        """Marks rows as dropped."""
        table = register_tables[name]
        marking = update(table).where(table.c.household == bindparam("of"), table.c.line == bindparam("at")).values(dropped_in=number)
        rows = [{"of": of, "at": at} for of, at in zip(keys[0].tolist(), keys[1].tolist(), strict=True)]
        for start in range(0, len(rows), ROWS_AT_ONCE // 4):
            with self.step() as connection:
                connection.execute(marking, rows[start : start + ROWS_AT_ONCE // 4])

    def ranges(self, table: SqlTable, last: int, statement: Update | Delete) -> None:
        """Does the same to all households of a table, some at a time."""
        for first in range(0, last + 1, HOUSEHOLDS_AT_ONCE):
            with self.step() as connection:
                connection.execute(statement.where(table.c.household.between(first, first + HOUSEHOLDS_AT_ONCE - 1)))


def _stored_columns(database: Database, added: TableArrays, number: int) -> dict[str, Cells]:
    """The columns of rows to write, as the database holds them; in arrays of floats NaN stands for NULL."""
    rows = len(added)
    if not rows:
        return {"household": []}
    columns: dict[str, Cells] = {
        "household": added.household,
        "line": _lines(database, added),
        "loaded_in": np.full(rows, number),
    }
    for column in TABLES[added.name].columns:
        if column.name in added.columns:
            values = added.columns[column.name]
            if values.dtype.kind != "f" and (missing := values == MISSING[column.kind]).any():
                values = np.where(missing, np.nan, values)
            columns[column.name] = values
    return columns


def _lines(database: Database, added: TableArrays) -> Array:
    """The line of each row to write: rows of a household count on from the last that was ever written."""
    table = register_tables[added.name]
    first = np.flatnonzero(np.r_[True, added.household[1:] != added.household[:-1]])
    touched = added.household[first]
    query = select(table.c.household, func.max(table.c.line)).group_by(table.c.household)
    if len(touched) <= FEW_HOUSEHOLDS:
        query = query.where(table.c.household.in_(touched.tolist()))
    with database.reading() as connection:
        last = dict(plain_rows(connection, query))
    after = np.array([last.get(number, -1) + 1 for number in touched.tolist()], dtype=np.int64)
    sizes = np.diff(np.append(first, len(added)))
    lines: Array = np.arange(len(added)) - np.repeat(first - after, sizes)
    return lines
