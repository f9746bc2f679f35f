"""The register in memory: arrays sorted by household, and what of them was known on a date.

One mechanism serves every table. Each row carries two days computed once, when the register is assembled:

* `visible_on`: when the row began to count, the later of `known_on` and `valid_from`;
* `superseded_on`: when another row of the same thing, later in validity or (for the same validity) known later, began to count.

A row is current on `as_of` exactly when `visible_on <= as_of < superseded_on`: a mask, no sorting, no look-ahead.

Worked example, a member's labour ability:
    row A: valid 2019-01-01, known 2019-01-20, able   -> visible 2019-01-20, superseded 2021-08-01
    row B: valid 2021-06-05, known 2021-08-01, lost   -> visible 2021-08-01, superseded never
    as_of 2021-07-01 sees A; as_of 2021-08-01 sees B. Deleting B before 2021-08-01 would change nothing that is seen.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from features.codes import Groups
from features.tables import TABLES, Kind, Table

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]

NEVER = np.int32(2**31 - 1)
"""The day that never comes, and the month: missing dates and months are held as this."""

MANY_ROWS = 10_000
"""From here on rows are worth preparing for a faster sort; one household's are not."""

# What features hold columns against; as arrays, since numpy takes two arrays faster than an array and a Python number.
YES, NO, UNKNOWN = np.array(1.0), np.array(0.0), np.array(np.nan)

EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()
EMPTY_DTYPES: dict[Kind, Any] = {
    Kind.ID: np.int32,
    Kind.TEXT: np.int32,
    Kind.CATEGORY: np.int8,
    Kind.FLAG: np.float64,
    Kind.NUMBER: np.float64,
    Kind.DATE: np.int32,
    Kind.MONTH: np.int32,
}


def day(date: dt.date) -> int:
    """A date as days since 1970-01-01.

    >>> day(dt.date(1970, 1, 11))
    10
    """
    return date.toordinal() - EPOCH_ORDINAL


def last_full_month(as_of: dt.date) -> int:
    """The last month that has wholly passed on a date, as months since 1970-01.

    >>> last_full_month(dt.date(1970, 3, 31)), last_full_month(dt.date(1970, 3, 30))
    (2, 1)
    """
    tomorrow = as_of + dt.timedelta(days=1)
    return (tomorrow.year - 1970) * 12 + tomorrow.month - 2


@dataclass(frozen=True, slots=True)
class Indicator:
    """An input that only this register has: its name, Chinese name, unit, risk direction (+1, -1, 0) and the cause word it speaks for."""

    name: str
    zh: str
    unit: str = ""
    direction: int = 0
    cause: str = "other"


@dataclass(frozen=True, slots=True)
class RegisterInfo:
    """What is known of the register as a whole.

    Attributes:
        county: 6-digit area code, or "" where it holds several.
        synthetic: True where no real person stands behind a row; such registers use the synthetic line table.
        known_until: the last day for which the register claims to be complete in what was known.
        indicators: the declared names of the indicators table.
        digest: the version of the data (`features.contents`), "" where nobody worked it out.
        key_mark: where its ids are pseudonyms already, the mark of their key; "" where they are plain.
    """

    county: str = ""
    synthetic: bool = False
    known_until: dt.date | None = None
    indicators: tuple[Indicator, ...] = ()
    digest: str = ""
    key_mark: str = ""


MISSING: dict[Kind, float | int] = {
    Kind.ID: -1,
    Kind.TEXT: -1,
    Kind.CATEGORY: -1,
    Kind.FLAG: math.nan,
    Kind.NUMBER: math.nan,
    Kind.DATE: int(NEVER),
    Kind.MONTH: int(NEVER),
}


_BLANK = {kind: np.full(MANY_ROWS, missing, dtype=EMPTY_DTYPES[kind]) for kind, missing in MISSING.items()}
for _values in _BLANK.values():
    _values.flags.writeable = False


class Columns(dict[str, Array]):
    """The columns of one table; a column that nobody filled in is made when it is first looked at, all missing."""

    def __init__(self, schema: Table, rows: int, filled: Mapping[str, Array]) -> None:
        super().__init__(filled)
        self.schema = schema
        self.rows = rows

    def __missing__(self, name: str) -> Array:
        kind = self.schema.column(name).kind
        few = self.rows <= MANY_ROWS
        values = self[name] = _BLANK[kind][: self.rows] if few else np.full(self.rows, MISSING[kind], dtype=EMPTY_DTYPES[kind])
        return values


@dataclass(frozen=True, slots=True)
class TableArrays:
    """One table as arrays: row r belongs to household `household[r]`; rows are sorted by household.

    Attributes:
        settled_on: the day from which all rows count, where none is ever superseded; else the day that never comes.
    """

    name: str
    columns: Columns
    household: IntArray
    visible_on: IntArray
    superseded_on: IntArray
    settled_on: int = int(NEVER)

    def __len__(self) -> int:
        return len(self.household)


@dataclass(frozen=True, slots=True)
class Register:
    """All facts of a set of households, with when each was true and when it was known.

    Attributes:
        household_id: (n,) ids as text, sorted.
        village_code: per village index, the 12-digit code; `tables["households"].columns["village_code"]` holds indexes
            into it.
        tables: by table name.
        texts: per table and TEXT/ID column, the words behind the indexes.
    """

    household_id: npt.NDArray[np.str_]
    tables: Mapping[str, TableArrays]
    texts: Mapping[tuple[str, str], Sequence[str]]
    info: RegisterInfo = field(default_factory=RegisterInfo)

    def __len__(self) -> int:
        return len(self.household_id)

    def at(self, as_of: dt.date) -> View:
        """What was known of these households on a date."""
        return View(self, as_of)

    def select(self, chosen: BoolArray) -> Register:
        """The register of some households only (chosen: one bool a household), their order kept."""
        place = np.cumsum(chosen, dtype=np.int32) - np.int32(1)
        tables = {}
        for name, table in self.tables.items():
            rows = chosen[table.household]
            tables[name] = TableArrays(
                name,
                Columns(TABLES[name], int(rows.sum()), {column: values[rows] for column, values in table.columns.items()}),
                place[table.household[rows]],
                table.visible_on[rows],
                table.superseded_on[rows],
                table.settled_on,
            )
        return Register(self.household_id[chosen], tables, self.texts, self.info)


def assemble(
    schema: Table, household: IntArray, columns: Mapping[str, Array], repeated: Callable[[Array, Array], None] | None = None
) -> TableArrays:
    """Sorts one table's encoded columns by household and works out from when until when each row counts.

    Args:
        schema: the table's declaration.
        household: (rows,) index of the household of each row.
        columns: the schema's columns but household_id, encoded as `EMPTY_DTYPES` says; columns left out are all
            missing.
        repeated: called, where there are such, with (earlier rows, later rows) that tell one thing's state from the same
            day, as known on the same day: of these the later one counts. Places are those of what was given.

    Returns:
        the table, rows sorted by (household, entity, valid, known_on).
    """
    rows = len(household)
    columns = Columns(schema, rows, columns)
    known = columns["known_on"]
    valid = columns[schema.valid] if schema.valid else None
    entity = [columns[name] for name in schema.entity]
    order = None
    if rows > 1:
        order = _order([household, *entity, *([] if valid is None else [valid]), known])
        if not np.array_equal(order, np.arange(rows)):
            household = household[order]
            columns = Columns(schema, rows, {name: values[order] for name, values in columns.items()})
            known = columns["known_on"]
            valid = columns[schema.valid] if schema.valid else None
            entity = [columns[name] for name in schema.entity]
    visible = known if valid is None else np.maximum(known, valid)
    superseded = np.full(rows, NEVER, dtype=np.int32)
    settled = int(visible.max(initial=0))
    if rows > 1:
        same = household[1:] == household[:-1]
        for values in entity:
            same &= values[1:] == values[:-1]
        if schema.name == "events":
            same &= columns["event_id"][1:] >= 0  # rows without an id are each their own event
        followed = same.nonzero()[0]
        if len(followed):
            settled = int(NEVER)
            if repeated is not None:
                twice = followed[known[followed] == known[followed + 1]]
                if valid is not None:
                    twice = twice[valid[twice] == valid[twice + 1]]
                if len(twice) and order is not None:
                    repeated(order[twice], order[twice + 1])
            # Smallest visible_on among the later rows of the same thing: one running minimum from the end over `visible +
            # thing * step`. Things ascend, so what is carried over from a later thing is larger than anything of one's own
            # and never wins. Most rows are never followed and stay out of it.
            thing = np.r_[0, np.cumsum(np.diff(followed) > 1)] * np.int64(2**33)
            superseded[followed] = np.minimum.accumulate((visible[followed + 1] + thing)[::-1])[::-1] - thing
    return TableArrays(schema.name, columns, household, visible, superseded, settled)


def _order(columns: Sequence[Array]) -> Array:
    """The order that sorts rows by the first column, then the second and so on; equal rows stay as they were."""
    if len(columns[0]) < MANY_ROWS:
        return np.lexsort(columns[::-1])
    # Several small integers fit in one of 64 bits, and one key is sorted much faster than five.
    keys: list[Array] = []
    room = 2**63
    for column in columns:
        low = int(column.min())
        span = int(column.max()) - low + 1
        room *= span
        if room < 2**63:
            keys[-1] = keys[-1] * span + (column - np.int64(low))
        else:
            keys.append(column - np.int64(low))
            room = span
    return np.lexsort(keys[::-1])


def empty_table(schema: Table) -> TableArrays:
    """A table without rows."""
    none = np.empty(0, dtype=np.int32)
    return TableArrays(schema.name, Columns(schema, 0, {}), none, none, none, settled_on=0)


class View:
    """What was known on one date: the rows that count, table by table, read lazily.

    Attributes:
        day: the date, as days since 1970-01-01.
        month: the last month that had wholly passed, since 1970-01.
        n: households.
    """

    def __init__(self, register: Register, as_of: dt.date) -> None:
        self.register = register
        self.as_of = as_of
        self._today = day(as_of)
        self.day = np.array(self._today, dtype=np.int32)
        self.month = np.array(last_full_month(as_of), dtype=np.int32)
        self.n = len(register)
        self._current: dict[str, TableView] = {}
        self._households = np.arange(self.n + 1, dtype=np.int32)

    def __getitem__(self, table: str) -> TableView:
        """The rows of a table that count on the date: one version of each thing."""
        view = self._current.get(table)
        if view is None:
            view = self._current[table] = self._counting(self.register.tables[table])
        return view

    def _counting(self, arrays: TableArrays, chosen: BoolArray | None = None) -> TableView:
        """The rows that count on the date, or those of them that are chosen."""
        if arrays.settled_on > self._today:
            counting = (arrays.visible_on <= self.day) & (arrays.superseded_on > self.day)
            chosen = counting if chosen is None else chosen & counting
        return TableView(arrays, chosen, self._households)

    def between(self, table: str, first: int, last: int) -> TableView:
        """The rows that count and whose period touches the months from `first` to `last`: nine years need not be summed for one."""
        arrays = self.register.tables[table]
        return self._counting(arrays, (arrays.columns["period_end"] >= first) & (arrays.columns["period_start"] <= last))

    def ended(self, table: str, months: int) -> TableView:
        """The rows that count and whose period ended within so many months."""
        arrays = self.register.tables[table]
        end = arrays.columns["period_end"]
        return self._counting(arrays, (end <= self.month) & (end > self.month - months))

    def known(self, table: str) -> TableView:
        """All rows of a table known on the date, superseded ones too: for what changed."""
        arrays = self.register.tables[table]
        return TableView(arrays, arrays.visible_on <= self.day, self._households)


class TableView:
    """Some rows of one table, with sums and extremes by household.

    Many values may be drawn together in one call: for one household the price is the number of calls, for a million the
    number of rows, and both are paid once. What a household gets depends on its own rows only, so one household alone
    gives the same bits as a county.
    """

    __slots__ = ("_arrays", "_cache", "_edges", "_households", "_rows", "household", "n")

    def __init__(self, arrays: TableArrays, rows: BoolArray | None, households: IntArray) -> None:
        self._arrays = arrays
        self._rows = None if rows is None or np.count_nonzero(rows) == len(rows) else rows  # None is all
        self._cache: dict[str, Array] = {}
        self._edges: tuple[Array, Array | None] | None = None
        self._households = households
        self.n = len(households) - 1
        self.household = arrays.household if self._rows is None else arrays.household[self._rows]

    def __len__(self) -> int:
        return len(self.household)

    def __getitem__(self, column: str) -> Array:
        if self._rows is None:
            return self._arrays.columns[column]
        values = self._cache.get(column)
        if values is None:
            values = self._cache[column] = self._arrays.columns[column][self._rows]
        return values

    def only(self, which: BoolArray) -> TableView:
        """These rows of the view alone."""
        if np.count_nonzero(which) == len(which):
            return self
        rows = np.ones(len(self._arrays), dtype=bool) if self._rows is None else self._rows.copy()
        rows[rows] = which
        return TableView(self._arrays, rows, self._households)

    def _by_household(self, reduce: np.ufunc, values: Array, default: float) -> Array:
        """Values of the rows, (…, rows), drawn together household by household, (…, n); `default` where one has no row."""
        if len(self):
            if self._edges is None:
                first = self.household.searchsorted(self._households)
                starts, some = first[:-1], first[:-1] < first[1:]
                self._edges = (starts, None) if np.count_nonzero(some) == self.n else (starts[some], some)
            starts, holders = self._edges
            drawn: Array = reduce.reduceat(values, starts, axis=-1)
            if holders is None:
                return drawn
        out = np.full((*values.shape[:-1], self.n), default, dtype=values.dtype)
        if len(self):
            out[..., holders] = drawn
        return out

    def which(self, groups: Groups) -> BoolArray:
        """Which rows carry a code of each group: (groups, rows)."""
        return groups.members.take(self[groups.column], axis=1)

    def total(self, values: Array, default: float = 0.0) -> FloatArray:
        """Sums by household of numbers or truths of the rows, (…, rows) → (…, n); `default` where a household has no row."""
        return self._by_household(np.add, values.astype(np.float64), default)

    def totals(self, *values: Array, default: float = 0.0) -> FloatArray:
        """The same of several values, (values, n), in one step."""
        return self._by_household(np.add, stack(values), default)

    def highest(self, values: Array, default: float = np.nan) -> FloatArray:
        """Largest numbers by household, (…, rows) → (…, n), NaN passed over; `default` where a household has no row."""
        return self._by_household(np.fmax, values, default)

    def lowest(self, values: Array, default: float = np.nan) -> FloatArray:
        """Smallest numbers by household, (…, rows) → (…, n), NaN passed over; `default` where a household has no row."""
        return self._by_household(np.fmin, values, default)

    def union(self, bits: Array) -> Array:
        """Bits of all rows of each household, (…, rows), or-ed together, (…, n); zero where a household has no row."""
        return self._by_household(np.bitwise_or, bits, 0)

    def row(self, *columns: Array) -> FloatArray:
        """The household's one row, (columns, n), NaN without one: for tables of which one row a household counts."""
        rows = stack(columns)
        if len(self) == self.n:
            return rows
        out = np.full((len(columns), self.n), np.nan)
        out[:, self.household] = rows
        return out


def stack(values: Sequence[Array]) -> FloatArray:
    """Arrays of one length as the rows of a matrix of numbers; one that is a matrix already brings all its rows."""
    together = np.concatenate(values, dtype=np.float64)
    return together if together.ndim == 2 else together.reshape(len(values), -1)
