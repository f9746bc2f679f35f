"""What departments found demands a note and changes nothing: no score, no feature, no place on the list, no status, no trigger."""

from __future__ import annotations

import copy
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from features.build import features_of, look
from features.policy.judgement import Judgement
from features.policy.shipped import load
from features.pseudonym import pseudonym
from features.register import Register
from service.auth import RIGHTS, Right, Role
from service.bundles import ActiveBundle
from service.importing import import_register, pseudonym_key
from service.new_list import score_stored
from service.storage.register_store import load_register
from service.storage.tables import lists, note_demands, reasons, register_tables, scores, summaries
from tests.features.generated import same
from tests.service import made_up
from tests.service.sites import Site, now

JIAN = "360821"
VILLAGE = f"{JIAN}101001"
FOUND = ("private_car", "commercial_house", "public_payroll", "long_absence")
EVERY = 8  # which households have findings


def moved_to_jian(households: list[made_up.Household]) -> list[made_up.Household]:
    county = copy.deepcopy(households[:160])
    for one in county:
        one["village_code"] = JIAN + one["village_code"][6:]
    return county


def bring(site: Site, folder: Path, county: list[made_up.Household], findings: list[dict[str, Any]]) -> int:
    made_up.write_register(folder, county, {"findings": findings}, county=JIAN)
    key = pseudonym_key(site.settings.pseudonym_key, demo=False)
    import_register(site.database, folder, key, months=36, uploads=folder, clock=now, mode="replace")
    bundle = ActiveBundle(site.settings.bundle_dir).current()
    return score_stored(site.database, bundle, made_up.AS_OF, threads=1, clock=now, again=True).version


def found(county: list[made_up.Household]) -> list[dict[str, Any]]:
    return [
        {
            "household_id": one["household_id"],
            "finding": FOUND[at % len(FOUND)],
            "department": "公安交警",
            "found": at % 16 != 8,
            "valid_from": "2023-10-01",
            "known_on": "2023-10-20",
        }
        for at, one in enumerate(county)
        if at % EVERY in (0, 1, 2, 3)
    ]


@pytest.fixture
def jian(own_site: Site, households: list[made_up.Household], tmp_path: Path) -> tuple[Site, list[made_up.Household]]:
    """A county of Ji'an's code in which departments found something of every second household."""
    county = moved_to_jian(households)
    bring(own_site, tmp_path / "found", county, found(county))
    return own_site, county


def stored(site: Site, version: int) -> dict[str, Any]:
    """All that a list says, but which list it is and what it was made from."""
    with site.database.reading() as connection:
        told = {
            table.name: [
                row[1:]
                for row in connection.execute(select(table).where(table.c.list_version == version).order_by(table.primary_key.columns[1]))
            ]
            for table in (scores, reasons, summaries)
        }
        record = connection.execute(select(lists).where(lists.c.list_version == version)).one()._mapping
    return told | {name: record[name] for name in ("households", "as_of", "model_version", "policy_version")}


def test_findings_change_no_score_no_list_and_no_status(own_site: Site, households: list[made_up.Household], tmp_path: Path) -> None:
    county = moved_to_jian(households)
    without = stored(own_site, bring(own_site, tmp_path / "without", county, []))
    registers: list[Register] = []
    with own_site.database.reading() as connection:
        registers.append(load_register(connection))
        monitoring = connection.execute(select(register_tables["monitoring"])).all()
    with_findings = stored(own_site, bring(own_site, tmp_path / "with", county, found(county)))
    with own_site.database.reading() as connection:
        registers.append(load_register(connection))
        assert connection.execute(select(register_tables["monitoring"])).all() == monitoring
        assert len(connection.execute(select(note_demands)).all()) > 20  # else nothing was found, and nothing could have changed
    assert with_findings == without
    views = [look(register, made_up.AS_OF, load(synthetic=True)) for register in registers]
    assert same(*map(features_of, views), *registers) == []
    for name in ("triggers", "gaps", "cohorts", "blockers", "categories", "classes"):
        one, other = ([(rule.id, rows.tolist()) for rule, rows, _ in Judgement(view, load(synthetic=True)).held(name)] for view in views)
        assert one == other


def test_a_finding_is_shown_with_its_source_and_needs_a_note_until_somebody_writes_one(jian: tuple[Site, list[made_up.Household]]) -> None:
    site, county = jian
    headers, key = site.headers(Role.COUNTY, JIAN), pseudonym_key(site.settings.pseudonym_key, demo=False)
    clues = site.client.get("/api/v1/clues?limit=500", headers=headers).json()["items"]
    with_clues = {clue["household_id"] for clue in clues}
    one = next(one for at, one in enumerate(county) if at % EVERY == 1 and pseudonym(key, one["household_id"]) in with_clues)
    name = FOUND[county.index(one) % len(FOUND)]
    address = f"/api/v1/households/{pseudonym(key, one['household_id'])}"
    answer = site.client.get(address, headers=headers)
    (finding,) = answer.json()["policy"]["findings"]
    assert (finding["rule"], finding["needs_note"]) == (name, True)
    assert [(source["department"], source["found_on"], source["known_on"]) for source in finding["sources"]] == [
        ("公安交警", "2023-10-01", "2023-10-20")
    ]
    assert "吉安" in finding["reference"]
    assert all(clue["held_for_note"] for clue in answer.json()["clues"])
    page = site.client.get(address.removeprefix("/api/v1"), headers=headers | {"Accept-Language": "zh"}).text
    assert "待人工说明" in page
    assert "公安交警" in page

    body = {"about": name, "note": "车辆为其弟所有，联系 138 0000 0000"}
    written = site.client.post(f"{address}/notes", headers=headers, json=body)
    assert written.status_code == 201
    assert "138" not in written.json()["note"]["note"]
    assert len(written.json()["warnings"]) == 1
    assert site.client.post(f"{address}/notes", headers=headers, json=body).status_code == 200
    again = site.client.get(address, headers=headers | {"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 200  # a note changes the page
    assert [finding["needs_note"] for finding in again.json()["policy"]["findings"]] == [False]
    assert [note["about"] for note in again.json()["notes"]] == [name]
    assert not any(clue["held_for_note"] for clue in again.json()["clues"])
    assert again.json()["household"] == answer.json()["household"]
    held = {
        clue["household_id"]: clue["held_for_note"] for clue in site.client.get("/api/v1/clues?limit=500", headers=headers).json()["items"]
    }
    assert not held[pseudonym(key, one["household_id"])]
    assert any(held.values())
    assert not all(held.values())


def test_what_a_county_does_not_list_demands_nothing(jian: tuple[Site, list[made_up.Household]]) -> None:
    site, county = jian
    headers, key = site.headers(Role.COUNTY, JIAN), pseudonym_key(site.settings.pseudonym_key, demo=False)
    absent = next(one for at, one in enumerate(county) if at % EVERY == 3)
    answer = site.client.get(f"/api/v1/households/{pseudonym(key, absent['household_id'])}", headers=headers).json()
    assert answer["policy"]["findings"] == []
    assert not any(clue["held_for_note"] for clue in answer["clues"])


def test_a_note_is_on_something_that_is_there(jian: tuple[Site, list[made_up.Household]]) -> None:
    site, _ = jian
    headers = site.headers(Role.COUNTY, JIAN)
    clue = site.client.get("/api/v1/clues?limit=1", headers=headers).json()["items"][0]
    address = f"/api/v1/households/{clue['household_id']}/notes"
    assert site.client.post(address, headers=headers, json={"about": f"clue:{clue['id']}", "note": "已联系"}).status_code == 201
    for about in ("clue:999999", "village_cadres", "clue:x", ""):
        assert site.client.post(address, headers=headers, json={"about": about, "note": "已联系"}).status_code == 422
    assert site.client.post(address, headers=headers, json={"about": f"clue:{clue['id']}", "note": " "}).status_code == 422
    assert site.client.post("/api/v1/households/abc/notes", headers=headers, json={"about": "clue:1", "note": "已联系"}).status_code == 404
    for role in Role:
        region = clue["village_code"][: {Role.VILLAGE: 12, Role.TOWNSHIP: 9}.get(role, 6)]
        status = site.client.post(
            address, headers=site.headers(role, region), json={"about": f"clue:{clue['id']}", "note": role.value}
        ).status_code
        assert status == (201 if Right.VISIT in RIGHTS[role] else 403)
    elsewhere = next(f"{JIAN}{village[6:]}" for village in made_up.VILLAGES if village[6:] != clue["village_code"][6:])
    stranger = site.client.post(address, headers=site.headers(Role.VILLAGE, elsewhere), json={"about": f"clue:{clue['id']}", "note": "x"})
    assert stranger.status_code == 404


def test_a_newer_finding_of_the_same_kind_needs_a_note_of_its_own(jian: tuple[Site, list[made_up.Household]], tmp_path: Path) -> None:
    site, county = jian
    headers, key = site.headers(Role.COUNTY, JIAN), pseudonym_key(site.settings.pseudonym_key, demo=False)
    one = next(one for at, one in enumerate(county) if at % EVERY == 1)
    address, name = f"/api/v1/households/{pseudonym(key, one['household_id'])}", FOUND[county.index(one) % len(FOUND)]
    assert site.client.post(f"{address}/notes", headers=headers, json={"about": name, "note": "已说明"}).status_code == 201
    newer = {
        "household_id": one["household_id"],
        "finding": name,
        "department": "市场监管局",
        "found": True,
        "valid_from": "2024-04-01",
        "known_on": "2024-04-02",
    }
    made_up.write_register(tmp_path / "newer", county, {"findings": [*found(county), newer]}, county=JIAN, known_until="2024-04-30")

    def later() -> dt.datetime:
        return made_up.NOW + dt.timedelta(days=70)

    import_register(site.database, tmp_path / "newer", key, months=36, uploads=tmp_path, clock=later)
    score_stored(site.database, ActiveBundle(site.settings.bundle_dir).current(), dt.date(2024, 4, 30), threads=1, clock=later)
    (finding,) = site.client.get(address, headers=headers).json()["policy"]["findings"]
    assert finding["needs_note"]
    assert [source["department"] for source in finding["sources"]] == ["市场监管局", "公安交警"]


def test_a_card_is_a_class_and_the_page_says_that_its_colour_is_no_alert(jian: tuple[Site, list[made_up.Household]]) -> None:
    site, county = jian
    headers, key = site.headers(Role.COUNTY, JIAN), pseudonym_key(site.settings.pseudonym_key, demo=False)
    name = pseudonym(key, next(one["household_id"] for one in county if one["status"] == "exited"))
    said = site.client.get(f"/api/v1/households/{name}", headers=headers).json()["policy"]
    assert [one["system"] for one in said["classes"]] == ["card_colour", "card_review"]
    page = site.client.get(f"/households/{name}", headers=headers).text
    assert "红卡户不等于红色预警" in page
    assert said["classes"][0]["class"]["zh"] in page
    assert said["classes"][1]["class"] is None
    assert "不属于任何一类" not in page  # beside its card that would be told of nothing the reader knows
    assert "a red card is no red alert" in site.client.get(f"/households/{name}?lang=en", headers=headers).text
