"""What a register holds, as one number: the same facts give the same version, in whatever order, files or packing they came.

Each row becomes a 64-bit number that depends on its household and on all its cells that are not blank, so that a column which is
declared later changes nothing of rows that say nothing there; a table's numbers are added up. Sums do not depend on
order, and a register that gains or loses rows gets its new sums from the old ones. Worked example: a county of 1.5 million rows that gains
three needs three numbers, not 1.5 million.

The numbers tell versions apart. They are no seal: whoever wanted to could make two registers of one version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.register import MISSING, Array, Register, RegisterInfo, TableArrays
from features.tables import TABLES, Column, Kind

Hashes = npt.NDArray[np.uint64]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_WHOLE = 2**64
_ABSENT = np.uint64(0x5851F42D4C957F2D)
_UNNAMED = np.uint64(1)
_BLOCK = 16_384


class Sum(NamedTuple):
    """What the rows of a table add up to: their number, and two sums over them."""

    rows: int = 0
    first: int = 0
    second: int = 0

    def plus(self, other: Sum) -> Sum:
        """The sum with further rows."""
        return Sum(self.rows + other.rows, (self.first + other.first) % _WHOLE, (self.second + other.second) % _WHOLE)

    def minus(self, other: Sum) -> Sum:
        """The sum without some of its rows."""
        return Sum(self.rows - other.rows, (self.first - other.first) % _WHOLE, (self.second - other.second) % _WHOLE)


def word_hashes(words: Sequence[str]) -> Hashes:
    """One number a word."""
    return np.frombuffer(b"".join(hashlib.blake2b(word.encode(), digest_size=8).digest() for word in words), dtype="<u8").astype(np.uint64)


def row_hashes(table: TableArrays, households: Hashes, texts: Mapping[tuple[str, str], Sequence[str]]) -> Hashes:
    """One number a row, from the household's number and all cells.

    Args:
        table: the rows.
        households: by household index, as `word_hashes` makes them of the ids.
        texts: the words behind the indexes; words that were not kept count as one and the same.
    """
    columns = [column for column in TABLES[table.name].columns if column.name != "household_id"]
    return _hashes(table, columns, households, texts)


def entity_hashes(table: TableArrays, households: Hashes, texts: Mapping[tuple[str, str], Sequence[str]]) -> Hashes:
    """One number a row, the same for all rows that speak of the same thing."""
    schema = TABLES[table.name]
    return _hashes(table, [schema.column(name) for name in schema.entity], households, texts)


def _hashes(table: TableArrays, columns: Sequence[Column], households: Hashes, texts: Mapping[tuple[str, str], Sequence[str]]) -> Hashes:
    mixed: Hashes = households[table.household]
    words = {
        column.name: _words(table.columns[column.name], texts.get((table.name, column.name), ()))
        for column in columns
        if column.kind in (Kind.ID, Kind.TEXT) and column.name in table.columns
    }
    for start in range(0, len(mixed), _BLOCK):  # small enough to stay near the processor: twice as fast as whole columns
        rows = slice(start, start + _BLOCK)
        for column in columns:
            if column.name in table.columns:
                cells = _cells(column, table, rows, words.get(column.name))
                stirred = mixed[rows].copy()
                _mix(stirred, cells ^ _own(column.name))
                np.copyto(mixed[rows], stirred, where=cells != _ABSENT)
    return mixed


def summed(hashes: Hashes) -> Sum:
    """What rows add up to."""
    second = hashes.copy()
    _mix(second, _ABSENT)
    return Sum(len(hashes), int(hashes.sum(dtype=np.uint64)), int(second.sum(dtype=np.uint64)))


def digest(info: RegisterInfo, sums: Mapping[str, Sum]) -> str:
    """The version of the data: sha256 over the description and the sums of the tables that have rows."""
    described = [
        info.county,
        info.synthetic,
        info.known_until.isoformat() if info.known_until else None,
        [asdict(indicator) for indicator in sorted(info.indicators, key=lambda indicator: indicator.name)],
    ]
    tables = {name: sums[name] for name in sorted(sums) if sums[name].rows}
    return hashlib.sha256(json.dumps([described, tables], ensure_ascii=False).encode()).hexdigest()


def register_digest(register: Register) -> str:
    """The version of a register's data."""
    households = word_hashes(register.household_id.tolist())
    sums = {name: summed(row_hashes(table, households, register.texts)) for name, table in register.tables.items()}
    return digest(register.info, sums)


def _mix(mixed: Hashes, cells: Hashes | np.uint64) -> None:
    """Stirs one column's cells into the numbers of the rows, in place."""
    np.bitwise_xor(mixed, cells, out=mixed)
    np.multiply(mixed, _MULTIPLIER, out=mixed)
    np.bitwise_xor(mixed, mixed >> _SHIFT, out=mixed)


@lru_cache
def _own(name: str) -> np.uint64:
    """A column's own number: a cell says something else in another column."""
    return np.uint64(word_hashes([name])[0])


def _cells(column: Column, table: TableArrays, rows: slice, words: Hashes | None) -> Hashes:
    """Some of a column's cells as 64-bit numbers; `_ABSENT` is a blank."""
    values: Array = table.columns[column.name][rows]
    cells: Hashes
    if words is not None:
        cells = words[values]
    elif values.dtype.kind == "f":
        cells = (values + 0.0).view(np.uint64)  # minus nought is nought
        cells[np.isnan(values)] = _ABSENT
    else:  # dates and categories: so few numbers that a missing one can be moved to where no other lies
        cells = (values.astype(np.int64) ^ np.int64(MISSING[column.kind])).view(np.uint64) ^ _ABSENT
    return cells


def _words(places: Array, words: Sequence[str]) -> Hashes:
    """The number of the word at each place; only words that occur are looked at."""
    hashes = np.full(max(len(words), int(places.max(initial=-1)) + 1) + 1, _UNNAMED)
    hashes[-1] = _ABSENT  # the place -1
    if len(words):
        occurs = np.zeros(len(hashes), dtype=bool)
        occurs[places] = True
        used = np.flatnonzero(occurs[:-1])
        hashes[used] = word_hashes([words[place] for place in used.tolist()])
    return hashes
