"""Rows of the register while they are made: plain arrays, one a column, with the household's place in the block.

Columns are held as in `features.register`: categories as codes, flags as 0/1, dates as days, months as months since 1970-01; a missing cell
is −1 (categories and flags), NaN or NEVER. Texts are indexes into a short list of words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from features.register import NEVER, Array, BoolArray, FloatArray
from features.tables import TABLES, Kind
from training.synth.block import Block
from training.synth.draws import Keys, keys

EPOCH_YEAR = 1970
_MISSING = {Kind.CATEGORY: -1, Kind.FLAG: -1, Kind.ID: -1, Kind.TEXT: -1, Kind.DATE: NEVER, Kind.MONTH: NEVER, Kind.NUMBER: np.nan}
_TYPES = {
    Kind.CATEGORY: np.int8, Kind.FLAG: np.int8, Kind.ID: np.int32, Kind.TEXT: np.int32, Kind.DATE: np.int32, Kind.MONTH: np.int32,
    Kind.NUMBER: np.float64,
}  # fmt: skip


@dataclass
class Rows:
    """Rows of one table.

    Attributes:
        row: (rows,) household's place in the block.
        columns: by column name; columns that are absent are missing throughout.
        words: the words behind TEXT columns.
    """

    table: str
    row: Array
    columns: dict[str, Array]
    words: dict[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, column: str) -> Array:
        return self.columns[column]

    def filled(self, column: str) -> Array:
        """The column, made if it is not there yet."""
        if column not in self.columns:
            kind = TABLES[self.table].column(column).kind
            self.columns[column] = np.full(len(self), _MISSING[kind], dtype=_TYPES[kind])
        return self.columns[column]

    def where(self, chosen: BoolArray | Array) -> Rows:
        """Some of the rows, by mask or by index."""
        return Rows(self.table, self.row[chosen], {name: values[chosen] for name, values in self.columns.items()}, self.words)

    def ordered(self) -> Rows:
        """Sorted by household; within it by known_on, then as they were made."""
        return self.where(np.lexsort((self.columns["known_on"], self.row)))

    def blank(self, column: str, which: BoolArray) -> None:
        """Empties cells of a column."""
        kind = TABLES[self.table].column(column).kind
        values = self.filled(column).copy()
        values[which] = _MISSING[kind]
        self.columns[column] = values


def rows(table: str, row: Array, **columns: Array | float | np.integer[Any]) -> Rows:
    """Makes rows of a table; a plain number stands in every row."""
    made = {}
    for name, values in columns.items():
        kind = TABLES[table].column(name).kind
        made[name] = np.ascontiguousarray(np.broadcast_to(np.asarray(values), row.shape)).astype(_TYPES[kind])
    return Rows(table, np.asarray(row, dtype=np.int64), made)


def together(parts: list[Rows]) -> Rows:
    """Rows of one table from several sources."""
    names = dict.fromkeys(name for part in parts for name in part.columns)
    columns = {name: np.concatenate([part.filled(name) for part in parts]) for name in names}
    words = next((part.words for part in parts if part.words), {})
    return Rows(parts[0].table, np.concatenate([part.row for part in parts]), columns, words)


def row_keys(block: Block, table: Rows) -> Keys:
    """A key for each row that hangs on its household and its place among that household's rows, not on the block. Rows must be ordered."""
    first = np.r_[True, table.row[1:] != table.row[:-1]] if len(table) else np.zeros(0, dtype=np.bool_)
    starts = np.flatnonzero(first)
    place = np.arange(len(table)) - np.repeat(starts, np.diff(np.r_[starts, len(table)]))
    return keys(block.hid[table.row] * 8192 + place + (1 << 44))


def delay(block: Block, name: str, who: Keys, mean: FloatArray | float, *when: int, least: int = 1, most: int = 360) -> Array:
    """Days until something is known: exponential, at least `least`, at most `most`."""
    days = -np.log(block.draws.uniform(name, who, *when)) * mean
    return np.asarray(np.clip(np.floor(days) + least, least, most), dtype=np.int32)


def absolute_month(block: Block, month: Array) -> Array:
    """A simulated month as months since 1970-01."""
    return np.asarray(month + (block.span.first - EPOCH_YEAR) * 12, dtype=np.int32)


def money(values: FloatArray, unit: float = 10.0) -> FloatArray:
    """Amounts as people state them: rounded."""
    return np.asarray(np.round(values / unit) * unit)
