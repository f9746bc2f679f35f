"""Filters, orders and search of the list: every household that is asked for, once, in order, along an index, and none from elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from features.catalog import CAUSES
from service.auth import Role
from service.storage.score_store import Order, Place, Wanted, _form, _values, _walk
from service.storage.tables import CAUSE_BITS, scores, visits
from tests.service import made_up
from tests.service.sites import Site

TOWN, VILLAGE = made_up.VILLAGES[0][:9], made_up.VILLAGES[0]
REGIONS = (made_up.COUNTY, TOWN, VILLAGE)


def walk(site: Site, headers: dict[str, str], **query: Any) -> list[str]:
    """All pages, one after the other."""
    found: list[str] = []
    while True:
        answer = site.client.get("/api/v1/risk-list", headers=headers, params=query)
        assert answer.status_code == 200, answer.text
        found += [item["household_id"] for item in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            return found
        query["cursor"] = answer.json()["next_cursor"]


def in_region(region: str) -> Any:
    return scores.c[{6: "county", 9: "town", 12: "village"}[len(region)]] == region


@pytest.mark.parametrize("region", REGIONS)
def test_pages_of_any_filter_hold_what_a_plain_look_finds(site: Site, region: str) -> None:
    headers = site.headers(Role.DASHBOARD, region)
    with site.database.reading() as connection:
        rows = connection.execute(select(scores).where(scores.c.list_version == 1, in_region(region))).all()
    assert rows
    filters = st.fixed_dictionaries(
        {},
        optional={
            "tier": st.sampled_from(["red", "orange", "yellow", "none"]),
            "candidate": st.sampled_from(["edge", "unstable", "sudden"]),
            "cause": st.sampled_from(list(CAUSES)),
            "cell": st.sampled_from(["rule_and_model", "model_only", "rule_only", "neither", "undetermined"]),
            "state": st.sampled_from(["scored", "below_line", "insufficient_data"]),
        },
    )

    @settings(max_examples=25, deadline=None)
    @given(filters, st.sampled_from(["risk", "village"]), st.sampled_from([3, 17, 400]))
    def ask(wanted: dict[str, str], order: str, limit: int) -> None:
        chosen = [
            row
            for row in rows
            if all(getattr(row, name) == value for name, value in wanted.items() if name in ("tier", "state"))
            and ("cell" not in wanted or (row.cell or "undetermined") == wanted["cell"])
            and ("candidate" not in wanted or getattr(row, f"{wanted['candidate']}_candidate"))
            and ("cause" not in wanted or row.causes_mask & CAUSE_BITS[wanted["cause"]])
        ]
        chosen.sort(key=lambda row: ((row.village,) if order == "village" else ()) + (-row.risk, row.household_id))
        assert walk(site, headers, order=order, limit=limit, **wanted) == [row.household_id for row in chosen]

    ask()


def test_a_filter_by_cause_finds_those_whom_the_cause_drives(site: Site) -> None:
    items = site.client.get("/api/v1/risk-list?cause=illness&limit=500", headers=site.headers()).json()["items"]
    assert items
    for item in items:
        assert "illness" in [cause["cause"] for cause in item["causes"] if cause["contribution"] > 0][:3]


def test_visited_since_the_list_was_made(own_site: Site) -> None:
    with own_site.database.reading() as connection:
        rows = connection.execute(select(scores).order_by(scores.c.household_id).limit(3)).all()
    visit = {"revision": 1, "reason": "list", "found": "risk", "note": "", "recorded_at": "2024-03-02T00:00:00Z", "recorded_by": "x"}
    with own_site.database.writing() as connection:
        for row, day in zip(rows, ("2024-02-29", "2024-03-01", "2024-03-05"), strict=True):  # the list was made on 2024-03-01
            place = {"household_id": row.household_id, "county": row.county, "town": row.town, "village": row.village}
            connection.execute(insert(visits).values(**visit, **place, visited_on=day))
    headers = own_site.headers()
    done, due = walk(own_site, headers, visited="true", limit=100), walk(own_site, headers, visited="false", limit=100)
    assert set(done) == {rows[1].household_id, rows[2].household_id}
    assert (len(due), set(done) & set(due)) == (398, set())


def test_search_finds_by_the_beginning_of_an_id_or_by_the_code_of_a_place(site: Site) -> None:
    headers = site.headers()
    everyone = walk(site, headers, limit=500)
    wanted = everyone[123]
    assert walk(site, headers, search=wanted) == [wanted]
    assert walk(site, headers, search=wanted[:6].upper()) == sorted(name for name in everyone if name.startswith(wanted[:6]))
    assert walk(site, headers, search=VILLAGE, limit=500) == walk(site, headers, region=VILLAGE, limit=500)
    assert walk(site, headers, search="zzzz") == []
    with site.database.reading() as connection:
        elsewhere = connection.execute(select(scores.c.household_id).where(scores.c.village != VILLAGE).limit(1)).scalar_one()
    village = site.headers(Role.VILLAGE, VILLAGE)
    assert walk(site, village, search=elsewhere) == []
    assert walk(site, village, search=made_up.VILLAGES[1]) == []


@pytest.mark.parametrize(
    "query",
    [
        "order=id", "order=id&search=520523", "order=risk&search=abcd", "search=abc", "search=%25%25%25%25", "search=a_b%27--",
        "cause=fate", "cell=5", "visited=perhaps", "format=pdf", "limit=5&format=csv", "cursor=x&format=xlsx",
    ],
)  # fmt: skip
def test_what_no_index_answers_is_refused(site: Site, query: str) -> None:
    answer = site.client.get(f"/api/v1/risk-list?{query}", headers=site.headers())
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] in query


def test_a_cursor_belongs_to_its_region_and_order(site: Site) -> None:
    headers = site.headers()
    cursor = site.client.get("/api/v1/risk-list?limit=2", headers=headers).json()["next_cursor"]
    for other in ({"region": TOWN}, {"order": "village"}, {"search": "abcd"}):
        answer = site.client.get("/api/v1/risk-list", params={**other, "cursor": cursor}, headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


INDEX = {
    ("risk", 6): "ix_scores_county", ("risk", 9): "ix_scores_town", ("risk", 12): "ix_scores_village",
    ("village", 6): "ix_scores_village", ("village", 9): "ix_scores_village", ("village", 12): "ix_scores_village",
}  # fmt: skip


def plan_of(site: Site, statement: Any) -> str:
    """How the database would answer; on PostgreSQL, which reads small tables whole, if it had to do without that and without sorting."""
    with site.database.reading() as connection:
        compiled = statement.compile(connection.engine, compile_kwargs={"literal_binds": True})
        if connection.dialect.name == "sqlite":
            rows = connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}")).all()
            assert len(rows) == 1, rows  # a second line would be a sort
            return str(rows[0].detail)
        for way in ("seqscan", "bitmapscan", "sort"):
            connection.execute(text(f"SET LOCAL enable_{way} = off"))
        plan = "\n".join(row[0] for row in connection.execute(text(f"EXPLAIN {compiled}")))
        assert "Sort" not in plan, plan
        return plan


def walked(region: str, order: Order, wanted: Wanted, after: Place | None) -> Any:
    return _walk(_form(region, order, wanted, after)).params(_values(1, region, 50, order=order, wanted=wanted, after=after))


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(("order", "digits"), list(INDEX))
def test_a_page_is_one_walk_along_an_index_without_sorting(site: Site, order: Order, digits: int, deep: bool) -> None:
    after = None if not deep else (VILLAGE, 3) if order == "village" else (3,)
    wanted = Wanted(tier="red", candidate="edge", cause="illness", cell="model_only", state="scored")
    plan = plan_of(site, walked(VILLAGE[:digits], order, wanted, after))
    assert f"USING COVERING INDEX {INDEX[order, digits]}" in plan or f"using {INDEX[order, digits]}" in plan, plan


def test_a_search_by_prefix_is_a_range_of_the_key(site: Site) -> None:
    plan = plan_of(site, walked(VILLAGE, "id", Wanted(prefix="abcd"), None))
    assert "PRIMARY KEY (list_version=? AND household_id>? AND household_id<?)" in plan or "using pk_scores" in plan, plan
