"""Reads millions of small numbers out of the database several to a cell: what costs is the number of cells, not their size.

A flag needs two bits, a category a few, a day 22; a float holds 53 exactly. So the database adds up columns that were moved to bits
of their own, and numpy takes the sum apart again. Worked example, the row (household 5, source "business" = 1, amount 80.0) with 32
bits for a household and 3 for a source: one cell holds (5 + 1) + (1 + 1) * 2**32, another 80.0. Zero in a column's bits: missing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, cast, func, literal
from sqlalchemy import Table as SqlTable

from features.register import EMPTY_DTYPES, EPOCH_ORDINAL, NEVER, Array
from features.tables import Column, Kind

WORD_BITS = 53  # whole numbers below 2**53 are exact as floats
INDEX_BITS = 32
FIRST_DAY, LAST_DAY = (day.toordinal() - EPOCH_ORDINAL for day in (dt.date.min, dt.date.max))
FIRST_MONTH, LAST_MONTH = ((year - 1970) * 12 + month for year, month in ((1, 0), (9999, 11)))
MISSING = -1.7976931348623157e308  # a float cell that is NULL: the lowest number that could be held, and none is


@dataclass(frozen=True, slots=True)
class Bits:
    """Where a column lies: in which word, from which bit on, over how many, and what is added so that it begins at one."""

    name: str
    word: int
    shift: int
    bits: int
    offset: int


def _room(column: Column) -> tuple[int, int] | None:
    """(bits, offset) of a column of small whole numbers; None for any other."""
    match column.kind:
        case Kind.ID | Kind.TEXT:
            return INDEX_BITS, 1
        case Kind.CATEGORY:
            return len(column.codes).bit_length(), 1
        case Kind.FLAG:
            return 2, 1
        case Kind.DATE:
            return (LAST_DAY - FIRST_DAY + 1).bit_length(), 1 - FIRST_DAY
        case Kind.MONTH:
            return (LAST_MONTH - FIRST_MONTH + 1).bit_length(), 1 - FIRST_MONTH
    return None


class Packing:
    """How the columns of one table lie in cells.

    Args:
        columns: the declared columns but household_id.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
        self._free: list[int] = []
        self.household = self._place("household", INDEX_BITS, 1)
        self.placed = {column.name: self._place(column.name, *room) for column in columns if (room := _room(column)) is not None}
        self.floats = [column.name for column in columns if _room(column) is None]

    @property
    def width(self) -> int:
        """Cells a row."""
        return len(self._free) + len(self.floats)

    def _place(self, name: str, bits: int, offset: int) -> Bits:
        """Finds room in the first word that has some."""
        word = next((word for word, free in enumerate(self._free) if bits <= free), len(self._free))
        if word == len(self._free):
            self._free.append(WORD_BITS)
        shift = WORD_BITS - self._free[word]
        self._free[word] -= bits
        return Bits(name, word, shift, bits, offset)

    def cells(self, table: SqlTable) -> list[ColumnElement[Any]]:
        """What to select: the words, then the floats."""
        required = {column.name for column in self._columns if column.required} | {"household"}
        words: list[Any] = [literal(0)] * len(self._free)
        for at in (self.household, *self.placed.values()):
            value = cast(table.c[at.name], BigInteger) + at.offset
            words[at.word] += (value if at.name in required else func.coalesce(value, 0)) * 2**at.shift
        return words + [func.coalesce(table.c[name], literal(MISSING)) for name in self.floats]

    def unpack(self, block: Array) -> tuple[Array, dict[str, Array]]:
        """Takes cells apart again.

        Args:
            block: (rows, width) floats, as `cells` selects them.

        Returns:
            (rows,) household index, and the columns as the register holds them.
        """
        words = [block[:, word].astype(np.int64) for word in range(len(self._free))]

        def numbers(at: Bits) -> Array:
            values: Array = (words[at.word] >> at.shift) & ((1 << at.bits) - 1)
            return values

        columns: dict[str, Array] = {}
        for column in self._columns:
            kind = column.kind
            if column.name not in self.placed:
                values = block[:, len(words) + self.floats.index(column.name)].copy()
                values[values == MISSING] = np.nan
            else:
                at = self.placed[column.name]
                packed = numbers(at)
                absent = np.nan if kind is Kind.FLAG else NEVER if kind in (Kind.DATE, Kind.MONTH) else -1
                values = np.where(packed == 0, absent, packed - at.offset)
            columns[column.name] = values.astype(EMPTY_DTYPES[kind])
        return (numbers(self.household) - self.household.offset).astype(np.int32), columns
