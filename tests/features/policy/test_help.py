"""Help is looked up: by risk, gap and class, and by whether anybody in the household can work."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from features.build import look
from features.household import from_nested
from features.policy.help import proposals
from features.policy.judgement import Judgement
from features.policy.shipped import load
from features.tables import RISKS

AS_OF = dt.date(2024, 6, 30)
POLICY = load(synthetic=True)
JINSHA, ZHENAN = "520523101001", "611025101001"


def judged(village: str = JINSHA, **changes: Any) -> Judgement:
    household = {
        "household_id": "h",
        "village_code": village,
        "status": "ordinary",
        "members": [{"member_id": "m1", "birth_year": 1980, "labour_ability": "ordinary", "medical_insured": True}],
        "employment": [{"member_id": "m1", "start_date": "2024-01-01", "work_kind": "migrant"}],
        "living": [{"dangerous_house": False, "water_safe": True}],
        **changes,
    }
    register, problems = from_nested([household], AS_OF)
    assert not problems
    return Judgement(look(register, AS_OF, POLICY), POLICY)


def member(labour: str | None) -> list[dict[str, Any]]:
    return [{"member_id": "m1", "birth_year": 1980, "labour_ability": labour, "medical_insured": True}]


@pytest.mark.parametrize("risk", [code for code, _ in RISKS])
def test_every_risk_has_an_answer_and_whoever_can_work_is_offered_a_way_to_earn(risk: str) -> None:
    found = proposals(judged(), 0, (risk,))
    assert found
    assert any(one.developmental for one in found)


@pytest.mark.parametrize("risk", [code for code, _ in RISKS])
@pytest.mark.parametrize("labour", ["lost", "none"])
def test_who_cannot_work_is_offered_no_work(risk: str, labour: str) -> None:
    found = proposals(judged(members=member(labour)), 0, (risk,))
    assert found
    assert not any(one.developmental for one in found)


def test_who_may_be_able_to_work_is_neither_promised_nor_denied_it() -> None:
    found = proposals(judged(members=member(None)), 0, ("illness",))
    assert [one.measure for one in found if one.fits] == ["health", "social"]
    assert any(one.developmental for one in found if one.fits is None)


def test_work_is_offered_to_whoever_can_and_waits_where_that_is_not_known() -> None:
    found = {labour: proposals(judged(members=member(labour)), 0, ("unstable_job",)) for labour in ("weak", None)}
    assert [(one.measure, one.fits) for one in found["weak"]] == [("employment", True), ("public_post", True)]
    assert [(one.measure, one.fits) for one in found[None]] == [("employment", None), ("public_post", None)]


def test_a_household_with_two_gaps_has_what_closes_both() -> None:
    found = {one.measure: one.because for one in proposals(judged(living=[{"dangerous_house": True, "water_safe": False}]), 0)}
    assert {"housing", "water"} <= set(found)
    assert "住房安全未保障" in [why.zh for why in found["housing"]]


def test_nothing_is_offered_where_nothing_is_called_for() -> None:
    assert proposals(judged(), 0) == []


@pytest.mark.parametrize(("labour", "measure"), [("ordinary", "industry"), ("weak", "employment"), ("lost", "security")])
def test_zhenan_answers_each_labour_class_with_its_own_help(labour: str, measure: str) -> None:
    found = {one.measure: one.because for one in proposals(judged(ZHENAN, status="exited", members=member(labour)), 0, ("illness",))}
    assert any("劳动能力户" in why.zh for why in found[measure])
