"""Counts of the list by place, tier, cause and month; on a screen that anybody may see none is small, and none can be worked out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from features.catalog import CAUSES
from service.auth import Role
from service.storage.tables import CAUSE_BITS, scores
from service.suppression import FEWEST
from service.wire import SummaryAnswer
from tests.service import made_up
from tests.service.later_lists import add_list, later
from tests.service.sites import Site

TOWN, VILLAGE = made_up.VILLAGES[0][:9], made_up.VILLAGES[0]
BY = ("town", "village", "tier", "cause", "month")


def ask(site: Site, role: Role = Role.COUNTY, token: str = made_up.COUNTY, **query: str) -> dict[str, Any]:
    answer = site.client.get("/api/v1/summary", params=query, headers=site.headers(role, token))
    assert answer.status_code == 200, answer.text
    SummaryAnswer.model_validate_json(answer.content, strict=True)
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(("role", "token"), [(Role.COUNTY, made_up.COUNTY), (Role.TOWNSHIP, TOWN), (Role.VILLAGE, VILLAGE)])
def test_counts_are_those_of_the_scores(site: Site, role: Role, token: str) -> None:
    column = scores.c[{6: "county", 9: "town", 12: "village"}[len(token)]]
    with site.database.reading() as connection:
        rows = connection.execute(select(scores).where(scores.c.list_version == 1, column == token)).all()
    tiers = {item["tier"]: item["households"] for item in ask(site, role, token, by="tier")["items"]}
    assert tiers == {tier: sum(row.tier == tier for row in rows) for tier in ("red", "orange", "yellow", "none")}
    causes = {item["cause"]: item["households"] for item in ask(site, role, token, by="cause")["items"]}
    assert causes == {cause: sum(row.causes_mask & CAUSE_BITS[cause] > 0 for row in rows) for cause in CAUSES}
    for by in ("town", "village"):
        answer = ask(site, role, token, by=by)
        assert sum(item["households"] for item in answer["items"]) == answer["total"]["households"] == len(rows)
        assert all(item["region"].startswith(token) for item in answer["items"])
        assert answer["hidden_under"] is None


def test_months_tell_the_last_list_of_each(own_site: Site, households: list[made_up.Household], tmp_path: Path) -> None:
    add_list(own_site, later(households, 1), tmp_path / "second")
    items = ask(own_site, by="month")["items"]
    assert [(item["month"], item["list_version"], item["households"]) for item in items] == [("2023-12", 2, 394)]


def numbers(part: Any) -> list[int]:
    if isinstance(part, dict):
        return [n for name, inner in part.items() if name not in ("list_version", "hidden_under", "synthetic") for n in numbers(inner)]
    if isinstance(part, list):
        return [n for inner in part for n in numbers(inner)]
    return [part] if isinstance(part, int) else []


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("token", [made_up.COUNTY, TOWN, VILLAGE])
def test_a_kiosk_is_shown_exact_numbers_and_none_under_eight(site: Site, token: str, by: str) -> None:
    seen = ask(site, Role.KIOSK, token, by=by)
    exact = ask(site, Role.DASHBOARD, token, by=by)
    assert seen["hidden_under"] == FEWEST
    assert all(number >= FEWEST for number in numbers([seen["total"], seen["items"]]))
    assert len(seen["items"]) == len(exact["items"])

    def agree(shown: Any, whole: Any) -> None:
        if isinstance(shown, dict):
            for name, inner in shown.items():
                agree(inner, whole[name])
        else:
            assert shown is None or shown == whole

    agree(seen["total"], exact["total"])
    for shown, whole in zip(seen["items"], exact["items"], strict=True):
        agree(shown, whole)


def test_two_kiosks_never_make_up_for_what_each_hides(site: Site) -> None:
    county = {item["region"]: item for item in ask(site, Role.KIOSK, by="village")["items"]}
    for village in made_up.VILLAGES:
        assert ask(site, Role.KIOSK, village)["total"] == county[village]
        town = {item["region"]: item for item in ask(site, Role.KIOSK, village[:9])["items"]}
        assert town[village] == county[village]
    towns = {item["region"]: item for item in ask(site, Role.KIOSK)["items"]}
    assert ask(site, Role.KIOSK, TOWN)["total"] == towns[TOWN]
    assert any(None in item["tier"].values() for item in county.values())
