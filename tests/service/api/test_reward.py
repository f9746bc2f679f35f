"""POST /api/v1/policy/reward: the step of the day, the cap, and where both are written; null where it cannot be told."""

from __future__ import annotations

from typing import Any

import pytest

from service.auth import Role
from tests.service import made_up
from tests.service.sites import Site

TENG = "450422"


def ask(site: Site, held: str = TENG, **body: Any) -> Any:
    return site.client.post("/api/v1/policy/reward", json=body, headers=site.headers(Role.COUNTY, held))


@pytest.mark.parametrize(
    ("body", "yuan"),
    [
        ({"reward": "building_finished", "date": "2020-06-10", "persons": 3}, 9000),
        ({"reward": "building_finished", "date": "2020-06-11", "persons": 3}, 7500),
        ({"reward": "building_finished", "date": "2020-07-01", "persons": 3}, 0),
        ({"reward": "industry", "date": "2020-03-31", "base": 3000}, 4500),
        ({"reward": "industry", "date": "2020-03-31", "base": 4000}, 4500),
        ({"reward": "industry", "date": "2020-03-31"}, None),
    ],
)
def test_the_step_of_the_day_is_paid_up_to_the_cap(site: Site, body: dict[str, Any], yuan: float | None) -> None:
    told = ask(site, **body).json()
    assert (told["county"], told["yuan"], told["stable_income"]) == (TENG, yuan, False)
    assert "TX" in told["reference"]
    assert told["zh"]
    assert told["en"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"reward": "medal", "date": "2020-06-10"}, "building_finished"),
        ({"reward": "industry", "date": "2020-06-10", "persons": 0}, "persons"),
        ({"reward": "industry"}, "date"),
    ],
)
def test_what_cannot_be_worked_out_is_refused_with_what_there_is(site: Site, body: dict[str, Any], said: str) -> None:
    answer = ask(site, **body)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_county_without_rewards_and_a_county_of_others_are_refused(site: Site) -> None:
    body = {"reward": "industry", "date": "2020-03-31", "base": 3000}
    assert ask(site, made_up.COUNTY, **body).status_code == 422
    assert ask(site, made_up.COUNTY, **body, region=TENG).status_code == 403
