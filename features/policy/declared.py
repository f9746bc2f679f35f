"""Facts of a household as policy files declare them: from which table they are drawn, and which of its rows count."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from features.policy.source import Said
from features.tables import TABLES, Column, Kind


def _no_number(day: object) -> object:
    if isinstance(day, (bool, int, float)):  # pydantic would count seconds from 1970
        raise ValueError(f"{day} is no day 不是日期; write 写 YYYY-MM-DD")
    return day


Period = Literal["ever", "twelve_months", "calendar_year", "month", "school_year"]
Grade = Literal["sourced", "derived", "memory", "synthetic", "calibrated", "proposal", "none"]
Unit = Literal["yuan/person/year", "yuan/person/month", "yuan/month", "share", "months", "days", "ratio"]
"""Of parameters: amounts are never negative, a share lies between 0 and 1, and what is so many times another is no less than it."""
Number = Annotated[float, Field(allow_inf_nan=False)]
Amount = Annotated[float, Field(allow_inf_nan=False, ge=0)]
Share = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1)]
Text = Annotated[str, Field(pattern=r"\S")]
Date = Annotated[dt.date, Field(strict=False), BeforeValidator(_no_number)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


def ends_after_its_start(until: dt.date | None, beside: ValidationInfo) -> dt.date | None:
    """Refuses a last day that comes no later than the first: a fault of `until`, so that all else beside it is checked."""
    start = beside.data.get("start")
    if until is not None and start is not None and until <= start:
        raise ValueError("until lies not after from 终止日须晚于起始日")
    return until


DERIVED = {"members": {"age": "years", "certified": "flag"}, "events": {"school_status": "members.school_status"}}
"""Columns that a table does not hold and that a file may ask for all the same: age is the year of the date less the year of birth, or one
less, since the day of birth is not on record; certified is 1 where a disability certificate is on record, 0 where none is; an event has
the school of the person whom it names."""
WINDOWED = {"events": "occurred_on", "employment": "start_date", "measures": "start_date", "visits": "visited_on", "findings": "valid_from"}
"""Tables whose rows have a day, by which they lie within a period."""


class Range(Said):
    """Bounds of a cell."""

    at_least: Number | None = None
    more_than: Number | None = None
    at_most: Number | None = None
    less_than: Number | None = None

    @model_validator(mode="after")
    def _some_number_fits(self) -> Range:
        lows = [bound for bound in (self.at_least, self.more_than) if bound is not None]
        highs = [bound for bound in (self.at_most, self.less_than) if bound is not None]
        if not lows and not highs:
            raise ValueError("give at least one of at_least, more_than, at_most, less_than 至少写一项界线")
        if lows and highs and max(lows) > min(highs):
            raise ValueError("no number lies within these bounds 上下限相反")
        return self

    def holds(self, number: float) -> bool:
        """Whether a number lies within.

        >>> Range(at_least=0.05).holds(0.05), Range(more_than=0.05).holds(0.05)
        (True, False)
        """
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.more_than is None or number > self.more_than)
            and (self.at_most is None or number <= self.at_most)
            and (self.less_than is None or number < self.less_than)
        )


Cell = bool | Number | str | Range | list[str | Number]


class Fact(Said):
    """A number of each household on a date, and how it is drawn from the register.

    Attributes:
        count: rows of this table; `sum`, `most`: of this `table.column`; `value`: of the household's one row; `formula`: one of
            `features.policy.formulas`.
        where: which rows.
        asked_of: whom the question concerns: what is blank of anybody else leaves no doubt. Of children, say, no labour is on record.
        within: which period up to the date.
        per: with `member`, rows are added up person by person first, and the person with most stands for the household.
    """

    zh: Text
    en: Text
    unit: Text
    count: str | None = None
    sum: str | None = None
    most: str | None = None
    value: str | None = None
    formula: Name | None = None
    where: dict[str, Cell] = Field(default_factory=dict)
    asked_of: dict[str, Cell] = Field(default_factory=dict)
    within: Period = "ever"
    per: Literal["household", "member"] = "household"

    @property
    def table(self) -> str:
        """The table it is drawn from; "" for a formula."""
        return (self.count or self.sum or self.most or self.value or "").partition(".")[0]

    @model_validator(mode="after")
    def _drawn_in_one_way(self) -> Fact:
        ways = [way for way in (self.count, self.sum, self.most, self.value, self.formula) if way is not None]
        if len(ways) != 1:
            raise ValueError("give exactly one of count, sum, most, value, formula 须且只须写一项")
        if self.formula is not None:
            if self.where or self.asked_of or self.within != "ever" or self.per != "household":
                raise ValueError("a formula has no where, within or per 公式不带筛选")
            return self
        if self.count is not None and (self.unit.startswith("yuan") or self.unit in ("share", "flag", "year")):
            raise ValueError(f"rows are counted, and a count is not in {self.unit} 计数的单位不符")
        table, _, column = ways[0].partition(".")
        if (self.count is None) != bool(column):
            raise ValueError(f"{ways[0]}: count takes a table, the others table.column 写表名或 表名.列名")
        _columns(table)
        check_cells(table, self.where)
        check_cells(table, self.asked_of)
        if column:
            _check_column(table, column)
        if self.per == "member" and "member_id" not in _columns(table):
            raise ValueError(f"rows of {table} do not say whose they are, so they are not counted by person 该表不按人记录")
        if self.within != "ever" and table not in WINDOWED:
            raise ValueError(f"rows of {table} have no day, so they lie within no period 该表没有日期")
        if (self.sum or self.most) and name_of_unsigned(table, column) is None:
            raise ValueError(f"{table}.{column} may be negative, so its sum has no bound 该列可为负")
        return self


class Section(Said):
    """A part of what is verified of a household, and in which columns of the register it stands; in none: no table holds it.

    Attributes:
        columns: as table.column, each with whom it is asked of; of anybody else a blank is none.
    """

    zh: str
    en: str
    columns: dict[str, dict[str, Cell]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _of_tables(self) -> Section:
        for name, asked_of in self.columns.items():
            table, _, column = name.partition(".")
            _check_column(table, column)
            check_cells(table, asked_of)
        return self


def _columns(table: str) -> set[str]:
    if table not in TABLES:
        raise ValueError(f"there is no table {table} 没有此表; there are {', '.join(TABLES)}")
    return {column.name for column in TABLES[table].columns} | set(DERIVED.get(table, {}))


def name_of_unsigned(table: str, column: str) -> str | None:
    """The column's name, where it is a number that is never negative; else None."""
    if column in DERIVED.get(table, {}):
        return column
    found = TABLES[table].column(column)
    return column if found.kind is Kind.NUMBER and found.low is not None and found.low >= 0 else None


def _check_column(table: str, name: str) -> None:
    known = _columns(table)
    if name not in known:
        raise ValueError(f"{table} has no column {name} 没有此列; there are {', '.join(sorted(known))}")


def column_of(table: str, name: str) -> Column | None:
    """The column of the register that holds the cells: the table's own, or that of the persons whom its rows name; None where none does."""
    derived = DERIVED.get(table, {}).get(name)
    of, _, column = (f"{table}.{name}" if derived is None else derived).partition(".")
    return TABLES[of].column(column) if column else None


def check_cells(table: str, cells: dict[str, Cell]) -> dict[str, Cell]:
    """Refuses what does not fit the columns of a table: ValueError with what is wrong."""
    for name, cell in cells.items():
        _check_column(table, name)
        _check_cell(table, name, cell)
    return cells


def _check_cell(table: str, name: str, cell: Cell) -> None:
    words = cell if isinstance(cell, list) else [cell]
    column = column_of(table, name)
    kind = {"flag": Kind.FLAG, "years": Kind.NUMBER}[DERIVED[table][name]] if column is None else column.kind
    if column is not None and kind is Kind.CATEGORY and not all(word in column.codes for word in words):
        raise ValueError(f"{table}.{name} has no code {cell} 没有此代码; there are {', '.join(column.codes)}")
    if (kind is Kind.FLAG) != isinstance(cell, bool):
        raise ValueError(f"{table}.{name}: true or false stands for a yes-no column, and only for one 是否列写 true/false")
    if kind is Kind.NUMBER and any(isinstance(word, str) for word in words):
        raise ValueError(f"{table}.{name} holds numbers, not {cell!r} 该列为数字")
    if kind not in (Kind.CATEGORY, Kind.FLAG, Kind.NUMBER):
        raise ValueError(f"{table}.{name} cannot be chosen by 不能用于筛选")
