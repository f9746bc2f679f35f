"""Cells become arrays: from Arrow columns of a file, or from the lists of a nested JSON household.

Both ways obey the same schema and give the same arrays (a test holds them to it), so that a household scored from the
register and the same household scored from JSON cannot differ. A cell that cannot be read becomes missing and is
reported; its row stays.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from features.money import grained, in_yuan
from features.register import EMPTY_DTYPES, EPOCH_ORDINAL, MISSING, Array
from features.tables import TABLES, Column, Kind

EARLIEST_YEAR = 1900
MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
DISTINCT_CELLS = 1 << 14  # remembered of a column: the days of 44 years
PLAIN = (float, int)  # not bool, which is no number here
WHOLE = (int,)  # where others are looked at one by one
LARGEST = sys.float_info.max
YES = {True, "1", "是", "yes", "true", "True", "Y", "y"}
NO = {False, "0", "否", "no", "false", "False", "N", "n"}


class CellError(ValueError):
    """A cell that cannot be read as its column asks; the message says what is allowed."""


def encode_cells(column: Column, cells: Sequence[Any], report: Callable[[int, str], None]) -> Array:
    """Encodes Python cells (from JSON or a worksheet) of one column.

    Args:
        column: the declaration.
        cells: one value a row; None or "" is missing.
        report: called with (row index, reason) for each cell that cannot be used.

    Returns:
        float64 for numbers and flags (NaN missing), int8 for categories (-1), int32 days or months (NEVER). ID and TEXT
        columns are not
        encoded here: their words need the whole register.
    """
    read = _READ[id(column)]
    try:
        if column.kind is Kind.NUMBER:
            low, high = _range(column)
            plain = WHOLE if column.whole else PLAIN
            values = [cell if type(cell) in plain and low <= cell <= high else read(cell) for cell in cells]
        else:
            values = list(map(read, cells))
    except (CellError, TypeError):  # now cell by cell, to say what is wrong and where
        values = [_read_or_report(column, row, cell, report) for row, cell in enumerate(cells)]
    out = np.array(values, dtype=EMPTY_DTYPES[column.kind])
    return grained(out) if column.kind is Kind.NUMBER and in_yuan(column) else out


def _range(column: Column) -> tuple[float, float]:
    """The smallest and the largest number that may stand in a column."""
    return -LARGEST if column.low is None else column.low, LARGEST if column.high is None else column.high


def _read(column: Column, cell: Any) -> float:
    """What one cell stands for; raises CellError where it cannot be read."""
    if cell is None or cell == "":
        if column.required:
            raise CellError(f"缺少 {column.zh} {column.name} is missing")
        return MISSING[column.kind]
    return _READERS[column.kind](column, cell)


def _read_or_report(column: Column, row: int, cell: Any, report: Callable[[int, str], None]) -> float:
    try:
        return _read(column, cell)
    except CellError as error:
        report(row, str(error))
        return MISSING[column.kind]


def _number(column: Column, cell: Any) -> float:
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        if not isinstance(cell, str):
            raise CellError(f"{cell!r} 不是数字 is not a number")
        try:
            cell = float(cell.strip())
        except ValueError:
            raise CellError(f"{cell!r} 不是数字 is not a number") from None
    try:
        number = float(cell)
    except OverflowError:
        raise CellError("数值过大 the number is too large") from None
    if not math.isfinite(number):
        raise CellError(f"{cell!r} 不是有限数值 is not a finite number")
    low, high = _range(column)
    if not low <= number <= high:
        raise CellError(f"{number:g} 超出允许范围 is outside {low:g} … {high:g} {column.unit}".replace("  ", " "))
    if column.whole and not number.is_integer():
        raise CellError(f"{number:g} 不是整数 is no whole number")
    return number


def _flag(_: Column, cell: Any) -> float:
    try:
        if cell in YES:
            return 1.0
        if cell in NO:
            return 0.0
    except TypeError:
        pass
    raise CellError(f"{cell!r} 只能填 是/否 is neither yes nor no (true/false)")


def _category(column: Column, cell: Any) -> int:
    code = _CODES[id(column)].get(cell) if isinstance(cell, str) else None
    if code is None:
        raise CellError(f"{cell!r} 未知代码 is not a known code; 允许 allowed: {', '.join(f'{c} {zh}' for c, zh in column.values)}")
    return code


def _date(_: Column, cell: Any) -> int:
    try:
        date = cell if type(cell) is dt.date else cell.date() if isinstance(cell, dt.datetime) else dt.date.fromisoformat(cell)
    except (ValueError, TypeError):
        raise CellError(f"{cell!r} 不是日期 is not a date; 写 write YYYY-MM-DD") from None
    if date.year < EARLIEST_YEAR:
        raise CellError(f"{cell!r} 早于 {EARLIEST_YEAR} 年 lies before {EARLIEST_YEAR}")
    return date.toordinal() - EPOCH_ORDINAL


def _month(_: Column, cell: Any) -> int:
    if isinstance(cell, dt.date):
        return (cell.year - 1970) * 12 + cell.month - 1
    if not isinstance(cell, str) or not MONTH.fullmatch(cell) or int(cell[:4]) < EARLIEST_YEAR:
        raise CellError(f"{cell!r} 不是月份 is not a month; 写 write YYYY-MM")
    return (int(cell[:4]) - 1970) * 12 + int(cell[5:]) - 1


_READERS: dict[Kind, Callable[[Column, Any], float]] = {
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
    Kind.CATEGORY: _category,
    Kind.DATE: _date,
    Kind.MONTH: _month,
}
# By identity: hashing a declaration for each cell would cost more than reading the cell.
_READABLE = [column for table in TABLES.values() for column in table.columns if column.kind in _READERS]
# A code, its Chinese label and the other names it goes by all count.
_CODES: dict[int, dict[str, int]] = {
    id(column): {word: index for index, pair in enumerate(column.values) for word in pair}
    | {alias: column.codes.index(code) for alias, code in column.aliases}
    for column in _READABLE
}
# Dates, months and words repeat from row to row and are read once; amounts seldom do (and 1 == True, which is no amount).
_READ: dict[int, Callable[[Any], float]] = {
    id(column): partial(_read, column) if column.kind is Kind.NUMBER else lru_cache(maxsize=DISTINCT_CELLS)(partial(_read, column))
    for column in _READABLE
}
