"""GET /api/v1/ledgers: by town and village the households that the rules tell of the county; what cannot be told stands apart."""

from __future__ import annotations

import html
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, update

from features.build import look
from features.policy.judgement import Judgement
from features.policy.shipped import load
from service.auth import Role
from service.bundles import ActiveBundle
from service.importing import import_register
from service.new_list import score_stored
from service.storage.register_store import load_register
from service.storage.tables import imports, lists, summaries
from tests.service import made_up
from tests.service.sites import Site, now

ZHENAN = "611025"
TOWN = f"{ZHENAN}101"


@pytest.fixture
def zhenan(own_site: Site, households: list[made_up.Household], tmp_path: Path) -> Site:
    """The made-up county under Zhen'an's code, a third of its households relocated, some left poverty in 2014."""
    county = deepcopy(households)
    for at, one in enumerate(county):
        one["village_code"] = ZHENAN + one["village_code"][6:]
        one["relocated"] = at % 3 == 0
        one["lives_in_both"] = (True, None)[at % 2] if at % 3 == 0 else None
        if one["status"] == "exited":
            one["exit_year"] = 2014 + at % 3
    written = made_up.write_register(tmp_path / "in", county, county=ZHENAN)
    key = bytes.fromhex(own_site.settings.pseudonym_key.read_text())
    import_register(own_site.database, written, key, months=36, uploads=tmp_path, clock=now, mode="replace")
    score_stored(own_site.database, ActiveBundle(own_site.settings.bundle_dir).current(), None, threads=1, clock=now)
    return own_site


def ask(site: Site, region: str, status: int = 200, role: Role = Role.COUNTY, held: str = ZHENAN, **query: Any) -> Any:
    answer = site.client.get("/api/v1/ledgers", params={"region": region, **query}, headers=site.headers(role, held))
    assert answer.status_code == status, answer.text
    return answer.json()


def test_ledgers_hold_whom_the_rules_tell_of_the_whole_county(zhenan: Site) -> None:
    with zhenan.database.reading() as connection:
        register = load_register(connection)
    seen = look(register, made_up.AS_OF, load(synthetic=True))
    codes = np.array([*register.texts["households", "village_code"], ""])[seen.village]
    expected = {rule.id: rows for rule, rows, _ in Judgement(seen, load(synthetic=True)).held("cohorts")}
    assert {"ill_or_disabled", "exited_2014_2015", "income_fell"} & set(expected)
    told = {one["ledger"]: one for one in ask(zhenan, TOWN)["ledgers"]}
    assert len(told) == 6
    overlap = 0
    everybody: set[str] = set()
    for name, one in told.items():
        rows = [row for row in expected.get(name, np.array([], dtype=int)).tolist() if codes[row].startswith(TOWN)]
        items = ask(zhenan, TOWN, ledger=name)["items"]
        inside = {item["household_id"] for item in items if item["holds"]}
        assert inside == {str(register.household_id[row]) for row in rows}
        assert one["households"] == len(inside) == sum(village["households"] for village in one["villages"])
        assert one["not_evaluable"] == sum(item["holds"] is None for item in items)
        assert "ZA9" in one["reference"]
        overlap += len(inside & everybody)
        everybody |= inside
    assert overlap  # a household may stand in several
    assert told["relocated_between"]["households"] > 0
    assert told["relocated_between"]["not_evaluable"] > 0  # of some nobody entered whether they live in both places


def test_the_county_is_the_sum_of_its_towns(zhenan: Site) -> None:
    towns = sorted({code[:9] for code in zhenan_villages(zhenan)})
    assert len(towns) > 1
    parts = [{one["ledger"]: one for one in ask(zhenan, town)["ledgers"]} for town in towns]
    county = ask(zhenan, ZHENAN)
    assert county["items"] == []
    for one in county["ledgers"]:
        for what in ("households", "not_evaluable"):
            assert one[what] == sum(part[one["ledger"]][what] for part in parts)
        assert one["villages"] == [village for part in parts for village in part[one["ledger"]]["villages"]]


def zhenan_villages(site: Site) -> list[str]:
    with site.database.reading() as connection:
        return list(connection.execute(select(summaries.c.village).where(summaries.c.county == ZHENAN)).scalars())


def test_a_list_from_before_the_counts_says_what_to_run(zhenan: Site) -> None:
    with zhenan.database.writing() as connection:
        connection.execute(update(summaries).values(ledgers=None))
    answer = zhenan.client.get("/api/v1/ledgers", headers=zhenan.headers(Role.COUNTY, ZHENAN))
    assert answer.status_code == 503
    assert "python -m service score" in answer.text


HTML = {"Accept": "text/html"}


def test_the_page_leads_from_a_towns_count_to_its_households(zhenan: Site) -> None:
    headers = zhenan.headers(Role.COUNTY, ZHENAN) | HTML
    one = next(one for one in ask(zhenan, TOWN)["ledgers"] if one["ledger"] == "ill_or_disabled")
    overview = zhenan.client.get("/overview", headers=headers).text
    assert 'class="button light" href="/ledgers"' in overview
    county = zhenan.client.get("/ledgers", headers=headers).text
    link = re.search(rf'href="(/ledgers\?region={TOWN}&amp;ledger=ill_or_disabled)">([\d,]+)</a>', county)
    assert link is not None
    assert link[2] == str(one["households"])
    page = zhenan.client.get(html.unescape(link[1]), headers=headers).text
    listed = re.findall(r'class="id"><a href="/households/([^"]+)"', page)
    assert listed == [item["household_id"] for item in ask(zhenan, TOWN, ledger="ill_or_disabled")["items"]]
    assert f"在册 {one['households']} 户" in page
    english = zhenan.client.get("/ledgers?lang=en", headers=headers).text
    assert f'title="{one["not_evaluable"]} cannot be told">+{one["not_evaluable"]}<' in english
    # Of a county one chooses the place first: asking for households there still shows the counts.
    chosen = zhenan.client.get("/ledgers?ledger=ill_or_disabled", headers=headers)
    assert chosen.status_code == 200
    assert 'id="by-place"' in chosen.text
    assert 'id="households"' not in chosen.text
    assert zhenan.client.get("/ledgers?ledger=rich", headers=headers).status_code == 422
    assert zhenan.client.get("/ledgers?ledger=rich", headers=zhenan.headers(Role.TOWNSHIP, TOWN) | HTML).status_code == 422


def test_the_page_of_a_county_without_ledgers_says_how_to_get_them(site: Site) -> None:
    page = site.client.get("/ledgers", headers=site.headers() | HTML).text
    assert "没有台账" in page
    assert "docs/counties.md" in page


@pytest.mark.parametrize(
    ("role", "region", "status"),
    [
        (Role.TOWNSHIP, made_up.VILLAGES[0][:9], 200),
        (Role.VILLAGE, made_up.VILLAGES[0], 200),
        (Role.DASHBOARD, made_up.COUNTY, 403),
        (Role.KIOSK, made_up.COUNTY, 403),
        (Role.SCIENTIST, made_up.COUNTY, 403),
    ],
)
def test_ledgers_are_for_those_who_may_see_facts(site: Site, role: Role, region: str, status: int) -> None:
    headers = site.headers(role, region) | HTML
    assert site.client.get("/ledgers", headers=headers).status_code == status
    assert ('href="/ledgers"' in site.client.get("/overview", headers=headers).text) is (status == 200)


def test_a_village_has_its_part_of_the_town(zhenan: Site) -> None:
    town = next(one for one in ask(zhenan, TOWN)["ledgers"] if one["ledger"] == "exited_2014_2015")
    part = town["villages"][0]
    there = ask(zhenan, part["village_code"], role=Role.VILLAGE, held=part["village_code"], ledger="exited_2014_2015")
    one = next(one for one in there["ledgers"] if one["ledger"] == "exited_2014_2015")
    assert (one["households"], one["not_evaluable"]) == (part["households"], part["not_evaluable"])
    assert {item["village_code"] for item in there["items"]} <= {part["village_code"]}
    ask(zhenan, TOWN + "002", 403, role=Role.VILLAGE, held=TOWN + "001")


def test_what_cannot_be_listed_is_refused_with_what_to_do(zhenan: Site) -> None:
    assert "9 digits" in str(ask(zhenan, ZHENAN, 422, ledger="ill_or_disabled"))
    assert "elderly_alone" in str(ask(zhenan, TOWN, 422, ledger="rich"))
    ask(zhenan, TOWN, 403, role=Role.DASHBOARD)
    empty = ask(zhenan, f"{ZHENAN}999")["ledgers"]
    assert len(empty) == 6
    assert {(one["households"], one["not_evaluable"]) for one in empty} == {(0, 0)}


def test_a_county_without_ledgers_has_none(site: Site) -> None:
    assert ask(site, made_up.VILLAGES[0][:9], held=made_up.COUNTY)["ledgers"] == []


def test_the_page_of_a_household_shows_how_complete_its_record_is(zhenan: Site) -> None:
    item = ask(zhenan, TOWN, ledger="ill_or_disabled")["items"][0]
    headers = zhenan.headers(Role.COUNTY, ZHENAN)
    record = zhenan.client.get(f"/api/v1/households/{item['household_id']}", headers=headers).json()["policy"]["verification"]
    assert record["complete"] is False
    page = zhenan.client.get(f"/households/{item['household_id']}", headers=headers).text
    assert f"已核 {record['held']} 项，共 9 项" in page
    assert "核群众意愿" in page


def test_counts_of_other_rules_are_not_shown_beside_those_of_today(own_site: Site) -> None:
    with own_site.database.writing() as connection:
        connection.execute(update(lists).values(policy_version="before"))
    answer = own_site.client.get("/api/v1/ledgers", headers=own_site.headers())
    assert answer.status_code == 503
    assert "python -m service score" in answer.text


def test_a_register_that_cannot_be_read_is_no_empty_ledger(zhenan: Site) -> None:
    with zhenan.database.writing() as connection:
        connection.execute(update(imports).values(meanings=None))
    assert "--mode replace" in str(ask(zhenan, TOWN, 503, ledger="ill_or_disabled"))
