"""Cells become arrays: from Arrow columns of a file, or from the lists of a nested JSON household.

Both ways obey the same schema and give the same arrays (a test holds them to it), so that a household scored from the
register and the same household scored from JSON cannot differ. A cell that cannot be read becomes missing and is
reported; its row stays.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from features.register import EPOCH_ORDINAL, NEVER, Array
from features.tables import TABLES, Column, Kind

EARLIEST_YEAR = 1900
YES = {True, "1", "是", "yes", "true", "True", "Y", "y"}
NO = {False, "0", "否", "no", "false", "False", "N", "n"}


GRAIN = 128
"""Amounts are held to 1/128 yuan: finer than a fen, and sums of such numbers are exact, so the order of rows cannot matter."""


def grained(values: Array) -> Array:
    """Numbers to the nearest 1/128.

    >>> grained(np.array([0.01, 3000.1, 5000.0])).tolist()
    [0.0078125, 3000.1015625, 5000.0]
    """
    exact: Array = np.rint(values * GRAIN) / GRAIN
    return exact


def in_yuan(column: Column) -> bool:
    """Whether the column holds money."""
    return column.unit.startswith("yuan")


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
    read, missing, dtype = _READERS[column.kind]
    out = np.full(len(cells), missing, dtype=dtype)
    for row, cell in enumerate(cells):
        if cell is None or cell == "":
            if column.required:
                report(row, f"{column.name} ({column.zh}) is missing 缺失")
            continue
        try:
            out[row] = read(column, cell)
        except CellError as error:
            report(row, str(error))
    return grained(out) if in_yuan(column) else out


def _number(column: Column, cell: Any) -> float:
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        if not isinstance(cell, str):
            raise CellError(f"{cell!r} is not a number 不是数字")
        try:
            cell = float(cell.strip())
        except ValueError:
            raise CellError(f"{cell!r} is not a number 不是数字") from None
    try:
        number = float(cell)
    except OverflowError:
        raise CellError("the number is too large 数值过大") from None
    if not math.isfinite(number):
        raise CellError(f"{cell!r} is not a finite number 不是有限数值")
    if (column.low is not None and number < column.low) or (column.high is not None and number > column.high):
        raise CellError(f"{number:g} is outside {column.low:g} … {column.high:g} {column.unit} 超出允许范围".replace("  ", " "))
    return number


def _flag(_: Column, cell: Any) -> float:
    try:
        if cell in YES:
            return 1.0
        if cell in NO:
            return 0.0
    except TypeError:
        pass
    raise CellError(f"{cell!r} is neither yes nor no 只能填 是/否 (true/false)")


def _category(column: Column, cell: Any) -> int:
    code = _CODES[id(column)].get(cell) if isinstance(cell, str) else None
    if code is None:
        raise CellError(f"{cell!r} is not a known code 未知代码; allowed 允许: {', '.join(f'{c} {zh}' for c, zh in column.values)}")
    return code


def _date(_: Column, cell: Any) -> int:
    try:
        date = cell if type(cell) is dt.date else cell.date() if isinstance(cell, dt.datetime) else dt.date.fromisoformat(cell)
    except (ValueError, TypeError):
        raise CellError(f"{cell!r} is not a date 不是日期; write YYYY-MM-DD") from None
    if date.year < EARLIEST_YEAR:
        raise CellError(f"{cell!r} lies before {EARLIEST_YEAR} 早于 {EARLIEST_YEAR} 年")
    return date.toordinal() - EPOCH_ORDINAL


def _month(_: Column, cell: Any) -> int:
    if isinstance(cell, dt.date):
        return (cell.year - 1970) * 12 + cell.month - 1
    try:
        year, month = int(cell[:4]), int(cell[5:])
        if cell[4] != "-" or len(cell) != 7 or not 1 <= month <= 12 or year < EARLIEST_YEAR:
            raise ValueError
    except (ValueError, TypeError, IndexError):
        raise CellError(f"{cell!r} is not a month 不是月份; write YYYY-MM") from None
    return (year - 1970) * 12 + month - 1


# A code and its Chinese label both count. By identity: hashing a declaration for each cell would cost more than reading
# the cell.
_CODES: dict[int, dict[str, int]] = {
    id(column): {word: index for index, pair in enumerate(column.values) for word in pair}
    for table in TABLES.values()
    for column in table.columns
    if column.kind is Kind.CATEGORY
}
_READERS: dict[Kind, tuple[Callable[[Column, Any], float], float, Any]] = {
    Kind.NUMBER: (_number, math.nan, np.float64),
    Kind.FLAG: (_flag, math.nan, np.float64),
    Kind.CATEGORY: (_category, -1, np.int8),
    Kind.DATE: (_date, int(NEVER), np.int32),
    Kind.MONTH: (_month, int(NEVER), np.int32),
}
