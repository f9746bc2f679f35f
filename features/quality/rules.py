"""What must hold between the cells of one row, whatever the table's columns allow one by one.

Worked example, the wages of 2023Q2: period 2023-04 … 2023-06, known on 2023-05-20. Each cell is fine; together they claim to
know in May what was earned in June. That is how tomorrow's facts slip into today's features, so the row is named.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from features.register import NEVER, Array, BoolArray, day
from features.tables import CHILD_UNTIL, TABLES

Rows = Mapping[str, Array]
"""A table's columns, encoded."""

QUARTER_MONTHS = 3
_FIRST_MONTH, _LAST_MONTH = (1800 - 1970) * 12, (10_000 - 1970) * 12  # wider than any date that can be written
_LAST_DAYS = (np.arange(_FIRST_MONTH + 1, _LAST_MONTH + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int32)) - 1
NOT_OF_CHILDREN = (
    "chronic_disease",
    "serious_illness",
    "disability_category",
    "disability_level",
    "labour_ability",
    "education",
    "dibao_tier",
)


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule between columns: which rows break it, which cell is to be looked at, why, and what to do."""

    name: str
    column: str
    broken: Callable[[Rows], BoolArray]
    reason: str
    remedy: str


def _not_before(later: str, earlier: str, reason: str, remedy: str = "请核对两个日期 check the two dates") -> RowRule:
    def broken(rows: Rows) -> BoolArray:
        return np.asarray((rows[later] < rows[earlier]) & (rows[earlier] != NEVER))

    return RowRule(f"{later}_not_before_{earlier}", later, broken, reason, remedy)


def _known_before_period_ended(rows: Rows) -> BoolArray:
    end = rows["period_end"]
    last_day = _LAST_DAYS[np.where(end == NEVER, 0, end) - _FIRST_MONTH]
    return np.asarray((rows["known_on"] < last_day) & (end != NEVER))


def _year(days: Array) -> Array:
    """The year of each day; of the day that never comes, one that never comes."""
    return np.asarray(days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970)


def _said(values: Array) -> BoolArray:
    """Which cells are filled in."""
    if values.dtype == np.float64:
        return ~np.isnan(values)
    return np.asarray(values >= 0 if values.dtype == np.int8 else values != NEVER)


def _says_too_much_of_a_child(rows: Rows) -> BoolArray:
    child = (rows["valid_from"] != NEVER) & (_year(rows["valid_from"]) - rows["birth_year"] < CHILD_UNTIL)
    return np.asarray(child & np.logical_or.reduce([_said(rows[name]) for name in NOT_OF_CHILDREN]))


_ORDINARY = TABLES["households"].column("registry_status").codes.index("ordinary")


def _of_exited_only(column: str, zh: str, en: str) -> RowRule:
    return RowRule(
        f"{column}_of_exited_only",
        column,
        lambda rows: (rows["registry_status"] == _ORDINARY) & ~np.isnan(rows[column]),
        f"一般农户没有{zh} an ordinary household has no {en}",
        f"请清空{zh}或更正户类型 clear the {en} or correct the status",
    )


_VALID = {
    name: (
        _not_before(
            "known_on",
            "valid_from",
            "知悉日期早于生效日期，生效前不计入 known before it became true; until then the row does not count",
        ),
    )
    for name, table in TABLES.items()
    if table.valid
}
RULES: dict[str, tuple[RowRule, ...]] = {
    **_VALID,
    "households": (
        *_VALID["households"],
        _not_before("known_on", "wishes_heard_on", "知悉日期早于群众意愿核实日期 known before the family was asked for its wishes"),
        _of_exited_only("exit_year", "脱贫年度", "exit year"),
        _of_exited_only("expected_exit_year", "预计脱贫年度", "expected exit year"),
    ),
    "members": (
        *_VALID["members"],
        RowRule(
            "born_before_valid",
            "birth_year",
            lambda rows: rows["birth_year"] > _year(rows["valid_from"]),
            "出生年晚于生效日期 born after the row became true",
            "请更正出生年 correct the birth year",
        ),
        RowRule(
            "children_protected",
            "birth_year",
            _says_too_much_of_a_child,
            f"不收集{CHILD_UNTIL}岁以下儿童的健康、劳动、文化信息和低保档次 "
            f"health, labour, education or tier of dibao of a child under {CHILD_UNTIL} is not held",
            "请清空这些单元格 clear these cells",
        ),
    ),
    "employment": (
        _not_before("end_date", "start_date", "结束时间早于开始时间 the end lies before the start"),
        _not_before("known_on", "start_date", "知悉日期早于开始时间 known before the work began"),
    ),
    "incomes": (
        RowRule(
            "period_of_a_quarter_or_more",
            "period_end",
            lambda rows: (rows["period_end"] < rows["period_start"] + np.int32(QUARTER_MONTHS - 1)) & (rows["period_start"] != NEVER),
            "期间不得短于一个季度 a period is a quarter or longer",
            "请按季度、半年或全年填写 give the whole quarter, half-year or year",
        ),
        RowRule(
            "known_after_period",
            "known_on",
            _known_before_period_ended,
            "知悉日期早于期间结束 known before the period ended",
            "请填写整个期间为办公室所知的日期 give the day on which the whole period was known",
        ),
    ),
    "events": (
        _not_before("known_on", "occurred_on", "知悉日期早于发生日期 known before it happened"),
        RowRule(
            "paid_within_bill",
            "oop_compliant",
            lambda rows: rows["oop_compliant"] > rows["amount"],
            "合规自付超过费用总额 the compliant out-of-pocket part exceeds the whole bill",
            "请更正其中一个金额 correct one of the two amounts",
        ),
        RowRule(
            "subsidy_within_fees",
            "subsidy",
            lambda rows: rows["subsidy"] > rows["amount"],
            "补助金额超过费用总额 the subsidy exceeds the whole bill",
            "请更正其中一个金额；一笔补助抵数笔费用的分笔填写 correct one of the two; split a subsidy that is for several bills",
        ),
    ),
    "measures": (_not_before("end_date", "start_date", "结束时间早于开始时间 the end lies before the start"),),
    "monitoring": (
        _not_before("eliminated_on", "identified_on", "消除早于识别 eliminated before it was identified"),
        _not_before("known_on", "identified_on", "知悉日期早于识别时间 known before the decision"),
        _not_before("known_on", "eliminated_on", "知悉日期早于消除时间 known before the elimination"),
    ),
    "visits": (_not_before("known_on", "visited_on", "知悉日期早于入户日期 known before the visit"),),
}


def days_after(known_until: dt.date | None, today: dt.date | None) -> tuple[RowRule, ...]:
    """The rules that nothing was known after the day until which the register claims to be complete, nor later than today."""
    rules = []
    if known_until is not None:
        rules.append(
            RowRule(
                "known_until",
                "known_on",
                partial(_known_after, day(known_until)),
                "知悉日期晚于登记册截止日 known after the register's last day (register.yaml known_until)",
                "请更正日期或 known_until correct the date, or known_until in register.yaml",
            )
        )
    if today is not None and (known_until is None or today < known_until):
        rules.append(
            RowRule(
                "today",
                "known_on",
                partial(_known_after, day(today)),
                "知悉日期晚于今天 known later than today",
                "请更正日期 correct the date",
            )
        )
    return tuple(rules)


def _known_after(last: int, rows: Rows) -> BoolArray:
    return np.asarray((rows["known_on"] > last) & (rows["known_on"] != NEVER))
