"""What is found wrong with a table while its rows are read, each told where whoever filled it in will find it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from features.contradiction import complaint
from features.errors import PROBLEMS_KEPT, Problem
from features.place import Where
from features.register import Array, BoolArray
from features.tables import Column, Table

CORRECT = "请更正 correct the cell"
STRANGER = "成员表中无此人 the member is not in the members table", "请在成员表补录 add the member"
UNDECLARED = "指标未在 register.yaml 声明 the indicator is not declared in register.yaml", "请声明 declare it there"


class Complaints:
    """What is wrong with one table."""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._problems: list[Problem] = []

    def sorted(self) -> list[Problem]:
        """By row, those of the whole table first."""
        return sorted(self._problems, key=lambda problem: (problem.row is not None, problem.table, problem.row or 0))

    def columns(self, schema: Table, frame: pa.Table) -> bool:
        """Names columns that nobody knows and required ones that are missing; returns whether there are any of the latter."""
        label, _ = self._where(None)
        declared = {column.name for column in schema.columns}
        if declared.isdisjoint(frame.column_names):  # what stands there is a row of somebody's then, and is not quoted
            remedy = "请以模板的列名作首行 begin with the template's column names"
            self._problems.append(Problem(label, None, None, "首行不是表头 the first row is no header", remedy))
        for extra in sorted(set(frame.column_names) - declared) if declared.intersection(frame.column_names) else ():
            self._problems.append(Problem(label, None, extra, "未知列，未读取 unknown column, not read", "请核对列名 check its name"))
        missing = [column_missing(label, column) for column in schema.columns if column.required and column.name not in frame.column_names]
        self._problems += missing
        return bool(missing)

    def rows(self, wrong: Array, column: str, reason: str, remedy: str) -> None:
        """Names rows by their places."""
        if wrong.any():
            for row in np.flatnonzero(wrong)[: max(0, PROBLEMS_KEPT - len(self._problems))].tolist():
                self._problems.append(Problem(*self._where(row), column, reason, remedy))

    def repeated(self, columns: Mapping[str, Array], usable: BoolArray, earlier: Array, later: Array) -> None:
        """Names rows that repeat others, by their places among the usable ones."""
        places = np.flatnonzero(usable)
        for one, other in zip(earlier[:PROBLEMS_KEPT].tolist(), later[:PROBLEMS_KEPT].tolist(), strict=True):
            column, reason, remedy = complaint(columns, one, other, self._where(int(places[one]))[1])
            self._problems.append(Problem(*self._where(int(places[other])), column, reason, remedy))


def other_county(county: str) -> tuple[str, str]:
    """What is said of a household row of another county than the register's own: reason and remedy."""
    reason = f"该村不在登记册所属县 {county} 内，该行不载入 the village lies outside the register's county {county}: the row is left out"
    remedy = "请删除该行或更正 register.yaml 的 county（多县登记册不写）remove the row, or correct county there (of several: none)"
    return reason, remedy


def column_missing(label: str, column: Column) -> Problem:
    """A required column that is not there."""
    reason = f"缺少必填列 required column {column.name} ({column.zh}) is missing"
    return Problem(label, None, column.name, reason, "请补充该列 add the column")
