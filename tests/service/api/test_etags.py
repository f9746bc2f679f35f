"""A poller is told "not modified" exactly as long as it has the answer already."""

from __future__ import annotations

import pytest
from sqlalchemy import event, insert

from service.auth import RIGHTS, Right, Role
from service.bundles import ActiveBundle
from service.new_list import score_stored
from service.storage.tables import visits
from tests.service import made_up
from tests.service.sites import Site, now

PATHS = (
    "risk-list", "risk-list?tier=red", "risk-list?visited=false", "risk-list?format=csv", "summary", "summary?by=cause", "scores?since=1",
    "lists", "lists/diff?from=1", "clues", "model", "HOUSEHOLD",
)  # fmt: skip
VILLAGE = made_up.VILLAGES[0]


def one(site: Site) -> dict:
    answer: dict = site.client.get("/api/v1/risk-list?limit=1", headers=site.headers()).json()["items"][0]
    return answer


def address(site: Site, path: str) -> str:
    return f"/api/v1/{'households/' + one(site)['household_id'] if path == 'HOUSEHOLD' else path}"


@pytest.mark.parametrize("path", PATHS)
def test_the_same_answer_is_not_sent_twice_until_something_changes(own_site: Site, path: str) -> None:
    url, headers = address(own_site, path), own_site.headers()
    first = own_site.client.get(url, headers=headers)
    tag = first.headers["etag"]
    assert (first.headers["cache-control"], first.headers["vary"]) == ("private, no-cache", "Authorization, Accept")
    for held in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
        again = own_site.client.get(url, headers=headers | {"If-None-Match": held})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "private, no-cache"
    for held in ('"other"', 'W/"other"', tag[:-2] + '"', ""):
        assert own_site.client.get(url, headers=headers | {"If-None-Match": held}).status_code == 200
    score_stored(own_site.database, ActiveBundle(own_site.settings.bundle_dir).current(), None, threads=1, clock=now, again=True)
    assert own_site.client.get(url, headers=headers | {"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("HOUSEHOLD", True),
        ("risk-list?visited=false", True),
        ("clues", True),
        ("risk-list", True),
        ("scores?since=1", False),
        ("summary", False),
    ],
)
def test_a_visit_changes_what_shows_visits_and_nothing_else(own_site: Site, path: str, changed: bool) -> None:
    url, headers, household = address(own_site, path), own_site.headers(), one(own_site)
    tag = own_site.client.get(url, headers=headers).headers["etag"]
    village = household["village_code"]
    row = {
        "household_id": household["household_id"], "visited_on": "2024-03-01", "revision": 1, "county": village[:6], "town": village[:9],
        "village": village, "reason": "list", "found": "risk", "note": "", "recorded_at": "2024-03-01T00:00:00Z", "recorded_by": "x",
    }  # fmt: skip
    with own_site.database.writing() as connection:
        connection.execute(insert(visits).values(row))
    answer = own_site.client.get(url, headers=headers | {"If-None-Match": tag})
    assert answer.status_code == (200 if changed else 304)


@pytest.mark.parametrize("path", [path for path in PATHS if path != "HOUSEHOLD"])
def test_a_tag_is_worth_nothing_to_another_role_region_or_question(site: Site, path: str) -> None:
    tag = site.client.get(address(site, path), headers=site.headers()).headers["etag"]
    others = [(Role.DASHBOARD, made_up.COUNTY), (Role.TOWNSHIP, VILLAGE[:9]), (Role.VILLAGE, VILLAGE)]
    for role, region in others:
        answer = site.client.get(address(site, path), headers=site.headers(role, region) | {"If-None-Match": tag})
        assert answer.status_code == (200 if path != "clues" or Right.FACTS in RIGHTS[role] else 403)
    sign = "&" if "?" in path else "?"
    narrowed = site.client.get(f"/api/v1/{path}{sign}region={VILLAGE}", headers=site.headers() | {"If-None-Match": tag})
    assert narrowed.status_code in {200, 422}  # 422: the route has no such filter


@pytest.mark.parametrize("path", ["risk-list", "summary", "scores?since=1"])
def test_a_poll_that_finds_nothing_new_costs_at_most_the_one_look_that_tells_who_asks(site: Site, path: str) -> None:
    headers = site.headers()
    tag = site.client.get(f"/api/v1/{path}", headers=headers).headers["etag"]
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    engine = site.client.app.state.service.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert site.client.get(f"/api/v1/{path}", headers=headers | {"If-None-Match": tag}).status_code == 304
    finally:
        event.remove(engine, "before_cursor_execute", note)
    reads = [statement for statement in asked if statement.startswith("SELECT")]
    # A file tells without being asked that nothing was written since; a server does not.
    assert len(reads) == (0 if site.database.is_sqlite else 1), reads
    assert all("tokens" in read and "active_list" in read for read in reads)


def test_without_a_list_a_poller_is_told_when_to_come_again(empty_site: Site) -> None:
    for path in ("risk-list", "summary", "scores?since=1", "lists", "lists/diff?from=1", "households/abc"):
        answer = empty_site.client.get(f"/api/v1/{path}", headers=empty_site.headers())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


def test_a_household_is_told_anew_when_another_model_comes_into_use(own_site: Site, households: list[made_up.Household]) -> None:
    """Reasons that a list does not hold can be told by the list's own model alone."""
    url, headers = address(own_site, "HOUSEHOLD"), own_site.headers()
    tag = own_site.client.get(url, headers=headers).headers["etag"]
    assert own_site.client.get(url, headers=headers | {"If-None-Match": tag}).status_code == 304
    made_up.promote(made_up.train(households, seed=3), own_site.settings.bundle_dir)
    own_site.client.app.state.service.bundle.look()
    assert own_site.client.get(url, headers=headers | {"If-None-Match": tag}).status_code == 200
