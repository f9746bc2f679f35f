"""Rules beside the model: the same triggers in a stored list, on request and on the household's page; four cells that add up."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from features.pseudonym import pseudonym
from service.auth import Role
from service.importing import pseudonym_key
from service.storage.register_store import load_register
from service.storage.tables import CELLS, UNDETERMINED, reasons, scores, summaries
from tests.service import made_up
from tests.service.sites import Site


def pages(site: Site, role: Role = Role.COUNTY, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        asked = {"limit": 200, **query} | ({"cursor": cursor} if cursor else {})
        page = site.client.get("/api/v1/risk-list", params=asked, headers=site.headers(role)).json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def test_a_household_has_the_same_triggers_in_the_list_and_on_request(site: Site, households: list[made_up.Household]) -> None:
    """But for those of whom the register knows that they are monitored, which no request says."""
    key = pseudonym_key(site.settings.pseudonym_key, demo=False)
    with site.database.reading() as connection:
        register = load_register(connection)
    monitored = set(register.household_id[register.tables["monitoring"].household].tolist())
    assert monitored
    listed = {item["household_id"]: item for item in pages(site)}
    sent = {"as_of": made_up.AS_OF.isoformat(), "households": households}
    answer = site.client.post("/api/v1/scores", json=sent, headers=site.headers(Role.COUNTY, made_up.COUNTY)).json()
    assert any(item["triggers"] for item in answer["items"])
    for item in answer["items"]:
        stored = listed[pseudonym(key, item["household_id"])]
        if stored["household_id"] in monitored:
            continue
        assert (item["triggers"], item["cell"]) == (stored["triggers"], stored["cell"])


def test_cells_follow_from_triggers_and_tier(site: Site) -> None:
    seen = Counter()
    for item in pages(site):
        called, by_model = bool(item["triggers"]), item["tier"] != "none"
        open_rules = "triggers" in {gap["field"] for gap in item["not_evaluable"]}
        seen[item["cell"], open_rules] += 1
        if open_rules or (item["state"] == "insufficient_data" and not called):
            assert not called
            assert item["cell"] is None
        else:
            assert item["cell"] == CELLS[(0 if called else 1) if by_model else (2 if called else 3)]
    assert set(seen) >= {*((cell, False) for cell in CELLS), (None, True)}


def test_what_no_rule_could_tell_is_told_as_open_and_never_as_no(site: Site) -> None:
    """A household of which a rule cannot be evaluated is no candidate, and not said to be none either, unless something else decides."""
    silent = [item for item in pages(site) if item["cell"] is None and item["tier"] == "none" and item["state"] == "scored"]
    assert silent
    monitored = monitored_ids(site)
    for item in silent:
        kind = "unstable_candidate" if item["edge_candidate"] is False else "edge_candidate"
        assert item[kind] is None or item["household_id"] in monitored
    for item in silent[:: len(silent) // 5]:
        told = site.client.get(f"/api/v1/households/{item['household_id']}", headers=site.headers()).json()["policy"]
        assert [one for one in told["not_evaluable"] if one["kind"] == "triggers"]


def monitored_ids(site: Site) -> set[str]:
    key = bytes.fromhex(site.settings.pseudonym_key.read_text())
    return {pseudonym(key, one["household_id"]) for one in made_up.county()[:10]}


def test_who_may_not_see_facts_sees_no_triggers_but_the_cell(site: Site) -> None:
    with_facts = {item["household_id"]: item for item in pages(site)}
    without = pages(site, Role.DASHBOARD)
    assert all(item["triggers"] == [] for item in without)
    assert [item["cell"] for item in without] == [with_facts[item["household_id"]]["cell"] for item in without]


@pytest.mark.parametrize("cell", [*CELLS, UNDETERMINED])
def test_a_list_can_be_narrowed_to_a_cell_and_the_summary_counts_it(site: Site, cell: str) -> None:
    found = pages(site, cell=cell)
    assert {item["cell"] for item in found} == {None if cell == UNDETERMINED else cell}
    total = site.client.get("/api/v1/summary", headers=site.headers()).json()
    assert total["total"]["cells"][cell] == len(found)
    assert sum(town["cells"][cell] for town in total["items"]) == len(found)


@pytest.mark.parametrize("by", ["town", "village"])
def test_the_cells_of_a_place_add_up_to_its_households(site: Site, by: str) -> None:
    told = site.client.get("/api/v1/summary", params={"by": by}, headers=site.headers()).json()
    for place in (told["total"], *told["items"]):
        assert sum(place["cells"].values()) == place["households"]


def test_a_household_in_a_tier_of_which_a_rule_is_open_is_found(site: Site) -> None:
    found = pages(site, cell=UNDETERMINED, tier="red")
    assert found
    assert {item["household_id"] for item in found} == {
        item["household_id"] for item in pages(site) if item["tier"] == "red" and item["cell"] is None
    }


def test_an_ordinary_household_that_a_rule_calls_for_is_a_candidate_unless_monitored(site: Site) -> None:
    called = [item for item in pages(site, cell="rule_only") if item["edge_candidate"] is not None]
    assert called
    with site.database.reading() as connection:
        rows = connection.execute(select(scores).where(scores.c.cell == "rule_only")).all()
        told = {row.household_id: row.triggers for row in connection.execute(select(reasons))}
        assert connection.execute(select(summaries.c.cell_rule_only_count)).scalars().all()
    assert all(told[row.household_id] for row in rows)
    assert any(row.edge_candidate or row.unstable_candidate for row in rows)
    assert not any(row.edge_candidate and row.unstable_candidate for row in rows)


def not_told(said: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["kind"], one["rule"]) for one in said["not_evaluable"]}


def test_a_household_is_told_what_the_rules_say_with_every_test_and_source(site: Site) -> None:
    called = ((item, f"/api/v1/households/{item['household_id']}") for item in pages(site) if item["triggers"])
    told = ((item, site.client.get(path, headers=site.headers()).json()["policy"]) for item, path in called)
    # of every third household it is not on record whether it has enough to eat
    household, said = next((item, said) for item, said in told if ("gaps", "food_and_clothing") in not_told(said))
    assert [one["rule"] for one in said["triggers"]] == [one["rule"] for one in household["triggers"]]
    for one in said["triggers"]:
        assert one["reference"]
        assert any(test["holds"] is True for test in one["tests"])
    assert [one["zh"] for one in said["regions"]] == ["全国", "金沙县"]
    named = {one["name"] for one in said["undefined"]}
    assert named == {"pairing_42", "double_ledgers", "four_chronic_diseases"}  # what Jinsha names, and no other county
    assert all(any(test["holds"] is None for test in one["tests"]) for one in said["not_evaluable"])


def test_the_page_shows_the_rules_beside_the_reasons(site: Site) -> None:
    household = next(item for item in pages(site) if item["triggers"])
    page = site.client.get(f"/households/{household['household_id']}", headers=site.headers() | {"Accept-Language": "zh"}).text
    assert "政策规则怎么说" in page
    assert household["triggers"][0]["zh"] in page
    assert "规则只提示线索" in page


def test_the_list_names_departments_in_the_readers_language(site: Site) -> None:
    page = site.client.get("/?cell=rule_only&lang=en", headers=site.headers()).text
    assert "bureau" in page
    assert "医保局" not in page
    assert "人社局" not in page
