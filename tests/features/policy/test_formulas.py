"""The income arithmetic of policy: what counts as income, over which twelve months, and what stands beside it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.policy.formulas import FORMULAS
from features.policy.registry import Policy
from features.policy.shipped import read
from features.policy.span import Span
from features.seen import Seen
from tests.features.policy.cases import policy, register, rows

DAY = dt.date(2021, 6, 15)
YEAR = {"period_start": "2020-06", "period_end": "2021-05"}
IN_THE_YEAR = (dt.date(2020, 6, 1), dt.date(2020, 12, 24), dt.date(2021, 5, 31))


def told(name: str, household: dict[str, Any], date: dt.date = DAY, given: Policy | None = None) -> list[float]:
    """What a formula says of a household of two: the least and the most."""
    seen = Seen(register(rows({"status": "exited", "income": None} | household, "520523", date)), date, given or policy())
    found = FORMULAS[name](seen)
    span = found if isinstance(found, Span) else Span.of(found)
    return [float(span.low[0]), float(span.high[0])]


def incomes(**amounts: float) -> dict[str, Any]:
    return {"incomes": [{"source": source, "amount": amount, **YEAR} for source, amount in amounts.items()]}


WHOLE = incomes(wage=30_000, business=9_000, business_expense=4_000, property=600, transfer_policy=2_400, transfer_private=1_000)


def test_net_income_is_wages_business_property_and_transfers_less_expenses_a_head() -> None:
    assert told("net_income", WHOLE) == [39_000, 39_000]
    assert told("pc_net_income", WHOLE) == [19_500, 19_500]
    assert told("pc_market_income", WHOLE) == [18_300, 18_300]


@pytest.mark.parametrize("day", range(1, 31))
def test_whoever_is_identified_on_any_day_of_june_is_judged_by_the_twelve_months_to_the_end_of_may(day: int) -> None:
    quarters = [("2020-06", "2020-08"), ("2020-09", "2020-11"), ("2020-12", "2021-02"), ("2021-03", "2021-05"), ("2020-03", "2020-05")]
    amounts = [1_000, 2_000, 3_000, 4_000, 90_000]
    household = {
        "incomes": [
            {"source": "wage", "period_start": start, "period_end": end, "amount": amount}
            for (start, end), amount in zip(quarters, amounts, strict=True)
        ]
    }
    assert told("net_income", household, dt.date(2021, 6, day)) == [10_000, 10_000]


def test_reference_income_adds_claims_and_takes_compliant_self_payment_off() -> None:
    events = [
        {"event_kind": "illness_bill", "amount": 20_000, "oop_compliant": 5_000},
        {"event_kind": "outpatient_bill", "amount": 900, "oop_compliant": 300},
        {"event_kind": "disaster", "amount": 8_000, "claim": 2_500},
    ]
    events = [event | {"occurred_on": day} for event, day in zip(events, IN_THE_YEAR, strict=True)]
    outside = {"event_kind": "illness_bill", "amount": 70_000, "oop_compliant": 60_000, "claim": 9_000}
    events += [outside | {"occurred_on": day} for day in (dt.date(2020, 5, 31), dt.date(2021, 6, 1))]
    for day in (1, 5, 15, 30):
        assert told("reference_income", WHOLE | {"events": events}, dt.date(2021, 6, day)) == [36_200, 36_200]


def test_a_bill_that_is_not_settled_leaves_reference_income_without_a_lower_bound() -> None:
    bill = {"event_kind": "illness_bill", "amount": 20_000, "occurred_on": IN_THE_YEAR[0]}
    low, high = told("reference_income", WHOLE | {"events": [bill]})
    assert low == -np.inf
    assert high == 39_000


def test_claims_loans_and_rewards_are_no_income() -> None:
    beside = {"events": [{"event_kind": "disaster", "claim": 50_000}], "debts": [{"lender": "microcredit", "balance": 50_000}]}
    beside |= {"measures": [{"measure_kind": "housing", "amount": 30_000}]}
    assert told("pc_net_income", WHOLE | beside) == [19_500, 19_500]


def of_a_county(folder: Path, name: str, value: str) -> Policy:
    """The shipped policy with a value of Jinsha's own."""
    said = f"parameters:\n  {name}:\n    - {{from: 2014-01-01, value: {value}, grade: synthetic, reference: 虚构}}\n"
    (folder / "520523.yaml").write_text(f'region: "520523"\nzh: 某县\nen: A county\n{said}', encoding="utf-8")
    return read(counties=folder)


@pytest.mark.parametrize(
    ("days", "found"),
    [("101", [1, 1]), ("100", [-np.inf, np.inf]), ("null", [-np.inf, np.inf])],
)
def test_what_a_visit_found_holds_for_as_many_days_as_the_county_says(tmp_path: Path, days: str, found: list[float]) -> None:
    household = {"visits": [{"visited_on": DAY - dt.timedelta(days=100), "found": "risk"}]}
    assert told("risk_confirmed", household) == [1, 1]
    assert told("risk_confirmed", household, given=of_a_county(tmp_path, "finding_recency", days)) == found


def test_the_finding_of_a_visit_holds_for_365_days_where_the_county_says_nothing() -> None:
    for days, found in ((364, [1, 1]), (365, [-np.inf, np.inf])):
        household = {"visits": [{"visited_on": DAY - dt.timedelta(days=days), "found": "risk"}]}
        assert told("risk_confirmed", household) == found


@pytest.mark.parametrize(
    ("months", "lowest"),
    [("3", 4_000), ("6", 3_000), ("7", 2_000), ("12", 1_000), ("24", None), ("27", None), ("0", None), ("null", None)],
)
def test_income_is_looked_at_over_as_many_months_as_the_county_wants_it_stable(tmp_path: Path, months: str, lowest: float | None) -> None:
    """Of four quarters on record, that of the last three months brought 4,000 yuan a person and year, and each before it 1,000 less."""
    household = {"income": [1_000, 2_000, 3_000, 4_000]}
    assert told("half_year_income", household) == [3_000, 3_000]
    expected = [-np.inf, np.inf] if lowest is None else [lowest, lowest]
    assert told("half_year_income", household, given=of_a_county(tmp_path, "stable_income", months)) == expected
