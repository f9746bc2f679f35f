"""What must hold between the cells of one row, whatever the table's columns allow one by one.

Worked example, the wages of 2023Q2: period 2023-04 … 2023-06, known on 2023-05-20. Each cell is fine; together they claim to
know in May what was earned in June. That is how tomorrow's facts slip into today's features, so the row is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.register import EPOCH_ORDINAL
from features.tables import CHILD_UNTIL, TABLES

QUARTER_MONTHS = 3
NOT_OF_CHILDREN = (
    "chronic_disease",
    "serious_illness",
    "disability_category",
    "disability_level",
    "labour_ability",
    "education",
)


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule between columns: which rows break it, which cell is to be looked at, why, and what to do."""

    name: str
    column: str
    broken: Callable[[pd.DataFrame], pd.Series[bool]]
    reason: str
    remedy: str


def _not_before(later: str, earlier: str, reason: str, remedy: str = "check the two dates 请核对两个日期") -> RowRule:
    return RowRule(f"{later}_not_before_{earlier}", later, lambda rows: rows[later] < rows[earlier], reason, remedy)


def _known_before_period_ended(rows: pd.DataFrame) -> pd.Series[bool]:
    next_month = rows["period_end"].fillna(0).to_numpy().astype("int64") + 1
    last_day = next_month.astype("datetime64[M]").astype("datetime64[D]").astype("int64") - 1
    return (rows["known_on"] < pd.Series(last_day, index=rows.index)) & rows["period_end"].notna()


def _year(days: pd.Series[float]) -> pd.Series[float]:
    years = days.fillna(0).to_numpy().astype("int64").astype("datetime64[D]").astype("datetime64[Y]").astype("int64") + 1970
    return pd.Series(np.where(days.isna(), np.nan, years), index=days.index)


def _says_too_much_of_a_child(rows: pd.DataFrame) -> pd.Series[bool]:
    said = pd.concat([rows[name].notna() for name in NOT_OF_CHILDREN], axis=1).any(axis=1)
    return (_year(rows["valid_from"]) - rows["birth_year"] < CHILD_UNTIL) & said


_ORDINARY = TABLES["households"].column("registry_status").codes.index("ordinary")
_VALID = {
    name: (
        _not_before(
            "known_on",
            "valid_from",
            "known before it became true; until then the row does not count 知悉日期早于生效日期，生效前不计入",
        ),
    )
    for name, table in TABLES.items()
    if table.valid
}
RULES: dict[str, tuple[RowRule, ...]] = {
    **_VALID,
    "households": (
        *_VALID["households"],
        RowRule(
            "exit_year_of_exited_only",
            "exit_year",
            lambda rows: (rows["registry_status"] == _ORDINARY) & rows["exit_year"].notna(),
            "an ordinary household has no exit year 一般农户没有脱贫年度",
            "clear the exit year or correct the status 请清空脱贫年度或更正户类型",
        ),
    ),
    "members": (
        *_VALID["members"],
        RowRule(
            "born_before_valid",
            "birth_year",
            lambda rows: rows["birth_year"] > _year(rows["valid_from"]),
            "born after the row became true 出生年晚于生效日期",
            "correct the birth year 请更正出生年",
        ),
        RowRule(
            "children_protected",
            "birth_year",
            _says_too_much_of_a_child,
            f"health, labour or education of a child under {CHILD_UNTIL} is not held 不收集{CHILD_UNTIL}岁以下儿童的健康、劳动、文化信息",
            "clear these cells 请清空这些单元格",
        ),
    ),
    "employment": (
        _not_before("end_date", "start_date", "the end lies before the start 结束时间早于开始时间"),
        _not_before("known_on", "start_date", "known before the work began 知悉日期早于开始时间"),
    ),
    "incomes": (
        RowRule(
            "period_of_a_quarter_or_more",
            "period_end",
            lambda rows: rows["period_end"] - rows["period_start"] + 1 < QUARTER_MONTHS,
            "a period is a quarter or longer 期间不得短于一个季度",
            "give the whole quarter, half-year or year 请按季度、半年或全年填写",
        ),
        RowRule(
            "known_after_period",
            "known_on",
            _known_before_period_ended,
            "known before the period ended 知悉日期早于期间结束",
            "give the day on which the whole period was known 请填写整个期间为办公室所知的日期",
        ),
    ),
    "events": (
        _not_before("known_on", "occurred_on", "known before it happened 知悉日期早于发生日期"),
        RowRule(
            "paid_within_bill",
            "oop_compliant",
            lambda rows: rows["oop_compliant"] > rows["amount"],
            "the compliant out-of-pocket part exceeds the whole bill 合规自付超过费用总额",
            "correct one of the two amounts 请更正其中一个金额",
        ),
    ),
    "measures": (_not_before("end_date", "start_date", "the end lies before the start 结束时间早于开始时间"),),
    "monitoring": (
        _not_before("eliminated_on", "identified_on", "eliminated before it was identified 消除早于识别"),
        _not_before("known_on", "identified_on", "known before the decision 知悉日期早于识别时间"),
        _not_before("known_on", "eliminated_on", "known before the elimination 知悉日期早于消除时间"),
    ),
    "visits": (_not_before("known_on", "visited_on", "known before the visit 知悉日期早于入户日期"),),
}


def _repeated(rows: pd.DataFrame) -> pd.Series[bool]:
    return pd.Series(rows["__repeated"].to_numpy(dtype=bool), index=rows.index)


DUPLICATE = RowRule(
    "one_row_a_thing_and_day",
    "known_on",
    _repeated,
    "another row says the same thing's state on the same days; the last one counts 同一事项同日重复，以最后一行为准",
    "keep one of them 请只保留一行",
)


def mark_repeated(name: str, rows: pd.DataFrame) -> None:
    """Marks the rows that repeat an earlier row's household, thing, validity and day of knowledge, in the column `__repeated`."""
    table = TABLES[name]
    key = ["household_id", *table.entity, "known_on", *([table.valid] if table.valid else [])]
    repeated = rows.duplicated(key)
    if name == "events":
        repeated &= rows["event_id"].notna()  # rows without an id are each their own event
    rows["__repeated"] = repeated


def days_after(until_ordinal: int) -> RowRule:
    """The rule that nothing was known after the day until which the register claims to be complete."""
    until = until_ordinal - EPOCH_ORDINAL
    return RowRule(
        "known_until",
        "known_on",
        lambda rows: rows["known_on"] > until,
        "known after the register's last day 知悉日期晚于登记册截止日 (register.yaml known_until)",
        "correct the date, or known_until in register.yaml 请更正日期或 known_until",
    )
