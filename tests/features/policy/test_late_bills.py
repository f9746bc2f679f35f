"""Bills come in late: in the month after a period its bills still count, and a push is of the person whose bills it tells."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from features.build import look
from features.household import from_nested
from features.policy.evidence import pushes
from features.policy.judgement import Judgement
from features.policy.shipped import load
from features.register import RegisterInfo, day


def judged(as_of: str, *events: dict[str, Any]) -> Judgement:
    household = {
        "household_id": "990000000001", "village_code": "520523100201", "status": "exited", "exit_year": 2019,
        "sharing_size": 2, "valid_from": "2020-01-01", "known_on": "2020-01-01",
        "events": [{"event_id": f"e{place}", **event} for place, event in enumerate(events)],
    }  # fmt: skip
    date = dt.date.fromisoformat(as_of)
    register, problems = from_nested([household], date, RegisterInfo())
    assert not problems
    return Judgement(look(register, date, load()), load())


def bill(on: str, known: str, amount: float, **more: Any) -> dict[str, Any]:
    told = {
        "event_kind": "illness_bill",
        "member_id": "m1",
        "occurred_on": on,
        "known_on": known,
        "amount": amount,
        "oop_compliant": amount,
    }
    return told | more


def told(judgement: Judgement, fact: str) -> float:
    span = judgement.fact(fact, 0)
    assert span.low[0] == span.high[0]
    return float(span.low[0])


@pytest.mark.parametrize(
    ("as_of", "month", "year"),
    [
     ("2023-07-02", 900.0, 900.0), ("2023-07-31", 900.0, 900.0), ("2023-08-01", 0.0, 900.0), ("2023-12-31", 0.0, 900.0),
     ("2024-01-05", 0.0, 900.0),
     ("2024-01-31", 0.0, 900.0), ("2024-02-01", 0.0, 0.0)],
)  # fmt: skip
def test_a_bill_of_june_known_in_july_counts_until_the_end_of_july_and_its_year_until_the_end_of_january(
    as_of: str, month: float, year: float
) -> None:
    judgement = judged(as_of, bill("2023-06-28", "2023-07-02", 900, event_kind="outpatient_bill"))
    assert (told(judgement, "person_outpatient_month"), told(judgement, "self_pay_year")) == (month, year)


def test_two_months_are_not_added_up() -> None:
    bills = [bill(on, on, amount, event_kind="outpatient_bill") for on, amount in (("2023-06-28", 300), ("2023-07-03", 400))]
    assert told(judged("2023-07-05", *bills), "person_outpatient_month") == 400
    assert told(judged("2023-07-01", bills[0]), "person_outpatient_month") == 300


def test_a_school_year_counts_until_the_end_of_september() -> None:
    fee = {
        "member_id": "m1",
        "event_kind": "school_fee",
        "occurred_on": "2023-03-01",
        "known_on": "2023-09-04",
        "amount": 12000,
        "subsidy": 0,
    }
    assert [told(judged(as_of, fee), "school_fees") for as_of in ("2023-09-04", "2023-09-30", "2023-10-01")] == [12000, 12000, 0]


def test_a_push_is_of_the_person_whose_bills_it_tells() -> None:
    judgement = judged("2023-06-30", bill("2023-02-10", "2023-03-01", 6000), bill("2023-06-29", "2023-06-30", 5, member_id="m2"))
    (push,) = [push for push in pushes(judgement) if push.rule.id == "medical_a_exited"]
    assert (int(push.day[0]), float(push.amount[0])) == (day(dt.date(2023, 2, 10)), 6000.0)


def test_a_push_of_a_period_that_ended_is_of_a_day_in_it() -> None:
    judgement = judged("2024-01-05", bill("2023-12-20", "2024-01-03", 9000), bill("2024-01-04", "2024-01-05", 10))
    (push,) = [push for push in pushes(judgement) if push.rule.id == "medical_a_exited"]
    assert (int(push.day[0]), float(push.amount[0])) == (day(dt.date(2023, 12, 20)), 9000.0)
