"""Facts of a household as policy files declare them: from which table they are drawn, and which of its rows count."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from features.policy.source import AT_FAULT, Said
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


DERIVED = {
    "members": {"age": "years", "certified": "flag"},
    "events": {"school_status": "members.school_status", "net_amount": "events.amount"},
}
"""Columns that a table does not hold and that a file may ask for all the same: age is the year of the date less the year of birth, or one
less, since the day of birth is not on record; certified is 1 where a disability certificate is on record, 0 where none is; an event has
the school of the person whom it names, and of its amount what subsidies have left."""
AT_MOST = {"net_amount": "amount"}
"""What a derived number is no more than where it is not known itself."""
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
        _refuse(self._unfit(ways[0]))
        return self

    def _unfit(self, way: str) -> Iterator[str]:
        """What of its entries does not fit the table that it is drawn from."""
        table, _, column = way.partition(".")
        if (self.count is None) != bool(column):
            yield f"{way}: count takes a table, the others table.column 写表名或 表名.列名"
        if table not in TABLES:
            yield _no_table(table)
            return
        if self.count is not None and (self.unit.startswith("yuan") or self.unit in ("share", "flag", "year")):
            yield f"rows are counted, and a count is not in {self.unit} 计数的单位不符"
        misnamed = _misnamed(table, column)
        yield from misnamed
        if self.count is None and column and not misnamed:
            yield from self._unfit_column(table, column)
        yield from (*_unfit_cells(table, self.where), *_unfit_cells(table, self.asked_of))
        if self.per == "member" and "member_id" not in _columns(table):
            yield f"rows of {table} do not say whose they are, so they are not counted by person 该表不按人记录"
        if self.within != "ever" and table not in WINDOWED:
            yield f"rows of {table} have no day, so they lie within no period 该表没有日期"

    def _unfit_column(self, table: str, column: str) -> Iterator[str]:
        kind = _kind(table, column)
        if self.unit != AT_FAULT and (self.unit == "flag") != (self.value is not None and kind is Kind.FLAG):
            yield f"{table}.{column}: the unit flag is for a yes-no column, and only for one 单位 flag 只用于是否列"
        if self.value is not None and TABLES[table].entity:
            yield f"a household has several rows of {table}, so not one value: count, sum or most 该表一户多行"
        elif self.value is not None and kind not in (Kind.FLAG, Kind.NUMBER):
            yield f"{table}.{column} is neither a number nor a yes or no 该列既非数字也非是否"
        if (self.sum or self.most) and name_of_unsigned(table, column) is None:
            yield f"{table}.{column} may be negative, so its sum has no bound 该列可为负"


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
        _refuse(what for name, asked_of in self.columns.items() for what in _unfit_part(name, asked_of))
        return self


def _unfit_part(name: str, asked_of: dict[str, Cell]) -> Iterator[str]:
    table, _, column = name.partition(".")
    if table not in TABLES:
        yield _no_table(table)
    else:
        yield from (*(_misnamed(table, column) if column else [f"{name}: write table.column 写 表名.列名"]), *_unfit_cells(table, asked_of))


def _columns(table: str) -> set[str]:
    if table not in TABLES:
        raise ValueError(_no_table(table))
    return {column.name for column in TABLES[table].columns} | set(DERIVED.get(table, {}))


def name_of_unsigned(table: str, column: str) -> str | None:
    """The column's name, where it is a number that is never negative; else None."""
    if column in DERIVED.get(table, {}):
        return column
    found = TABLES[table].column(column)
    return column if found.kind is Kind.NUMBER and found.low is not None and found.low >= 0 else None


def _no_table(name: str) -> str:
    return f"there is no table {name} 没有此表; there are {', '.join(TABLES)}"


def _misnamed(table: str, name: str) -> list[str]:
    """That a table has no column of a name; nothing where it has, or where none is named."""
    known = _columns(table)
    return [f"{table} has no column {name} 没有此列; there are {', '.join(sorted(known))}"] if name and name not in known else []


def column_of(table: str, name: str) -> Column | None:
    """The column of the register that holds the cells: the table's own, or that of the persons whom its rows name; None where none does."""
    derived = DERIVED.get(table, {}).get(name)
    of, _, column = (f"{table}.{name}" if derived is None else derived).partition(".")
    return TABLES[of].column(column) if column else None


def check_cells(table: str, cells: dict[str, Cell]) -> dict[str, Cell]:
    """Refuses what does not fit the columns of a table: ValueError with all that is wrong."""
    _refuse(_unfit_cells(table, cells))
    return cells


def _refuse(faults: Iterable[str]) -> None:
    """Told together, since nothing that stands in one place is looked at again once it is refused."""
    if said := list(dict.fromkeys(faults)):
        raise ValueError(" / ".join(said))


def _unfit_cells(table: str, cells: dict[str, Cell]) -> Iterator[str]:
    """What of some cells does not fit the columns of a table."""
    for name, cell in cells.items():
        wrong = _misnamed(table, name)
        yield from wrong or _unfit_cell(table, name, cell)


def _kind(table: str, name: str) -> Kind:
    column = column_of(table, name)
    return {"flag": Kind.FLAG, "years": Kind.NUMBER}[DERIVED[table][name]] if column is None else column.kind


def _unfit_cell(table: str, name: str, cell: Cell) -> Iterator[str]:
    words, column, kind = cell if isinstance(cell, list) else [cell], column_of(table, name), _kind(table, name)
    unknown = [str(word) for word in words if word not in column.codes] if column is not None and kind is Kind.CATEGORY else []
    if unknown and column is not None:
        yield f"{table}.{name} has no code {', '.join(unknown)} 没有此代码; there are {', '.join(column.codes)}"
    elif (kind is Kind.FLAG) != isinstance(cell, bool):
        yield f"{table}.{name}: true or false stands for a yes-no column, and only for one 是否列写 true/false"
    elif kind is Kind.NUMBER and any(isinstance(word, str) for word in words):
        yield f"{table}.{name} holds numbers, not {cell!r} 该列为数字"
    elif kind not in (Kind.CATEGORY, Kind.FLAG, Kind.NUMBER):
        yield f"{table}.{name} cannot be chosen by 不能用于筛选"
