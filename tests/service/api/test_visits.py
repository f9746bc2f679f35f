"""A visit is recorded once, corrected in the open, and seen only by those whose household it is."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from features.tables import TABLES
from service.auth import RIGHTS, ROLE_DIGITS, Right, Role
from service.redaction import HIDDEN
from service.storage.tables import active_list, lists, scores, visits
from service.storage.visit_store import Place, Visit, exported_visits, record
from tests.service import made_up
from tests.service.sites import Site, now

VILLAGE, ELSEWHERE = made_up.VILLAGES[0], made_up.VILLAGES[-1]
DAY = "2024-02-03"


def body(**changed: Any) -> dict[str, Any]:
    return {"visited_on": DAY, "reason": "list", "found": "risk", "note": "看过", **changed}


def household_in(site: Site, village: str = VILLAGE, place: int = 0) -> str:
    with site.database.reading() as connection:
        ids = connection.execute(select(scores.c.household_id).where(scores.c.village == village).order_by(scores.c.household_id))
        return str(ids.scalars().all()[place])


def post(site: Site, household: str, sent: Any, headers: dict[str, str] | None = None) -> Any:
    return site.client.post(f"/api/v1/households/{household}/visits", json=sent, headers=headers or site.headers())


def stored(site: Site) -> int:
    with site.database.reading() as connection:
        return connection.execute(select(func.count()).select_from(visits)).scalar_one()


def fields(answer: Any) -> list[str]:
    return [error["field"] for error in answer.json()["errors"]]


def test_a_recorded_visit_is_shown_with_who_when_and_which_list(own_site: Site) -> None:
    household = household_in(own_site)
    answer = post(own_site, household, body(visited_on="2024-03-01"), own_site.headers(Role.VILLAGE, VILLAGE))
    assert answer.status_code == 201, answer.text
    visit = answer.json()["visit"]
    assert visit["household_id"] == household
    assert (visit["village_code"], visit["revision"], visit["recorded_at"]) == (VILLAGE, 1, "2024-03-01T01:00:00Z")
    assert (visit["list_version"], visit["probability"]) == (1, None)
    assert "village" in visit["recorded_by"]
    shown = own_site.client.get(f"/api/v1/households/{household}/visits", headers=own_site.headers()).json()["items"]
    assert shown == [visit]


def test_the_same_visit_sent_again_is_answered_and_not_doubled(own_site: Site) -> None:
    household = household_in(own_site)
    first, again = post(own_site, household, body()), post(own_site, household, body())
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert stored(own_site) == 1


def test_another_content_for_that_day_is_told_whose_visit_stands_there(own_site: Site) -> None:
    household = household_in(own_site)
    post(own_site, household, body(), own_site.headers(Role.VILLAGE, VILLAGE))
    answer = post(own_site, household, body(found="no_risk"), own_site.headers(Role.TOWNSHIP, VILLAGE[:9]))
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert "village" in problem["detail"]
    assert "2024-03-01T01:00:00Z" in problem["detail"]
    assert "replaces: 1" in problem["errors"][0]["message"]
    assert stored(own_site) == 1


def test_a_correction_is_a_further_revision_and_the_first_stays(own_site: Site) -> None:
    household = household_in(own_site)
    post(own_site, household, body())
    corrected = post(own_site, household, body(found="no_risk", replaces=1))
    assert (corrected.status_code, corrected.json()["visit"]["revision"]) == (201, 2)
    assert post(own_site, household, body(found="no_risk", replaces=1)).status_code == 200
    shown = own_site.client.get(f"/api/v1/households/{household}/visits", headers=own_site.headers()).json()["items"]
    assert [(visit["revision"], visit["found"]) for visit in shown] == [(2, "no_risk"), (1, "risk")]


def test_a_late_retry_of_the_first_revision_finds_it_and_a_stale_correction_is_told(own_site: Site) -> None:
    household = household_in(own_site)
    post(own_site, household, body())
    post(own_site, household, body(found="no_risk", replaces=1))
    retry = post(own_site, household, body())
    assert (retry.status_code, retry.json()["visit"]["revision"]) == (200, 1)
    stale = post(own_site, household, body(found="absent", replaces=1))
    assert (stale.status_code, "replaces: 2" in stale.json()["errors"][0]["message"]) == (409, True)
    for replaces in (3, 2**31 - 1):
        assert post(own_site, household, body(found="absent", replaces=replaces)).status_code == 409
    assert post(own_site, household_in(own_site, place=1), body(replaces=1)).status_code == 409
    assert stored(own_site) == 2


@pytest.mark.parametrize("replaces", [None, 1])
def test_of_two_who_write_at_once_one_wins_and_the_others_are_told(own_site: Site, replaces: int | None) -> None:
    household = household_in(own_site)
    if replaces:
        post(own_site, household, body())
    place = Place(VILLAGE[:6], VILLAGE[:9], VILLAGE)
    start = threading.Barrier(8)
    outcomes: list[str] = []

    def write(number: int) -> None:
        visit = Visit(household, DAY, "list", "no_risk", f"writer {number}", None)
        start.wait()
        outcomes.append(record(own_site.database, visit, place, replaces=replaces, recorded_by=str(number), now=now()).outcome)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 7 + ["written"]
    assert stored(own_site) == (2 if replaces else 1)


def test_two_who_write_the_same_at_once_both_find_it(own_site: Site) -> None:
    household = household_in(own_site)
    visit, place = Visit(household, DAY, "list", "no_risk", "", None), Place(VILLAGE[:6], VILLAGE[:9], VILLAGE)
    outcomes: list[str] = []

    def write() -> None:
        outcomes.append(record(own_site.database, visit, place, replaces=None, recorded_by="x", now=now()).outcome)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["there", "there", "there", "written"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"visited_on": "2024-03-02"}, "visited_on"),
        ({"visited_on": "2013-12-31"}, "visited_on"),
        ({"visited_on": "2024-02-30"}, "visited_on"),
        ({"visited_on": "2024-W05-1"}, "visited_on"),
        ({"visited_on": 20240203}, "visited_on"),
        ({"visited_on": None}, "visited_on"),
        ({"reason": "curiosity"}, "reason"),
        ({"found": "maybe"}, "found"),
        ({"found": None}, "found"),
        ({"note": "x" * 2001}, "note"),
        ({"note": "a\x00b"}, "note"),
        ({"note": 5}, "note"),
        ({"replaces": 0}, "replaces"),
        ({"replaces": "1"}, "replaces"),
        ({"replaces": 2**40}, "replaces"),
        ({"probability": 0.5}, "probability"),
        ({"reason": "audit", "probability": 0}, "probability"),
        ({"reason": "audit", "probability": 1.5}, "probability"),
        ({"status": "monitored"}, "status"),
    ],
)
def test_what_cannot_be_is_refused_by_field(site: Site, changed: dict[str, Any], field: str) -> None:
    answer = post(site, household_in(site), body(**changed))
    assert answer.status_code == 422
    assert fields(answer) == [field]
    assert answer.json()["errors"][0]["message"]


def test_the_day_ends_in_china_not_in_greenwich(own_site: Site) -> None:
    """It is 09:00 on 1 March in China: that day may be recorded, the next not."""
    assert post(own_site, household_in(own_site), body(visited_on="2024-03-01")).status_code == 201


def test_codes_are_those_of_the_register(own_site: Site) -> None:
    household = household_in(own_site)
    for number, reason in enumerate(TABLES["visits"].column("reason").codes):
        assert post(own_site, household, body(reason=reason, visited_on=f"2024-02-{number + 1:02d}")).status_code == 201
    for number, found in enumerate(TABLES["visits"].column("found").codes):
        assert post(own_site, household, body(found=found, visited_on=f"2024-01-{number + 1:02d}")).status_code == 201


def test_a_drawn_sample_keeps_its_probability_and_a_list_has_none(own_site: Site) -> None:
    household = household_in(own_site)
    drawn = post(own_site, household, body(reason="audit", probability=0.05)).json()["visit"]
    assert (drawn["probability"], drawn["list_version"]) == (0.05, None)
    listed = post(own_site, household, body(visited_on="2024-03-01")).json()["visit"]
    assert (listed["probability"], listed["list_version"]) == (None, 1)


def test_the_list_of_a_visit_is_the_one_that_was_in_use_that_day(own_site: Site) -> None:
    household = household_in(own_site)
    with own_site.database.writing() as connection:
        first = connection.execute(select(lists)).one()._asdict()
        connection.execute(update(lists).values(written_at="2024-02-10T15:59:59Z"))
        second = first | {"list_version": 2, "written_at": "2024-02-20T01:00:00Z"}
        connection.execute(insert(lists).values(second))
    versions = {
        day: post(own_site, household, body(visited_on=day)).json()["visit"]["list_version"]
        for day in ("2024-02-09", "2024-02-10", "2024-02-19", "2024-02-20")
    }
    assert versions == {"2024-02-09": None, "2024-02-10": 1, "2024-02-19": 1, "2024-02-20": 2}


@pytest.mark.parametrize("household", ["nobody", "x" * 65, "%00", "a%20b", "' OR 1=1 --"])
def test_an_unknown_household_is_unknown(site: Site, household: str) -> None:
    assert post(site, household, body()).status_code == 404
    assert site.client.get(f"/api/v1/households/{household}/visits", headers=site.headers()).status_code == 404


def test_a_household_elsewhere_is_as_unknown_as_none(own_site: Site) -> None:
    theirs = household_in(own_site, ELSEWHERE)
    assert post(own_site, theirs, body()).status_code == 201
    mine = own_site.headers(Role.VILLAGE, VILLAGE)
    for known, unknown in (
        (post(own_site, theirs, body(), mine), post(own_site, "nobody", body(), mine)),
        (
            own_site.client.get(f"/api/v1/households/{theirs}/visits", headers=mine),
            own_site.client.get("/api/v1/households/nobody/visits", headers=mine),
        ),
    ):
        assert known.status_code == unknown.status_code == 404
        assert known.json()["detail"] == unknown.json()["detail"]
    assert own_site.client.get("/api/v1/visits", headers=mine).json()["items"] == []
    assert own_site.client.get("/api/v1/visits", headers=mine, params={"region": ELSEWHERE}).status_code == 403
    assert stored(own_site) == 1


@pytest.mark.parametrize("role", list(Role))
def test_only_who_goes_to_doors_records_and_reads_visits(site: Site, role: Role) -> None:
    headers = site.headers(role, VILLAGE[: ROLE_DIGITS[role][0]])
    refused = post(site, "nobody", body(), headers).status_code
    assert refused == (404 if Right.VISIT in RIGHTS[role] else 403)
    assert site.client.get("/api/v1/visits", headers=headers).status_code == (200 if Right.FACTS in RIGHTS[role] else 403)


@pytest.mark.parametrize(
    ("note", "kept"),
    [
        ("身份证 99000019500101001X", f"身份证 {HIDDEN}"),
        ("身份证99000019500101001x。", f"身份证{HIDDEN}。"),
        ("990000 19500101 0011 本人", f"{HIDDEN} 本人"),
        ("９９００００１９５００１０１００１Ｘ", HIDDEN),
        ("旧证 990000500101001", f"旧证 {HIDDEN}"),
        ("电话13800000000或139-0000-0000", f"电话{HIDDEN}或{HIDDEN}"),
        ("+86 138 0000 0000", f"+86 {HIDDEN}"),
        ("138\u200b0000\u200b0000", HIDDEN),
        ("座机 0857-7220000", f"座机 {HIDDEN}"),
        ("卡号 6222 0000 0000 0000 123", f"卡号 {HIDDEN}"),
        ("卡号6222000000000000", f"卡号{HIDDEN}"),
        ("2024-03-01 至 2024-03-05 收入 12000 元，支出 8,000 元，3 口人", None),
        ("20240301 访问，门牌 1234，耕地 3.5 亩", None),
        ("2023-11-20 2023-12-31", None),
    ],
)
def test_numbers_that_name_a_person_never_reach_the_database(own_site: Site, note: str, kept: str | None) -> None:
    answer = post(own_site, household_in(own_site), body(note=note)).json()
    assert answer["visit"]["note"] == (note if kept is None else kept)
    assert bool(answer["warnings"]) == (kept is not None)
    with own_site.database.reading() as connection:
        assert connection.execute(select(visits.c.note)).scalar_one() == answer["visit"]["note"]


def test_a_retry_with_a_number_in_its_note_is_the_same_visit(own_site: Site) -> None:
    household = household_in(own_site)
    assert [post(own_site, household, body(note="打 13800000000")).status_code for _ in range(2)] == [201, 200]


def test_pages_of_visits_hold_each_newest_revision_once_last_recorded_first(own_site: Site) -> None:
    headers, households = own_site.headers(), [household_in(own_site, place=place) for place in range(7)]
    for household in households:
        post(own_site, household, body(), headers)
    post(own_site, households[2], body(found="absent", replaces=1), headers)
    query: dict[str, Any] = {"limit": 3}
    seen: list[dict[str, Any]] = []
    while True:
        answer = own_site.client.get("/api/v1/visits", headers=headers, params=query).json()
        seen += answer["items"]
        if answer["next_cursor"] is None:
            break
        query["cursor"] = answer["next_cursor"]
    assert [visit["household_id"] for visit in seen] == [households[place] for place in (2, 6, 5, 4, 3, 1, 0)]
    assert seen[0]["revision"] == 2


def test_since_asks_for_what_was_recorded_since_in_chinese_days(own_site: Site) -> None:
    headers = own_site.headers()
    for place, moment in enumerate(("2024-02-28T15:59:59Z", "2024-02-28T16:00:00Z")):
        post(own_site, household_in(own_site, place=place), body(note=moment), headers)
        with own_site.database.writing() as connection:
            connection.execute(update(visits).where(visits.c.note == moment).values(recorded_at=moment))
    found = own_site.client.get("/api/v1/visits", headers=headers, params={"since": "2024-02-29"}).json()["items"]
    assert [visit["note"] for visit in found] == ["2024-02-28T16:00:00Z"]
    for query in ({"since": "yesterday"}, {"since": "2024-02-30"}, {"cursor": "x"}, {"cursor": "-1"}, {"limit": 501}, {"colour": 1}):
        assert own_site.client.get("/api/v1/visits", headers=headers, params=query).status_code == 422


def test_without_a_list_nobody_can_be_visited_and_the_answer_says_what_to_run(own_site: Site) -> None:
    household = household_in(own_site)
    with own_site.database.writing() as connection:
        connection.execute(delete(active_list))
    answer = post(own_site, household, body())
    assert answer.status_code == 503
    assert "python -m service score" in answer.text


def test_exported_visits_say_from_when_on_each_finding_was_known(own_site: Site) -> None:
    headers, (first, second) = own_site.headers(), [household_in(own_site, place=place) for place in (0, 1)]
    post(own_site, first, body(), headers)
    post(own_site, first, body(found="no_risk", replaces=1), headers)
    post(own_site, second, body(reason="routine"), headers)
    post(own_site, second, body(reason="audit", probability=0.1, replaces=1), headers)
    with own_site.database.writing() as connection:
        connection.execute(update(visits).where(visits.c.revision == 1).values(recorded_at="2024-02-03T18:00:00Z"))
    with own_site.database.reading() as connection:
        exported = exported_visits(connection)
    assert all(set(visit) == {column.name for column in TABLES["visits"].columns} for visit in exported)
    assert {visit["visited_on"].isoformat() for visit in exported} == {DAY}
    names = ("household_id", "reason", "found", "probability")
    assert [(*(visit[name] for name in names), visit["known_on"].isoformat()) for visit in exported] == [
        (first, "list", "risk", None, "2024-02-04"),
        (first, "list", "no_risk", None, "2024-03-01"),
        (second, "audit", "risk", 0.1, "2024-03-01"),
    ]
