"""Validation schemas for the register's tables, generated from their one declaration in `features.tables`.

A schema looks at cells as they are written, with the same reader that later loads them, so what passes here loads there. What must hold
between the cells of one row is looked at where they are read (`features.quality.rules`).
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
from features.register import EMPTY_DTYPES, MISSING, Array
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


def refusal(column: Column, cell: Any) -> str:
    """Why a cell cannot stand in a column, "" if it can.

    >>> from features.tables import TABLES
    >>> refusal(TABLES["incomes"].column("period_end"), "2023-13")
    "'2023-13' 不是月份 is not a month; 写 write YYYY-MM"
    """
    if _blank(cell):
        return f"缺少 {column.zh} {column.name} is missing" if column.required else ""
    if column.kind in TEXTS:
        if not isinstance(cell, str):
            return f"{cell!r} 应为文本 is not text"
        if len(cell) > LONGEST_ID:
            return f"超过 {LONGEST_ID} 个字符 longer than {LONGEST_ID} characters"
        if column.name == "village_code" and not VILLAGE_CODE.fullmatch(cell):
            return f"{cell!r} 不是行政村代码 is not a village code; 应为12位数字 12 digits are expected"
        return ""
    reasons: list[str] = []
    encode_cells(column, [cell.strip() if isinstance(cell, str) else cell], lambda _, reason: reasons.append(reason))
    return reasons[0] if reasons else ""


def decode(table: Table, frame: pd.DataFrame) -> dict[str, Array]:
    """The table's cells as the arrays that loading makes of them, missing where they cannot be read; ids and texts as codes.

    Args:
        table: the declaration.
        frame: cells as written.

    Returns:
        every declared column but household_id.
    """
    columns: dict[str, Array] = {}
    for column in table.columns:
        if column.name == "household_id":
            continue
        if column.name not in frame:
            columns[column.name] = np.full(len(frame), MISSING[column.kind], EMPTY_DTYPES[column.kind])
            continue
        cells = frame[column.name]
        if column.kind is Kind.NUMBER and pd.api.types.is_numeric_dtype(cells):
            columns[column.name] = cells.to_numpy(dtype=np.float64, na_value=np.nan)
            continue
        places, distinct = pd.factorize(cells)
        if column.kind in TEXTS:
            columns[column.name] = places.astype(np.int32)
            continue
        words = [None if _blank(cell) else cell.strip() if isinstance(cell, str) else cell for cell in distinct]
        columns[column.name] = encode_cells(column, [*words, None], lambda *_: None)[places]  # places of -1 are the missing value put last
    return columns


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
