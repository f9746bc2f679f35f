"""POST /api/v1/scores: the same number as the list gives, and a clear word about every household that cannot be scored."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import pytest

from features.pseudonym import pseudonym
from service.auth import Role
from service.importing import pseudonym_key
from service.storage.score_store import page
from service.wire import RiskListAnswer, ScoresAnswer
from tests.service import made_up
from tests.service.sites import Site

AS_OF = made_up.AS_OF.isoformat()


def post(site: Site, content: Any, role: Role = Role.COUNTY, region: str = made_up.COUNTY) -> Any:
    body = content if isinstance(content, (str, bytes)) else json.dumps(content)
    return site.client.post("/api/v1/scores", content=body, headers=site.headers(role, region) | {"Content-Type": "application/json"})


def one(**changes: Any) -> made_up.Household:
    return copy.deepcopy(made_up.household(1, Random(5))) | changes


def errors_of(answer: Any) -> list[tuple[int, str]]:
    return [(error["index"], error["field"]) for error in answer.json()["errors"]]


def test_two_wages_for_one_period_are_named_and_not_chosen_between(site: Site) -> None:
    period = {"source": "wage", "period_start": "2023-01", "period_end": "2023-12"}
    doubled = one(household_id="twice", incomes=[period | {"amount": 90000}, period | {"amount": 100}])
    answer = post(site, {"as_of": AS_OF, "households": [one(), doubled]})
    (error,) = answer.json()["errors"]
    assert (error["index"], error["field"], error["household_id"]) == (1, "incomes[1].amount", "twice")
    assert "incomes[0]" in error["message"]
    assert len(answer.json()["items"]) == 1


def test_a_household_scores_the_same_from_the_register_and_from_json(site: Site, households: list[made_up.Household]) -> None:
    """To the last bit, in one request of all and in requests of one; rows known later make no difference."""
    key = pseudonym_key(site.settings.pseudonym_key, demo=False)
    together = post(site, {"as_of": AS_OF, "households": households})
    assert together.status_code == 200
    assert together.json()["errors"] == []
    items = together.json()["items"]
    assert [item["household_id"] for item in items] == [household["household_id"] for household in households]
    with site.database.reading() as connection:
        stored = {row.household_id: row for row in page(connection, 1, made_up.COUNTY, 500)}
    for item in items:
        row = stored[pseudonym(key, item["household_id"])]
        assert item["probability"] == row.probability
        assert item["interval"] == (None if row.low is None else [row.low, row.high])
        assert (item["state"], item["tier"], item["edge_band_flag"]) == (row.state, row.tier, row.edge_band_flag)
        assert item["pc_net_income"] == row.pc_net_income
        assert item["data_age_days"] == row.data_age_days
        if row.causes is not None:
            assert item["causes"] == json.loads(row.causes)
    assert sum(item["probability"] is not None for item in items) > 300
    for place in range(0, 400, 40):
        alone = post(site, {"as_of": AS_OF, "households": [households[place]]}).json()["items"][0]
        assert alone["probability"] == items[place]["probability"]
        assert alone["explained"]
        if items[place]["explained"]:
            assert alone["causes"] == items[place]["causes"]


def test_the_answer_has_the_documented_shape(site: Site, households: list[made_up.Household]) -> None:
    answer = post(site, {"households": households[:3]})
    ScoresAnswer.model_validate_json(answer.content, strict=True)
    assert answer.json()["as_of"] == AS_OF  # that of the list in use
    listed = site.client.get("/api/v1/risk-list", headers=site.headers())
    RiskListAnswer.model_validate_json(listed.content, strict=True)
    # What is sent with a request stands in no list, so nobody can have visited it since.
    assert answer.json()["items"][0].keys() == listed.json()["items"][0].keys() - {"visited"}


def test_good_households_are_scored_beside_bad_ones(site: Site) -> None:
    bad = one(household_id="bad", village_code="52")
    answer = post(site, {"as_of": AS_OF, "households": [one(), bad, one(household_id="third")]})
    assert answer.status_code == 200
    assert [item["household_id"] for item in answer.json()["items"]] == ["9900000001", "third"]
    assert errors_of(answer) == [(1, "village_code")]
    assert answer.json()["errors"][0]["household_id"] == "bad"


def income(**changes: Any) -> list[dict[str, Any]]:
    return [{"source": "wage", "period_start": "2023-01", "period_end": "2023-03", "amount": 1.0} | changes]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"incomes": income(amount=float("nan"))}, "incomes[0].amount"),
        ({"incomes": income(amount=float("-inf"))}, "incomes[0].amount"),
        ({"incomes": income(amount=1e12)}, "incomes[0].amount"),
        ({"incomes": income(amount=10**400)}, "incomes[0].amount"),
        ({"incomes": income(amount="much")}, "incomes[0].amount"),
        ({"incomes": income(source="lottery")}, "incomes[0].source"),
        ({"incomes": income(period_end="2023-02")}, "incomes[0].period_end"),
        ({"incomes": income(period_start="2024-01", period_end="2024-03")}, "incomes[0].period_end"),
        ({"incomes": income(period_start="2023-1")}, "incomes[0].period_start"),
        ({"incomes": income(known_on="2024-01-20")}, "incomes[0].known_on"),
        ({"incomes": income() + income(amnt=3)}, "incomes[1].amnt"),
        ({"incomes": {"source": "wage"}}, "incomes"),
        ({"events": [{"event_kind": "illness_bill", "occurred_on": "2099-01-01"}]}, "events[0].occurred_on"),
        ({"events": [{"event_kind": "alien", "occurred_on": "2023-01-01"}]}, "events[0].event_kind"),
        ({"events": [{"event_kind": "accident", "occurred_on": "2023-13-01"}]}, "events[0].occurred_on"),
        ({"employment": [{"member_id": "m", "start_date": "2030-01-01"}]}, "employment[0].start_date"),
        ({"members": [{"birth_year": 1960}]}, "members[0].member_id"),
        ({"members": [{"member_id": "m", "birth_year": 1066}]}, "members[0].birth_year"),
        ({"members": [{"member_id": "m", "chronic_disease": "perhaps"}]}, "members[0].chronic_disease"),
        ({"status": "rich"}, "status"),
        ({"status": None}, "status"),
        ({"sharing_size": -1}, "sharing_size"),
        ({"household_id": None}, "household_id"),
        ({"household_id": "x" * 65}, "household_id"),
        ({"household_id": 5}, "household_id"),
        ({"village_code": None}, "village_code"),
        ({"valid_from": "2024-06-01"}, "valid_from"),
        ({"indicators": [{"name": "luck", "value": 1}]}, "indicators[0].name"),
    ],
)  # fmt: skip
def test_every_fault_is_named_by_its_field(site: Site, changes: dict[str, Any], field: str) -> None:
    answer = post(site, {"as_of": AS_OF, "households": [one(**changes)]})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (0, field) in errors_of(answer)
    assert all(error["message"] for error in answer.json()["errors"])


def test_nan_is_refused_by_field_while_the_others_are_scored(site: Site) -> None:
    answer = post(site, {"as_of": AS_OF, "households": [one(), one(household_id="b", incomes=income(amount=float("nan")))]})
    assert answer.status_code == 200
    assert len(answer.json()["items"]) == 1
    assert errors_of(answer) == [(1, "incomes[0].amount")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "body"),
        ("{", "body"),
        ("[]", "body"),
        ("null", "body"),
        ('"\\ud800"', "body"),
        (b"\xff\xfe", "body"),
        ("[" * 100_000, "body"),
        ("{}", "households"),
        ('{"households": []}', "households"),
        ('{"households": {}}', "households"),
        ('{"households": [{}], "colour": 1}', "colour"),
        ('{"households": [{}], "as_of": "yesterday"}', "as_of"),
        ('{"households": [{}], "as_of": "2023-W01-1"}', "as_of"),
        ('{"households": [{}], "as_of": 20231231}', "as_of"),
        ('{"households": [{}], "as_of": NaN}', "as_of"),
        ('{"households": [{}], "as_of": "2024-03-02"}', "as_of"),
        ('{"households": [{}], "as_of": "1890-01-01"}', "as_of"),
    ],
)
def test_what_is_no_request_is_refused_with_a_reason(site: Site, body: str | bytes, field: str) -> None:
    answer = post(site, body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("household", [None, 3, "x", [], {}, {"members": [None]}, {"members": 1}])
def test_what_is_no_household_is_an_error_of_that_household(site: Site, household: Any) -> None:
    answer = post(site, {"as_of": AS_OF, "households": [household, one()]})
    assert answer.status_code == 200
    assert {index for index, _ in errors_of(answer)} == {0}


def test_at_most_five_thousand_households_a_request(site: Site) -> None:
    answer = post(site, {"households": [{}] * 5001})
    assert answer.status_code == 422
    assert "5000" in answer.json()["errors"][0]["message"]


def test_a_household_outside_the_token_is_not_scored(site: Site) -> None:
    mine, other = one(village_code=made_up.VILLAGES[0]), one(household_id="other", village_code=made_up.VILLAGES[1])
    answer = post(site, {"as_of": AS_OF, "households": [mine, other]}, Role.VILLAGE, made_up.VILLAGES[0])
    assert [item["household_id"] for item in answer.json()["items"]] == [mine["household_id"]]
    assert errors_of(answer) == [(1, "village_code")]
    assert post(site, {"as_of": AS_OF, "households": [other]}, Role.VILLAGE, made_up.VILLAGES[0]).status_code == 422


def test_a_dashboard_scores_nobody(site: Site) -> None:
    assert post(site, {"as_of": AS_OF, "households": [one()]}, Role.DASHBOARD).status_code == 403


def test_not_enough_data_is_an_answer_and_names_what_is_missing(site: Site) -> None:
    bare = {"household_id": "bare", "village_code": made_up.VILLAGES[0], "status": "ordinary"}
    item = post(site, {"as_of": AS_OF, "households": [bare]}).json()["items"][0]
    assert (item["state"], item["probability"], item["interval"], item["tier"]) == ("insufficient_data", None, None, "none")
    assert item["edge_band_flag"] is None
    assert item["missing_field"] == {"field": "pc_net_income", "zh": "人均纯收入"}
    assert "pc_net_income" in {entry["field"] for entry in item["not_evaluable"]}


def test_a_household_under_the_line_is_red_without_a_probability(site: Site) -> None:
    poor = one(incomes=[{"source": "wage", "period_start": "2023-01", "period_end": "2023-12", "amount": 500.0}])
    item = post(site, {"as_of": AS_OF, "households": [poor]}).json()["items"][0]
    assert (item["state"], item["probability"], item["tier"]) == ("below_line", None, "red")


def test_a_large_request_is_scored_like_a_small_one(site: Site) -> None:
    many = [one(household_id=f"h{number}") for number in range(600)]
    answer = post(site, {"as_of": AS_OF, "households": many})
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert len(items) == 600
    assert len({item["probability"] for item in items}) == 1


def test_errors_of_one_household_are_bounded(site: Site) -> None:
    answer = post(site, {"as_of": AS_OF, "households": [one(incomes=income(amount="x") * 500)]})
    assert len(answer.json()["errors"]) == 21
