"""Policy can be looked up: what is in force on a date, with where it is written, and what changed between two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from features.policy.language import RULES
from service.app import create_app
from service.auth import Role
from tests.service import made_up
from tests.service.sites import Site, now, settings_in


def ask(site: Site, path: str = "", role: Role = Role.COUNTY, region: str = made_up.COUNTY, **query: Any) -> Any:
    answer = site.client.get(f"/api/v1/policy{path}", headers=site.headers(role, region), params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_by_default_the_day_is_that_of_the_list_and_the_lines_are_those_it_was_made_with(site: Site) -> None:
    told = ask(site)
    assert (told["date"], told["region"], told["synthetic"]) == (made_up.AS_OF.isoformat(), made_up.COUNTY, True)
    lists = site.client.get("/api/v1/risk-list?limit=1", headers=site.headers()).json()
    assert told["policy_version"] == lists["policy_version"]
    line = next(one for one in told["parameters"] if one["name"] == "monitoring_line")
    assert (line["value"], line["grade"], line["from"]) == (7300, "synthetic", "2023-01-01")
    assert set(told["rules"]) == set(RULES)
    assert "medical_a" in told["profiles"]
    assert all((one["content"], one["said"]) == ([], "本县未作定义 not defined by this county") for one in told["undefined"])


def test_a_rule_is_told_in_words_with_its_reference(site: Site) -> None:
    triggers = {one["rule"]: one for one in ask(site)["rules"]["triggers"]}
    assert "medical_b_other" not in triggers
    rule = triggers["medical_a_exited"]
    assert rule["when_zh"] == "本年累计住院合规自付（最高一人） ≥ 5000"
    assert (rule["population"], rule["profile"], rule["department"]) == ("exited", "medical_a", "医保局")
    assert "[P46]" in rule["reference"]


def test_an_entitlement_a_value_and_help_are_told_in_both_languages(site: Site) -> None:
    told = ask(site)
    pension = next(one for one in told["rules"]["entitlements"] if one["rule"] == "pension")
    assert (pension["whom_zh"], pension["whom_en"]) == ("年龄 ≥ 60", "age ≥ 60")
    assert (pension["received_zh"], pension["received_en"]) == ("领取养老金", "pension receiving")
    line = next(one for one in told["parameters"] if one["name"] == "monitoring_line")
    assert (line["stated_by"], line["stated_zh"], line["stated_en"]) == ("CN", "全国", "Nation")
    trigger = next(one for one in told["rules"]["triggers"] if one["rule"] == "medical_a_exited")
    assert trigger["department_en"] == "Medical insurance bureau"
    assert all(one["reference"] and one["grade"] for one in told["measures"])
    assert all(one["reference"] and one["grade"] for one in told["answers"].values())


def test_a_value_that_nobody_states_is_null_and_says_so(site: Site) -> None:
    told = ask(site, date="2019-06-30")
    values = {one["name"]: one for one in told["parameters"]}
    premium, index = values["pension_premium"], values["rural_disposable_income"]
    assert (premium["value"], premium["stated_by"], premium["reference"], premium["grade"]) == (None, None, None, None)
    assert (index["value"], index["stated_by"], index["grade"]) == (None, "CN", "none")  # looked for and not found
    assert told["rules"]["categories"] == []


def test_how_bills_are_paid_is_told_with_whose_scheme_it_is_and_when_it_ends(site: Site) -> None:
    told = ask(site, date="2020-06-30")["scheme"]
    assert (told["stated_by"], told["grade"], told["until"]) == ("520523", "calibrated", "2026-01-01")
    assert [layer["name"] for layer in told["layers"]] == ["basic", "serious_illness", "assistance"]
    assert told["layers"][1]["groups"]["registered"]["deductible"] == 3000
    ended = ask(site, "/diff", **{"from": "2025-12-31", "to": "2026-01-01"})["scheme"]
    assert (ended["before"]["until"], ended["after"]) == ("2026-01-01", None)


def test_what_began_between_two_days_is_told(site: Site) -> None:
    told = ask(site, "/diff", **{"from": "2020-12-31", "to": "2021-01-01"})
    assert [one["rule"] for one in told["began"]["categories"]] == ["sudden_severe"]
    assert told["ended"]["categories"] == []
    changed = {one["name"]: (one["before"]["value"], one["after"]["value"]) for one in told["parameters"]}
    assert changed["monitoring_line"] == (6000, 6400)
    same = ask(site, "/diff", **{"from": "2023-02-01", "to": "2023-03-01"})
    assert same["parameters"] == []
    assert not any(same[side][kind] for side in ("began", "ended") for kind in RULES)


@pytest.mark.parametrize("role", [Role.KIOSK, Role.VILLAGE])
def test_whoever_may_see_counts_may_see_the_policy_of_the_county(site: Site, role: Role) -> None:
    assert ask(site, role=role, region=made_up.VILLAGES[0])["region"] == made_up.COUNTY


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("?region=611025", 403),
        ("?region=52", 422),
        ("?date=soon", 422),
        ("?colour=red", 422),
        ("/diff", 422),
        ("/diff?from=2020-13-01", 422),
        ("/diff?from=2024-01-01&to=2020-01-01", 422),
    ],
)
def test_what_cannot_be_answered_is_refused(site: Site, path: str, status: int) -> None:
    assert site.client.get(f"/api/v1/policy{path}", headers=site.headers()).status_code == status


def test_before_the_first_list_a_date_is_needed(tmp_path: Path) -> None:
    app = create_app(settings_in(tmp_path), clock=now)
    with TestClient(app) as client:
        bare = Site(settings_in(tmp_path), app.state.service.database, client)
        assert client.get("/api/v1/policy", headers=bare.headers()).status_code == 503
        told = ask(bare, date="2023-06-30")
        assert told["synthetic"] is False
        assert next(one for one in told["parameters"] if one["name"] == "monitoring_line")["stated_by"] == "52"
