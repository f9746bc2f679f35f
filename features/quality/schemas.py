"""Validation schemas for the register's tables, generated from their one declaration in `features.tables`.

Two schemas a table: one looks at cells as they are written, with the same reader that later loads them, so what passes here loads there;
the other looks at rows whose cells were readable, where one date must not precede another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from features.encode import encode_cells
from features.household import LONGEST_ID, VILLAGE_CODE
from features.quality.rules import DUPLICATE, RULES, RowRule
from features.register import NEVER
from features.tables import Column, Kind, Table

TEXTS = (Kind.ID, Kind.TEXT)


def cell_schema(table: Table, keep: int) -> pa.DataFrameSchema:
    """The schema of a table's cells as written.

    Args:
        table: the declaration.
        keep: how many failures of one check are kept.
    """
    return pa.DataFrameSchema(
        {
            column.name: pa.Column(
                None,
                checks=pa.Check(_readable(column), name="readable", n_failure_cases=keep),
                nullable=not column.required,
                required=column.required,
            )
            for column in table.columns
        },
        name=table.name,
        strict=False,
    )


def row_schema(table: Table, keep: int) -> pa.DataFrameSchema:
    """The schema of a table's decoded rows (see `decode`): rules between columns."""
    checks = [
        pa.Check(_holds(rule), name=rule.name, n_failure_cases=keep, ignore_na=False) for rule in (*RULES.get(table.name, ()), DUPLICATE)
    ]
    return pa.DataFrameSchema(checks=checks, name=table.name)


def refusal(column: Column, cell: Any) -> str:
    """Why a cell cannot stand in a column, "" if it can.

    >>> from features.tables import TABLES
    >>> refusal(TABLES["incomes"].column("period_end"), "2023-13")
    "'2023-13' is not a month 不是月份; write YYYY-MM"
    """
    if _blank(cell):
        return f"{column.name} ({column.zh}) is missing 缺失" if column.required else ""
    if column.kind in TEXTS:
        if not isinstance(cell, str):
            return f"{cell!r} is not text 应为文本"
        if len(cell) > LONGEST_ID:
            return f"longer than {LONGEST_ID} characters 超过 {LONGEST_ID} 个字符"
        if column.name == "village_code" and not VILLAGE_CODE.fullmatch(cell):
            return f"{cell!r} is not a village code 不是行政村代码; 12 digits are expected 应为12位数字"
        return ""
    reasons: list[str] = []
    encode_cells(column, [cell.strip() if isinstance(cell, str) else cell], lambda _, reason: reasons.append(reason))
    return reasons[0] if reasons else ""


def decode(table: Table, frame: pd.DataFrame, household: pd.Series[Any]) -> pd.DataFrame:
    """The table's readable cells as numbers: days, months, category indexes; NaN where missing or unreadable.

    Args:
        table: the declaration.
        frame: cells as written.
        household: one text a row.

    Returns:
        one column a declared column that is present, in the frame's order of rows; ids and texts as codes.
    """
    columns: dict[str, np.ndarray[Any, Any]] = {"household_id": pd.factorize(household)[0].astype(np.float64)}
    for column in table.columns:
        if column.name == "household_id":
            continue
        if column.name not in frame:
            columns[column.name] = np.full(len(frame), np.nan)
            continue
        cells = frame[column.name]
        if column.kind is Kind.NUMBER and pd.api.types.is_numeric_dtype(cells):
            columns[column.name] = cells.to_numpy(dtype=np.float64, na_value=np.nan)
            continue
        places, distinct = pd.factorize(cells)
        if column.kind in TEXTS:
            columns[column.name] = np.where(places < 0, np.nan, places.astype(np.float64))
            continue
        words = [None if _blank(cell) else cell.strip() if isinstance(cell, str) else cell for cell in distinct]
        values = encode_cells(column, [*words, None], lambda *_: None).astype(np.float64)
        if column.kind is Kind.CATEGORY:
            values[values < 0] = np.nan
        elif column.kind in (Kind.DATE, Kind.MONTH):
            values[values == NEVER] = np.nan
        columns[column.name] = values[places]  # places of -1 are the missing value put last
    return pd.DataFrame(columns)


def _blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip()) or (isinstance(cell, float) and math.isnan(cell))


def _readable(column: Column) -> Callable[[pd.Series[Any]], pd.Series[bool]]:
    """Judges each distinct cell once: a table of millions has few distinct dates and codes."""

    def check(cells: pd.Series[Any]) -> pd.Series[bool]:
        if column.kind is Kind.NUMBER and pd.api.types.is_numeric_dtype(cells):
            low, high = (
                -math.inf if column.low is None else column.low,
                math.inf if column.high is None else column.high,
            )
            numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
            wrong = (numbers < low) | (numbers > high) | np.isinf(numbers)
            if column.whole:
                wrong |= (numbers != np.rint(numbers)) & ~np.isnan(numbers)
            return pd.Series(~wrong, index=cells.index)
        places, distinct = pd.factorize(cells)
        verdicts = np.array([not refusal(column, cell) for cell in distinct] + [True])
        return pd.Series(verdicts[places], index=cells.index)

    return check


def _holds(rule: RowRule) -> Callable[[pd.DataFrame], pd.Series[bool]]:
    def check(rows: pd.DataFrame) -> pd.Series[bool]:
        return ~rule.broken(rows)

    return check
