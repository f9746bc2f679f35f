"""Outcomes: the right months, the right line, nothing known too late, nothing guessed."""

import datetime as dt

import numpy as np
import pytest

from features.build import build
from features.household import from_nested
from features.policy.registry import Parameter, Policy, Value
from features.policy.shipped import load as load_policy
from training.labels import month_end, outcome, shift

AS_OF = dt.date(2022, 12, 31)


def flat_policy(line: float = 6000.0) -> Policy:
    def parameter(name: str, value: float) -> Parameter:
        return Parameter(name, name, name, "", 50, {"CN": (Value(dt.date(2000, 1, 1), value, "test", "synthetic"),)})

    shipped = load_policy(synthetic=True).parameters
    return Policy([*shipped.values(), parameter("poverty_line", line), parameter("monitoring_line", line * 1.5)])


def household(amounts: dict[int, float], delay_days: int = 20) -> dict[str, object]:
    """One person; quarter k (0 = 2022Q1) earns the amount, known some days after the quarter."""
    incomes = []
    for quarter, amount in amounts.items():
        year, place = 2022 + quarter // 4, quarter % 4
        end = month_end((year - 1970) * 12 + place * 3 + 2)
        incomes.append(
            {
                "source": "wage",
                "period_start": f"{year}-{place * 3 + 1:02d}",
                "period_end": f"{year}-{place * 3 + 3:02d}",
                "amount": amount,
                "known_on": (end + dt.timedelta(days=delay_days)).isoformat(),
            }
        )
    return {"household_id": "h", "village_code": "520523101001", "status": "ordinary", "sharing_size": 1, "known_on": "2022-01-01",
            "valid_from": "2022-01-01", "incomes": incomes}  # fmt: skip


def event(amounts: dict[int, float], known_by: dt.date, line: float = 6000.0) -> float:
    register, problems = from_nested([household(amounts)], dt.date(2025, 12, 31))
    assert not problems
    policy = flat_policy(line)
    return float(outcome("falls_below", register, build(register, AS_OF, policy), policy, known_by).event[0])


BEFORE = dict.fromkeys(range(4), 2000.0)


def test_a_household_falls_when_the_twelve_months_after_as_of_bring_less_than_the_line() -> None:
    assert event(BEFORE | dict.fromkeys(range(4, 8), 1499.0), dt.date(2024, 3, 31)) == 1
    assert event(BEFORE | dict.fromkeys(range(4, 8), 1500.0), dt.date(2024, 3, 31)) == 0


def test_income_after_the_twelve_months_counts_for_nothing() -> None:
    fell = BEFORE | dict.fromkeys(range(4, 8), 1000.0)
    assert event(fell | {8: 90000.0}, dt.date(2024, 12, 31)) == 1


def test_an_outcome_whose_last_quarter_is_not_yet_known_is_no_outcome() -> None:
    amounts = BEFORE | dict.fromkeys(range(4, 8), 1000.0)
    assert np.isnan(event(amounts, dt.date(2024, 1, 19)))
    assert event(amounts, dt.date(2024, 1, 20)) == 1


def test_a_missing_quarter_gives_no_label_rather_than_a_guess() -> None:
    assert np.isnan(event(BEFORE | {4: 0.0, 5: 0.0, 6: 0.0}, dt.date(2024, 12, 31)))


def test_a_household_already_under_the_line_is_not_at_risk() -> None:
    poor = dict.fromkeys(range(8), 100.0)
    assert np.isnan(event(poor, dt.date(2024, 12, 31)))


def test_the_line_is_that_of_the_end_of_the_outcome() -> None:
    policy = load_policy(synthetic=True)
    register, _ = from_nested([household(BEFORE | dict.fromkeys(range(4, 8), 1250.0))], dt.date(2025, 12, 31))
    frame = build(register, AS_OF, policy)
    line = policy.lines(dt.date(2023, 12, 31), "520523").poverty
    earlier = policy.lines(AS_OF, "520523").poverty
    assert line is not None
    assert earlier is not None
    assert earlier < line
    event_ = outcome("falls_below", register, frame, policy, dt.date(2024, 12, 31)).event[0]
    assert event_ == float(line > 5000)


def test_identified_counts_decisions_of_the_next_twelve_months_only() -> None:
    base = household(BEFORE)
    register, _ = from_nested([base], dt.date(2025, 12, 31))
    policy = flat_policy()
    labels = outcome("identified", register, build(register, AS_OF, policy), policy, dt.date(2024, 12, 31))
    assert labels.at_risk.all()
    assert labels.event[0] == 0


def test_month_ends_shift_to_month_ends() -> None:
    assert shift(dt.date(2023, 12, 31), -10) == dt.date(2023, 2, 28)
    assert shift(dt.date(2023, 2, 28), 12) == dt.date(2024, 2, 29)


def test_an_unknown_outcome_name_is_refused() -> None:
    register, _ = from_nested([household(BEFORE)], AS_OF)
    policy = flat_policy()
    with pytest.raises(ValueError, match="falls_below"):
        outcome("poor", register, build(register, AS_OF, policy), policy, AS_OF)
