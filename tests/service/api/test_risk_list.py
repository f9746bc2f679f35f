"""GET /api/v1/risk-list and /summary: every household once, in order, and never one from elsewhere."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from service.api.cursors import read_cursor, write_cursor
from service.auth import RIGHTS, ROLE_DIGITS, Right, Role
from service.bundles import ActiveBundle
from service.new_list import score_stored
from service.storage.list_writer import remove_list
from service.storage.tables import scores
from service.wire import SummaryAnswer
from tests.service import made_up
from tests.service.sites import Site, now

TOWN, VILLAGE = made_up.VILLAGES[0][:9], made_up.VILLAGES[0]


def walk(site: Site, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    """All pages, one after the other."""
    items: list[dict[str, Any]] = []
    while True:
        answer = site.client.get("/api/v1/risk-list", headers=headers, params=query)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["next_cursor"] is None:
            return items
        query["cursor"] = answer.json()["next_cursor"]


def expected(site: Site, *where: Any) -> list[str]:
    with site.database.reading() as connection:
        return list(
            connection.execute(select(scores.c.household_id).where(*where).order_by(scores.c.risk.desc(), scores.c.household_id)).scalars()
        )


@pytest.mark.parametrize("limit", [1, 7, 100, 500])
def test_paging_shows_every_household_once_in_order(site: Site, limit: int) -> None:
    headers = site.headers(Role.VILLAGE, VILLAGE) if limit == 1 else site.headers()
    where = [scores.c.village == VILLAGE] if limit == 1 else []
    assert [item["household_id"] for item in walk(site, headers, limit=limit)] == expected(site, *where)


def test_below_the_line_comes_first_and_ranks_rise(site: Site) -> None:
    items = walk(site, site.headers(), limit=500)
    states = [item["state"] for item in items]
    assert states == sorted(states, key=["below_line", "scored", "insufficient_data"].index)
    assert [item["rank"]["county"] for item in items] == list(range(1, 401))


@pytest.mark.parametrize("tier", ["red", "orange", "yellow", "none"])
def test_tier_filter(site: Site, tier: str) -> None:
    items = walk(site, site.headers(), tier=tier, limit=9)
    assert [item["household_id"] for item in items] == expected(site, scores.c.tier == tier)
    assert {item["tier"] for item in items} <= {tier}


@pytest.mark.parametrize("candidate", ["edge", "unstable", "sudden"])
def test_candidate_filter(site: Site, candidate: str) -> None:
    items = walk(site, site.headers(), candidate=candidate, limit=9)
    assert [item["household_id"] for item in items] == expected(site, scores.c[f"{candidate}_candidate"].is_(True))
    assert all(item[f"{candidate}_candidate"] for item in items)


def test_region_filter_narrows(site: Site) -> None:
    for region, column in ((TOWN, scores.c.town), (VILLAGE, scores.c.village)):
        items = walk(site, site.headers(), region=region, limit=50)
        assert [item["household_id"] for item in items] == expected(site, column == region)
    assert walk(site, site.headers(), region=made_up.COUNTY + "999") == []


@pytest.mark.parametrize("region", ["520524", made_up.COUNTY, TOWN, made_up.VILLAGES[1]])
def test_a_region_outside_the_token_is_refused(site: Site, region: str) -> None:
    for path in ("risk-list", "summary"):
        answer = site.client.get(f"/api/v1/{path}", params={"region": region}, headers=site.headers(Role.VILLAGE, VILLAGE))
        assert answer.status_code == 403
        assert VILLAGE in answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "region=52", "region=52052x", "region=520523%0A", "region=５２０５２３", "tier=blue", "candidate=any",
        "limit=0", "limit=501", "limit=x", "cursor=abc", "teir=red",
    ],
)  # fmt: skip
def test_what_the_query_does_not_know_is_refused_by_name(site: Site, query: str) -> None:
    answer = site.client.get(f"/api/v1/risk-list?{query}", headers=site.headers())
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [query.partition("=")[0]]


def test_a_page_of_an_older_list_goes_on_in_that_list(own_site: Site) -> None:
    headers = own_site.headers()
    first = own_site.client.get("/api/v1/risk-list?limit=5", headers=headers).json()
    score_stored(own_site.database, ActiveBundle(own_site.settings.bundle_dir).current(), None, threads=1, clock=now, again=True)
    second = own_site.client.get("/api/v1/risk-list", params={"limit": 5, "cursor": first["next_cursor"]}, headers=headers).json()
    fresh = own_site.client.get("/api/v1/risk-list?limit=5", headers=headers).json()
    assert (first["list_version"], second["list_version"], fresh["list_version"]) == (1, 1, 2)
    remove_list(own_site.database, 1)
    gone = own_site.client.get("/api/v1/risk-list", params={"cursor": first["next_cursor"]}, headers=headers)
    assert gone.status_code == 422
    assert gone.json()["errors"][0]["field"] == "cursor"


def test_a_dashboard_sees_scores_but_no_facts(site: Site) -> None:
    items = walk(site, site.headers(Role.DASHBOARD), limit=100)
    assert len(items) == 400
    assert any(item["causes"] for item in items)
    assert all(cause["facts"] == [] for item in items for cause in item["causes"])
    assert all(item["pc_net_income"] is None and item["verify"] == [] for item in items)


# One site serves all examples: they only read it.
@settings(max_examples=60, deadline=None)
@given(
    token=st.tuples(st.sampled_from([role for role in Role if Right.LIST in RIGHTS[role]]), st.sampled_from(made_up.VILLAGES)),
    region=st.none() | st.sampled_from([made_up.COUNTY, *made_up.VILLAGES, *{village[:9] for village in made_up.VILLAGES}]),
    tier=st.none() | st.sampled_from(["red", "none"]),
    place=st.none() | st.integers(0, 500),
)
def test_no_token_ever_shows_a_household_outside_its_region(
    site: Site, token: tuple[Role, str], region: str | None, tier: str | None, place: int | None
) -> None:
    role, village = token
    own = village[: min(ROLE_DIGITS[role], key=lambda digits: abs(digits - 9))]
    query: dict[str, Any] = {"limit": 500}
    if region:
        query["region"] = region
    if tier:
        query["tier"] = tier
    if place is not None:
        query["cursor"] = write_cursor(1, region or own, "risk", (place,))  # a cursor from another's list, or forged
    headers = site.headers(role, own)
    answer = site.client.get("/api/v1/risk-list", params=query, headers=headers)
    narrowed = {"by": "village", **({"region": region} if region else {})}
    counted = site.client.get("/api/v1/summary", params=narrowed, headers=headers)
    if region is not None and not region.startswith(own):
        assert answer.status_code == counted.status_code == 403
        return
    assert answer.status_code == counted.status_code == 200
    assert all(item["village_code"].startswith(region or own) for item in answer.json()["items"])
    assert all(row["region"].startswith(region or own) for row in counted.json()["items"])


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 2**31 - 1), st.integers(0, 2**31 - 1), st.sampled_from([made_up.COUNTY, TOWN, VILLAGE]))
def test_a_cursor_says_what_was_put_into_it(version: int, rank: int, region: str) -> None:
    for order, place in (("risk", (rank,)), ("village", (VILLAGE, rank)), ("id", ("abc123",))):
        assert read_cursor(write_cursor(version, region, order, place), region, order) == (version, place)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=30) | st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_a_damaged_cursor_is_refused_and_nothing_breaks(site: Site, cursor: str) -> None:
    answer = site.client.get("/api/v1/risk-list", params={"cursor": cursor}, headers=site.headers())
    assert answer.status_code in {200, 422}
    assert answer.status_code == 422 or answer.json()["list_version"] == 1


@pytest.mark.parametrize(
    "content",
    [
        [1], [1, 2], {"a": 1}, [1, "520523", "risk"], [1, "520523", "risk", 1.5], [1, "520523", "risk", None], [1, "520523", "risk", -1],
        [True, "520523", "risk", 1], [2**60, "520523", "risk", 1], [7, "520523", "risk", 1], [0, "520523", "risk", 1],
        [1, "520523101", "risk", 1],
        [1, "520523", "village", "520523101001", 1], [1, "520523", "id", "a\u0000"],
    ],
)  # fmt: skip
def test_a_forged_cursor_is_refused(site: Site, content: Any) -> None:
    cursor = base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()
    answer = site.client.get("/api/v1/risk-list", params={"cursor": cursor}, headers=site.headers())
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "cursor"


def test_the_summary_adds_up_and_has_the_documented_shape(site: Site) -> None:
    by_town = site.client.get("/api/v1/summary", headers=site.headers())
    by_village = site.client.get("/api/v1/summary?by=village", headers=site.headers()).json()
    SummaryAnswer.model_validate_json(by_town.content, strict=True)
    answer = by_town.json()
    assert answer["by"] == "town"
    assert answer["total"] == by_village["total"]
    assert answer["total"]["households"] == 400 == sum(row["households"] for row in by_village["items"])
    assert sum(answer["total"]["tier"].values()) == sum(answer["total"]["state"].values()) == 400
    assert [row["region"] for row in by_village["items"]] == sorted(made_up.VILLAGES)
    village = site.client.get("/api/v1/summary", headers=site.headers(Role.VILLAGE, VILLAGE)).json()
    assert [row["region"] for row in village["items"]] == [VILLAGE]
    assert village["total"]["households"] == len(expected(site, scores.c.village == VILLAGE))
