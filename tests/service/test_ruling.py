"""What is told of one household: every kind that cannot be told says so with its tests, and every answer says where it stands."""

from __future__ import annotations

import datetime as dt
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from features.policy.names import department
from features.policy.packs import packs_of
from features.policy.shipped import load
from features.pseudonym import pseudonym
from service.bundles import ActiveBundle
from service.importing import import_register, pseudonym_key
from service.new_list import score_stored
from service.ruling import ruling
from tests.features.policy.cases import judged, register, rows
from tests.service import made_up
from tests.service.sites import Site, now

JINSHA, ZHENAN, JIAN, MIZHI = "520523", "611025", "360821", "610827"
WATCHED = {"monitoring": [{"category": "edge_prone", "identified_on": dt.date(2022, 3, 1), "risk_1": "unstable_job"}]}
JOB_LOST = [{"event_kind": "job_loss", "occurred_on": dt.date(2023, 5, 1)}]


def said(county: str = JINSHA, date: dt.date = dt.date(2023, 6, 30), **household: Any) -> dict[str, Any]:
    return ruling(judged(register(rows(household, county, date)), date), 0)


def open_rules(told: dict[str, Any], kind: str) -> set[str]:
    return {one["rule"] for one in told["not_evaluable"] if one["kind"] == kind}


def test_why_no_category_can_be_told_is_told() -> None:
    told = said(income=None, **WATCHED, visits=[{"visited_on": dt.date(2023, 5, 1), "found": "risk"}])
    assert (told["category"]["code"], told["category"]["zh"]) == (None, "不能判断")
    assert "edge_prone" in open_rules(told, "categories")
    lacking = {test["fact"] for test in told["category"]["tests"] if test["holds"] is None}
    assert "pc_net_income" in lacking


def test_a_household_without_a_category_shows_what_was_asked() -> None:
    told = said(visits=[{"visited_on": dt.date(2023, 5, 1), "found": "no_risk"}])
    assert told["category"]["code"] == "none"
    risk = next(test for test in told["category"]["tests"] if test["fact"] == "risk_confirmed")
    assert risk["holds"] is False
    assert "1_02_006" in next(test["source"] for test in told["category"]["tests"] if test["fact"] == "pc_net_income")
    facts = [(test["fact"], test["word"], test["threshold"]) for test in told["category"]["tests"]]
    assert len(facts) == len(set(facts))


def test_a_class_that_nobody_can_tell_says_that_the_standards_are_missing() -> None:
    told = said(ZHENAN, dt.date(2021, 6, 30), status="exited", exit_year=2018)
    sub_class = next(one for one in told["classes"] if one["system"] == "sub_class")
    assert (sub_class["class"], sub_class["evaluable"]) == (None, False)
    reasons = [one for one in told["not_evaluable"] if one["kind"] == "classes" and one["system"] == "sub_class"]
    assert any("五条标准未列出" in one["reference"] for one in reasons)
    assert all(any(test["holds"] is None for test in one["tests"]) for one in reasons)


def test_a_class_comes_with_its_help_and_its_tests_whatever_else_calls() -> None:
    told = said(ZHENAN, dt.date(2021, 6, 30), status="exited", exit_year=2018)
    labour = next(one for one in told["classes"] if one["system"] == "labour_class")["class"]
    assert [one["zh"] for one in labour["measures"]] == ["产业帮扶"]
    assert all(test["holds"] for test in labour["tests"])
    assert "ZA7" in labour["reference"]


def test_a_finding_that_was_compared_and_not_settled_is_told() -> None:
    told = said(JIAN, dt.date(2017, 6, 30), findings=[{"finding": "private_car", "found": None, "valid_from": dt.date(2017, 1, 10)}])
    assert told["findings"] == []
    one = next(one for one in told["not_evaluable"] if one["rule"] == "private_car")
    assert (one["kind"], one["department_en"]) == ("exclusions", "Traffic police")
    assert [(source["department_en"], source["found"]) for source in one["sources"]] == [("Traffic police", None)]


def test_help_that_takes_labour_waits_where_labour_is_not_known() -> None:
    blank = said(events=JOB_LOST, members=[{"birth_year": 1980, "labour_ability": None}], employment=[])
    held = {one["name"]: one for one in blank["measures"] if one["developmental"]}
    assert {"employment", "public_post"} <= set(held)
    for one in held.values():
        assert one["fits"] is None
        assert [field["name"] for field in one["missing"]] == ["labour_ability"]
    known = said(events=JOB_LOST, members=[{"birth_year": 1980}], employment=[])
    assert all(one["fits"] is True and one["missing"] == [] for one in known["measures"])


@pytest.mark.parametrize("county", [JINSHA, ZHENAN, JIAN, MIZHI])
def test_every_kind_of_help_says_why_in_both_languages_and_where_that_is_written(county: str) -> None:
    told = said(county, events=JOB_LOST, living={"water_safe": False}, status="exited", exit_year=2018)
    assert told["measures"]
    for one in told["measures"]:
        assert one["reference"]
        assert one["grade"]
        assert one["because"]
        for why in one["because"]:
            assert all(why[part] for part in ("zh", "en", "reference", "grade"))
            assert why["en"].isascii()


def test_batches_are_those_of_the_county_that_names_them() -> None:
    changes = {"living": {"water_safe": True, "dangerous_house": True}}
    assert all(one["batches"] == [] for one in said(JINSHA, **changes)["measures"])
    batches = {one["name"]: [batch["reference"] for batch in one["batches"]] for one in said(MIZHI, **changes)["measures"]}
    assert "MZ13" in batches["housing"][0]


def test_a_window_is_told_in_both_languages_with_its_reference() -> None:
    one = next(one for one in said(JIAN, living={"dangerous_house": True})["measures"] if one["name"] == "housing")
    assert (one["window"]["zh"], one["window"]["en"], one["window"]["grade"]) == ("安居扶贫", "Housing", "proposal")
    assert "JA19" in one["window"]["reference"]


def test_regions_and_what_is_missing_are_named_in_both_languages() -> None:
    told = said(JINSHA, members=[{"birth_year": 1950, "pension_receiving": None}])
    assert [(one["region"], one["zh"], one["en"]) for one in told["regions"]] == [("CN", "全国", "Nation"), (JINSHA, "金沙县", "Jinsha")]
    missing = [field for item in told["entitlements"]["items"] for field in item["missing"]]
    assert {"name": "pension_receiving", "zh": "领取养老金", "en": "pension receiving"} in missing


def test_every_department_of_a_rule_has_an_english_name() -> None:
    packs = packs_of(load())
    packed = [packs.national, *packs.overlays.values()]
    rules = [rule for pack in packed for rule in (*pack.triggers, *pack.exclusions) if rule.department]
    assert rules
    assert {rule.department for rule in rules if department(rule.department) == rule.department} == set()


def test_what_the_county_does_not_define_is_told_as_such() -> None:
    told = said()["undefined"]
    assert told
    assert {one["said"] for one in told} == {"本县未作定义 not defined by this county"}


FREE = WATCHED | {
    "measures": [{"measure_kind": "employment", "start_date": dt.date(2022, 5, 1)}],
    "visits": [{"visited_on": dt.date(2023, 5, 1), "found": "no_risk"}],
}


def test_a_monitored_household_against_which_nothing_stands_is_eliminable() -> None:
    told = said(**FREE)
    assert (told["eliminable"], told["blockers"], open_rules(told, "blockers")) == (True, [], set())
    assert said(**FREE | {"monitoring": []})["eliminable"] is None  # who is not monitored has nothing to end


@pytest.mark.parametrize(
    ("changes", "blocker"),
    [
        ({"living": {"food_secure": False}}, "food_and_clothing"),
        ({"living": {"clothing_secure": False}}, "food_and_clothing"),
        ({"living": {"water_safe": False}}, "unsafe_water"),
        ({"measures": []}, "no_measure"),
        ({"measures": [{"measure_kind": "employment", "start_date": dt.date(2022, 2, 28)}]}, "no_measure"),
        ({"visits": [{"visited_on": dt.date(2023, 5, 1), "found": "risk"}]}, "risk_not_removed"),
    ],
)
def test_one_thing_that_stands_against_it_is_enough(changes: dict[str, Any], blocker: str) -> None:
    told = said(**FREE | changes)
    assert told["eliminable"] is False
    assert [one["rule"] for one in told["blockers"]] == [blocker]


@pytest.mark.parametrize("kind", ["job_loss", "death", "disaster", "water_failure", "house_damage", "industry_failure"])
def test_an_alert_after_the_last_visit_stands_against_it_until_somebody_was_there(kind: str) -> None:
    after = {"event_kind": kind, "occurred_on": dt.date(2023, 6, 1), "amount": 1.0}
    told = said(**FREE | {"events": [after]})
    assert told["eliminable"] is False
    assert {one["grade"] for one in told["blockers"]} == {"proposal"}
    assert all(one["zh"].startswith("最近一次走访之后的线索尚未核实") for one in told["blockers"])
    visited = said(**FREE | {"events": [after | {"occurred_on": dt.date(2023, 4, 30)}]})
    assert "最近一次走访之后的线索尚未核实" not in str(visited["blockers"])


@pytest.mark.parametrize(
    "changes",
    [
        {"living": {"food_secure": None}},
        {"living": {"clothing_secure": None}},
        {"living": []},
        {"visits": []},
        {"visits": [{"visited_on": dt.date(2023, 5, 1), "found": None}]},
        {"income": None},
        {"members": []},
    ],
)
def test_what_is_blank_never_passes(changes: dict[str, Any]) -> None:
    told = said(**FREE | changes)
    assert told["blockers"] == []
    assert told["eliminable"] is None


@pytest.mark.parametrize("changes", [{"visits": [{"visited_on": dt.date(2023, 5, 1), "found": "risk"}]}, WATCHED])
def test_whoever_is_at_risk_is_offered_something_though_nothing_else_calls_for_it(changes: dict[str, Any]) -> None:
    told = said(**changes)
    assert told["triggers"] == told["gaps"] == []
    assert any(one["developmental"] for one in told["measures"])
    unable = said(**changes | {"members": [{"labour_ability": "none"}]})["measures"]
    assert unable
    assert not any(one["developmental"] for one in unable)


def watched(site: Site, households: list[made_up.Household], folder: Path, **changes: Any) -> str:
    """Imports the county with its first household well off and monitored, and tells its pseudonym."""
    county = deepcopy(households)
    first = county[0]
    dated = {"valid_from": "2020-01-01", "known_on": "2020-02-01"}
    adult = {"member_id": first["members"][0]["member_id"], "birth_year": 1980, "labour_ability": "ordinary", "medical_insured": True}
    quarters = [(f"2023-{month:02d}", f"2023-{month + 2:02d}") for month in (1, 4, 7, 10)]
    first |= {
        "members": [adult | dated | changes],
        "sharing_size": 1,
        "living": [{"dangerous_house": False, "water_safe": True, **dated}],
        "events": [],
        "incomes": [
            {"source": "wage", "period_start": start, "period_end": end, "amount": 20000.0, "known_on": "2023-12-30"}
            for start, end in quarters
        ],
    }
    rows_of = {"household_id": first["household_id"], "known_on": "2022-05-02"}
    more = {
        "monitoring": [{**rows_of, "category": "edge_prone", "identified_on": "2022-05-01"}],
        "measures": [{**rows_of, "measure_kind": "employment", "start_date": "2022-05-02"}],
    }
    written = made_up.write_register(folder, county, more)
    key = bytes.fromhex(site.settings.pseudonym_key.read_text())
    import_register(site.database, written, key, months=36, uploads=folder, clock=now, mode="replace")
    score_stored(site.database, ActiveBundle(site.settings.bundle_dir).current(), None, threads=1, clock=now)
    return pseudonym(pseudonym_key(site.settings.pseudonym_key, demo=False), first["household_id"])


def test_the_page_says_no_more_of_elimination_than_the_answer(own_site: Site, households: list[made_up.Household], tmp_path: Path) -> None:
    name = watched(own_site, households, tmp_path / "in", labour_ability=None)
    told = own_site.client.get(f"/api/v1/households/{name}", headers=own_site.headers()).json()["policy"]
    assert (told["monitored"], told["eliminable"]) == (True, None)
    page = own_site.client.get(f"/households/{name}", headers=own_site.headers()).text
    assert "没有规则反对" not in page
    assert "查清之前不能说可以消除" in page
    assert "整户无劳动能力，暂不标注风险消除" in page
    english = own_site.client.get(f"/households/{name}?lang=en", headers=own_site.headers()).text
    assert "risk elimination" in english
    assert "ending the monitoring" not in english


def test_the_page_shows_what_people_entered(own_site: Site, households: list[made_up.Household], tmp_path: Path) -> None:
    entered = {"status": "exited", "expected_exit_year": 2025, "lives_in_both": True, "wishes_heard_on": "2020-01-15"}
    households = [households[0] | entered, *households[1:]]
    name = watched(own_site, households, tmp_path / "in", dibao=True, dibao_tier="b", dropout_sign=True)
    page = own_site.client.get(f"/households/{name}", headers=own_site.headers()).text
    for said_there in ("预计脱贫年度 <b>2025</b>", "群众意愿核实日期 <b>2020-01-15", "B等", "有辍学苗头"):
        assert said_there in page
    assert re.search(r"是否两头跑 <b>\s*是", page)


def test_the_page_shows_the_tests_of_the_category_and_where_each_bound_stands(
    own_site: Site, households: list[made_up.Household], tmp_path: Path
) -> None:
    name = watched(own_site, households, tmp_path / "in")
    told = own_site.client.get(f"/api/v1/households/{name}", headers=own_site.headers()).json()["policy"]
    page = own_site.client.get(f"/households/{name}?lang=en", headers=own_site.headers()).text
    sources = {test["source"] for test in told["category"]["tests"] if test["source"]}
    assert sources
    for source in sources:
        assert source.replace("'", "&#39;") in page
    assert "not defined by this county" in page
    assert "Jinsha" in page


HEAD = [{"birth_year": 1980, "relation_to_head": "head", "sex": "male"}]
COMPLETE = {
    "hukou_size": 1,
    "sharing_size": 1,
    "members": HEAD,
    "monitoring": [{"category": "unstable_exited", "identified_on": dt.date(2020, 3, 1), "risk_1": "illness"}],
    "status": "exited",
    "exit_year": 2018,
    "wishes_heard_on": dt.date(2021, 5, 12),
}


def record(**changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = said(ZHENAN, dt.date(2021, 6, 30), **(COMPLETE | changes))["verification"]
    return told


def test_nine_verifications_of_nine_are_complete() -> None:
    told = record()
    assert (told["held"], told["of"], told["share"], told["complete"]) == (9, 9, 1.0, True)


def test_nine_verifications_count_what_is_on_record() -> None:
    told = record(wishes_heard_on=None)
    assert (told["held"], told["of"], told["share"], told["complete"]) == (8, 9, 0.8889, False)  # ZA1: eight of nine are not complete
    assert "ZA1" in told["reference"]
    (wishes,) = [one for one in told["sections"] if not one["held"]]
    assert (wishes["section"], wishes["held"]) == ("wishes", False)


@pytest.mark.parametrize(
    ("changes", "section", "missing"),
    [
        ({"hukou_size": None}, "population", "households.hukou_size"),
        ({"members": [HEAD[0] | {"labour_ability": None}]}, "labour", "members.labour_ability"),
        ({"employment": []}, "employment", "employment.work_kind"),
        ({"monitoring": []}, "cause", "monitoring.risk_1"),
        ({"income": None}, "income", "incomes.amount"),
        ({"living": {"water_safe": None}}, "standard", "living.water_safe"),
        ({"wishes_heard_on": None}, "wishes", "households.wishes_heard_on"),
    ],
)
def test_a_section_with_a_blank_names_it(changes: dict[str, Any], section: str, missing: str) -> None:
    found = {one["section"]: [field["name"] for field in one["missing"]] for one in record(**changes)["sections"] if one["held"] is False}
    assert found == {section: [missing]}


def test_of_a_child_nothing_is_asked_that_no_register_holds() -> None:
    child = {"birth_year": 2015, "labour_ability": None, "chronic_disease": None, "serious_illness": None, "sex": None, "dibao": None}
    child |= {"extreme_poverty_support": None, "pension_receiving": None, "relation_to_head": "child"}
    assert record(members=[*HEAD, child])["held"] == 9


def test_a_county_that_names_no_sections_has_no_figure() -> None:
    assert said(JINSHA)["verification"] is None
