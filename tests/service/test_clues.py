"""Clues: one open for each household, risk and period; later pushes add to it, a visit answers it, and nothing of it is a status."""

from __future__ import annotations

import copy
import datetime as dt
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from features.pseudonym import pseudonym
from features.register import day
from service.auth import RIGHTS, Right, Role
from service.bundles import ActiveBundle
from service.clues import TWELVE_MONTHS, Pushed, date_of
from service.importing import import_register, pseudonym_key
from service.new_list import score_stored
from service.storage.clue_store import OPEN, keep_clues
from service.storage.database import Database
from service.storage.tables import clue_evidence, clues
from service.storage.visit_store import Place, Visit, record
from tests.service import made_up
from tests.service.sites import Site, now

HAIL = {"event_kind": "disaster", "amount": 8000.0}
VILLAGE = made_up.VILLAGES[0]


def score(site: Site, as_of: dt.date) -> int:
    bundle = ActiveBundle(site.settings.bundle_dir).current()
    return score_stored(site.database, bundle, as_of, threads=1, clock=now, again=True).version


class County:
    """The made-up county as it goes on: what befalls its first household without any event."""

    def __init__(self, site: Site, households: list[made_up.Household], folder: Path) -> None:
        self.site, self.folder = site, folder
        self.county = copy.deepcopy(households)
        self.one = next(one for one in self.county if not one["events"])
        self.key = pseudonym_key(site.settings.pseudonym_key, demo=False)
        self.id = pseudonym(self.key, self.one["household_id"])
        self.headers = site.headers()

    def list_of(self, as_of: dt.date, **event: Any) -> int:
        """The list of a day, after a push of that day if there was one."""
        if event:
            self.one["events"].append({"event_id": f"push-{as_of}", "known_on": as_of.isoformat(), **event})
        made_up.write_register(self.folder / as_of.isoformat(), self.county, known_until=as_of.isoformat())
        import_register(self.site.database, self.folder / as_of.isoformat(), self.key, months=36, uploads=self.folder, clock=now)
        return score(self.site, as_of)

    def clues(self, risk: str = "disaster") -> list[dict[str, Any]]:
        answer = self.site.client.get(f"/api/v1/households/{self.id}", headers=self.headers)
        return [clue for clue in answer.json()["clues"] if clue["risk"] == risk]

    def visit(self, day: str, found: str, **more: Any) -> None:
        body = {"visited_on": day, "reason": "department", "found": found, **more}
        assert self.site.client.post(f"/api/v1/households/{self.id}/visits", headers=self.headers, json=body).status_code == 201


@pytest.fixture
def county(own_site: Site, households: list[made_up.Household], tmp_path: Path) -> County:
    return County(own_site, households, tmp_path / "pushes")


def test_hail_opens_a_clue_hail_again_adds_to_it_and_a_visit_answers_it(county: County) -> None:
    """The case of a house of earth under hail that came into the ledger in time (domain JS28)."""
    assert county.clues() == []
    first = county.list_of(dt.date(2024, 1, 10), **HAIL, occurred_on="2024-01-05")
    (clue,) = county.clues()
    assert (clue["state"], clue["opened_on"], clue["period_from"], clue["list_version"]) == ("open", "2024-01-10", "2024-01-05", first)
    assert [(piece["rule"], piece["occurred_on"], piece["amount"]) for piece in clue["evidence"]] == [("disaster", "2024-01-05", 1)]
    assert clue["evidence"][0]["department"] == "应急管理局"

    county.list_of(dt.date(2024, 2, 5), **HAIL, occurred_on="2024-02-01")
    (clue,) = county.clues()
    assert [piece["occurred_on"] for piece in clue["evidence"]] == ["2024-01-05", "2024-02-01"]
    assert [fact["low"] for fact in clue["evidence"][1]["facts"]] == [2]

    county.list_of(dt.date(2024, 2, 6))
    assert county.clues() == [clue]  # the same once more adds nothing

    county.visit("2024-02-04", "risk")
    (clue,) = county.clues()
    assert (clue["state"], clue["answered_on"], clue["answered_by"]) == ("answered", "2024-02-04", 1)
    county.list_of(dt.date(2024, 2, 7))
    assert county.clues() == [clue]

    county.list_of(dt.date(2024, 2, 20), **HAIL, occurred_on="2024-02-18")
    later, earlier = county.clues()
    assert (later["state"], len(later["evidence"]), earlier) == ("open", 1, clue)


def test_a_clue_stays_when_its_trigger_holds_no_longer(county: County) -> None:
    county.list_of(dt.date(2024, 1, 10), **HAIL, occurred_on="2023-01-20")
    county.list_of(dt.date(2024, 2, 20))
    shown = county.site.client.get(f"/api/v1/households/{county.id}", headers=county.headers).json()
    assert "disaster" not in [trigger["risk"] for trigger in shown["policy"]["triggers"]]
    assert [clue["state"] for clue in county.clues()] == ["open"]


def test_a_visit_at_which_nobody_was_met_answers_nothing_nor_does_one_before_the_clue(county: County) -> None:
    county.list_of(dt.date(2024, 1, 10), **HAIL, occurred_on="2024-01-05")
    county.visit("2024-01-09", "risk")
    county.visit("2024-01-12", "absent")
    assert [clue["state"] for clue in county.clues()] == ["open"]
    county.visit("2024-01-12", "no_risk", replaces=1)
    assert [clue["state"] for clue in county.clues()] == ["answered"]
    county.visit("2024-01-12", "absent", replaces=2)
    assert [(clue["state"], clue["answered_on"]) for clue in county.clues()] == [("open", None)]


def test_a_clue_goes_where_its_household_goes(county: County) -> None:
    county.list_of(dt.date(2024, 1, 10), **HAIL, occurred_on="2024-01-05")
    elsewhere = next(village for village in made_up.VILLAGES if village[:9] != county.one["village_code"][:9])
    county.one["village_code"] = elsewhere
    county.one["valid_from"] = county.one["known_on"] = "2024-01-20"
    county.list_of(dt.date(2024, 1, 25), event_kind="job_loss", occurred_on="2024-01-20")
    theirs = county.site.headers(Role.VILLAGE, elsewhere)
    found = county.site.client.get("/api/v1/clues?limit=500", headers=theirs).json()["items"]
    assert {(clue["risk"], clue["village_code"]) for clue in found if clue["household_id"] == county.id} >= {("disaster", elsewhere)}


def test_clues_say_what_the_triggers_of_the_list_say(site: Site) -> None:
    items: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 200}
    while True:
        page = site.client.get("/api/v1/risk-list", params=query, headers=site.headers()).json()
        items += page["items"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    called = {(item["household_id"], one["risk"], one["rule"]) for item in items for one in item["triggers"]}
    told, query = [], {"limit": 30}
    while True:
        page = site.client.get("/api/v1/clues", params=query, headers=site.headers()).json()
        told += page["items"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(told) > 60
    assert [clue["id"] for clue in told] == sorted({clue["id"] for clue in told}, reverse=True)
    assert {(clue["household_id"], clue["risk"], piece["rule"]) for clue in told for piece in clue["evidence"]} == called
    assert all(clue["state"] == "open" and clue["evidence"] for clue in told)


def test_clues_of_a_region_and_a_risk(site: Site) -> None:
    everything = site.client.get("/api/v1/clues?limit=500", headers=site.headers()).json()["items"]
    for query, wanted in (
        ({"region": VILLAGE}, lambda clue: clue["village_code"] == VILLAGE),
        ({"risk": "disaster"}, lambda clue: clue["risk"] == "disaster"),
        (
            {"region": VILLAGE[:9], "risk": "unstable_job"},
            lambda clue: clue["village_code"][:9] == VILLAGE[:9] and clue["risk"] == "unstable_job",
        ),
    ):
        found = site.client.get("/api/v1/clues", params={"limit": 500, **query}, headers=site.headers()).json()["items"]
        assert found
        assert found == [clue for clue in everything if wanted(clue)]
    assert site.client.get("/api/v1/clues?state=answered", headers=site.headers()).json() == {"items": [], "next_cursor": None}
    for bad in ("risk=hail", "state=closed", "cursor=x", "limit=501"):
        assert site.client.get(f"/api/v1/clues?{bad}", headers=site.headers()).status_code == 422
    elsewhere = site.client.get(f"/api/v1/clues?region={made_up.VILLAGES[1]}", headers=site.headers(Role.VILLAGE, VILLAGE))
    assert elsewhere.status_code == 403


@pytest.mark.parametrize("role", list(Role))
def test_clues_are_for_those_who_may_see_facts(site: Site, role: Role) -> None:
    region = VILLAGE[: {Role.VILLAGE: 12, Role.TOWNSHIP: 9}.get(role, 6)]
    answer = site.client.get("/api/v1/clues", headers=site.headers(role, region))
    assert answer.status_code == (200 if Right.FACTS in RIGHTS[role] else 403)
    if Right.FACTS not in RIGHTS[role] and Right.LIST in RIGHTS[role]:
        household = site.client.get("/api/v1/clues?limit=1", headers=site.headers()).json()["items"][0]["household_id"]
        assert site.client.get(f"/api/v1/households/{household}", headers=site.headers(role, region)).json()["clues"] is None


def test_the_page_shows_since_when_and_why(site: Site) -> None:
    clue = site.client.get("/api/v1/clues?limit=1", headers=site.headers()).json()["items"][0]
    page = site.client.get(f"/households/{clue['household_id']}", headers=site.headers() | {"Accept-Language": "zh"}).text
    assert "待走访" in page
    assert clue["evidence"][0]["zh"] in page
    assert clue["evidence"][0]["department"] in page


def test_the_database_itself_refuses_a_second_open_clue(own_site: Site) -> None:
    with own_site.database.reading() as connection:
        row = dict(connection.execute(select(clues).limit(1)).one()._mapping)
    with pytest.raises(IntegrityError), own_site.database.writing() as connection:
        connection.execute(insert(clues).values(row | {"id": 10**6}))
    with own_site.database.writing() as connection:
        connection.execute(insert(clues).values(row | {"id": 10**6, "period_from": "1999-01-01"}))


FIRST = day(dt.date(2022, 1, 1))
KINDS = {
    "hail": ("disaster", "twelve_months"),
    "flood": ("disaster", "twelve_months"),
    "bill": ("illness", "month"),
    "dropout": ("schooling", "school_year"),
}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(list(KINDS)), st.one_of(st.none(), st.integers(0, 1100)), st.integers(0, 60)),
        st.tuples(st.just("visit"), st.sampled_from(["risk", "absent"]), st.integers(0, 60)),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, again=st.lists(st.integers(0, 11), max_size=6))
def test_any_order_and_repetition_of_pushes_leaves_one_open_clue_for_each_risk_and_period(
    database: Database, steps: list[tuple[str, Any, int]], again: list[int]
) -> None:
    with database.reading() as connection:
        household = f"h{len(connection.execute(select(clues.c.id)).all()):06d}"
    columns = {
        name: np.array([cell])
        for name, cell in (("household_id", household), ("county", VILLAGE[:6]), ("town", VILLAGE[:9]), ("village", VILLAGE))
    }
    today = FIRST + 1100
    dated = set()
    for what, detail, later in [*steps, *(steps[at] for at in again if at < len(steps))]:
        today += later
        if what == "visit":
            visit = Visit(household, date_of(today), "routine", detail, "", None)
            record(database, visit, Place(VILLAGE[:6], VILLAGE[:9], VILLAGE), replaces=None, recorded_by="test", now=made_up.NOW)
            continue
        on = None if detail is None else FIRST + detail
        dated |= {(what, on)} if on else set()
        said = Pushed(0, what, *KINDS[what], on, None if on is None else 1.0, "{}")
        with database.writing() as connection:
            keep_clues(connection, 1, dt.date.fromisoformat(date_of(today)), columns, [said, said])
    with database.reading() as connection:
        theirs = connection.execute(select(clues).where(clues.c.household_id == household)).all()
        told = connection.execute(
            select(clue_evidence.c.rule, clue_evidence.c.occurred_on).where(clue_evidence.c.clue_id.in_([clue.id for clue in theirs]))
        ).all()
    still = [clue for clue in theirs if clue.state == OPEN]
    assert len({(clue.risk, clue.period, clue.period_from) for clue in still}) == len(still)
    for one, other in combinations([clue for clue in still if clue.period == "twelve_months"], 2):
        assert abs((dt.date.fromisoformat(one.period_from) - dt.date.fromisoformat(other.period_from)).days) >= TWELVE_MONTHS
    with_day = [(rule, on) for rule, on in told if on is not None]
    assert sorted(with_day) == sorted((rule, date_of(on)) for rule, on in dated)  # each told once, none lost
