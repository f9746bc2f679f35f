"""Facts are drawn from whatever table they name; what a table cannot answer is refused when it is declared."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from features.build import look
from features.policy.choice import WORD
from features.policy.declared import Fact
from features.policy.drawing import drawings
from features.policy.facts import Facts
from features.policy.formulas import formulas
from features.policy.shipped import load
from tests.features.policy.cases import register, rows

DAY = dt.date(2023, 6, 30)
POLICY = load(synthetic=True)


def fact(**said: Any) -> Fact:
    return Fact.model_validate({"zh": "某数", "en": "Something", "unit": "persons"} | said)


def told(declared: dict[str, Fact], **household: Any) -> dict[str, tuple[float, float]]:
    seen = look(register(rows(household, "520523", DAY)), DAY, POLICY)
    facts = Facts(seen, declared, drawings(declared), formulas({}))
    return {name: (float(facts[name].low[0]), float(facts[name].high[0])) for name in declared}


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"most": "debts.balance", "unit": "yuan"}, 9000.0),
        ({"most": "households.sharing_size"}, 4.0),
        ({"most": "living.house_area", "unit": "m2"}, 80.0),
    ],
)
def test_the_largest_row_of_a_table_that_knows_no_persons(said: dict[str, Any], wanted: float) -> None:
    found = told(
        {"it": fact(**said)},
        sharing_size=4,
        debts=[{"lender": "microcredit", "balance": 9000}, {"lender": "private", "balance": 500}],
        living={"house_area": 80},
    )
    assert found["it"] == (wanted, wanted)


def test_what_is_asked_of_many_facts_together_is_what_each_is_told_alone() -> None:
    declared = {f"from_{age}": fact(count="members", where={"age": {"at_least": age}}) for age in range(WORD + 6)}
    members = [{"birth_year": DAY.year - age} for age in (0, 15, 16, 40, 63, 64, 69, 90)]
    together = told(declared, members=members)
    assert together == {name: told({name: one}, members=members)[name] for name, one in declared.items()}
    assert together["from_16"] == (5, 6)  # whose birthday is still to come may be fifteen


@pytest.mark.parametrize(
    "said",
    [
        {"count": "visits", "per": "member"},
        {"count": "members", "where": {"certified": 1}},
        {"count": "members", "where": {"age": "sixteen"}},
        {"count": "members", "where": {"age": True}},
        {"count": "members", "where": {"age": ["sixteen"]}},
        {"count": "members", "where": {"disability_level": "1"}},
    ],
)
def test_what_a_table_cannot_be_asked_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        fact(**said)


def test_who_is_certified_is_asked_by_yes_and_no() -> None:
    declared = {name: fact(count="members", where={"certified": name == "yes"}) for name in ("yes", "no")}
    found = told(declared, members=[{"disability_category": "limb", "disability_level": 2}, {}])
    assert found["yes"][0] == 1
    assert found["no"][0] + found["yes"][0] == 2
    assert np.isfinite(found["no"]).all()


@pytest.mark.parametrize(
    ("amount", "subsidy", "wanted"),
    [(9000, 3000, (6000, 6000)), (9000, 9500, (0, 0)), (9000, None, (0, 9000)), (None, 3000, (0, np.inf)), (9000.1, 0.3, (8999.8, 8999.8))],
)
def test_what_a_subsidy_leaves_of_fees_is_summed_as_far_as_it_is_known(amount: Any, subsidy: Any, wanted: tuple[float, float]) -> None:
    declared = {"net": fact(sum="events.net_amount", unit="yuan"), "most": fact(most="events.net_amount", unit="yuan")}
    fee = {"event_kind": "school_fee", "member_id": "1"}
    found = told(declared, events=[fee | {"amount": amount, "subsidy": subsidy}, fee | {"amount": 1000}])
    assert found["net"] == (wanted[0] + 1000, wanted[1] + 1000)
    assert found["most"] == (max(wanted[0], 1000), max(wanted[1], 1000))


def test_ages_are_added_up_though_no_table_holds_them() -> None:
    found = told({"it": fact(sum="members.age", unit="years")}, members=[{"birth_year": DAY.year - 40}, {"birth_year": DAY.year - 20}])
    assert found["it"] == (60, 60)
