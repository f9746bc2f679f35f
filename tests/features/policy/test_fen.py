"""Sums are held against bounds to the fen: several bills that make just five thousand are five thousand."""

from __future__ import annotations

import datetime as dt
from itertools import permutations
from typing import Any

import pytest

from features.build import look
from features.household import from_nested
from features.policy.judgement import Judgement
from features.policy.shipped import load
from features.register import RegisterInfo

AS_OF = dt.date(2023, 12, 31)


def judged(county: str, **tables: Any) -> Judgement:
    household = {
        "household_id": "990000000001",
        "village_code": f"{county}100201",
        "status": "exited",
        "exit_year": 2019,
        "sharing_size": 3,
        "valid_from": "2020-01-01",
        "known_on": "2020-01-01",
        **tables,
    }
    register, problems = from_nested([household], AS_OF, RegisterInfo())
    assert not problems
    return Judgement(look(register, AS_OF, load()), load())


def bills(*amounts: float) -> list[dict[str, Any]]:
    told = {"event_kind": "illness_bill", "member_id": "m1", "known_on": "2023-11-01"}
    return [
        {**told, "event_id": f"e{place}", "occurred_on": f"2023-0{place + 1}-15", "amount": amount, "oop_compliant": amount}
        for place, amount in enumerate(amounts)
    ]


@pytest.mark.parametrize(
    ("amounts", "total"),
    [((794.23, 278.16, 795.35, 3132.26), 5000.0), ((1031.63, 1895.34, 1334.49, 5738.54), 10000.0), ((4999.99,), 4999.99)],
)
def test_bills_add_up_to_the_fen_in_any_order(amounts: tuple[float, ...], total: float) -> None:
    for order in permutations(amounts):
        judgement = judged("520523", events=bills(*order))
        for fact in ("person_self_pay_year", "self_pay_year"):
            span = judgement.fact(fact, 0)
            assert (span.low[0], span.high[0]) == (total, total)


@pytest.mark.parametrize(("last", "called"), [(3132.26, True), (3132.25, False)])
def test_whose_bills_make_just_five_thousand_is_called_and_a_fen_less_is_not(last: float, called: bool) -> None:
    held = {rule.id for rule, _, _ in judged("520523", events=bills(794.23, 278.16, 795.35, last)).held("triggers")}
    assert ("medical_a_exited" in held) is called


def test_who_has_just_the_line_is_not_below_it() -> None:
    told = {"period_start": "2023-01", "period_end": "2023-12", "known_on": "2023-12-31"}
    amounts = {"wage": 3702.30, "business": 18297.80, "business_expense": 100.10}
    incomes = [{"source": source, "amount": amount, **told} for source, amount in amounts.items()]
    judgement = judged("520523", incomes=incomes)
    assert judgement.fact("pc_net_income", 0).low[0] == 7300.0
