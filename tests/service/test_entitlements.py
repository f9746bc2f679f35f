"""What a household should get, gets and lacks, from the imported files to its answer and its page; and that no model ever sees it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from features.pseudonym import pseudonym
from service.auth import Role
from service.bundles import ActiveBundle
from service.importing import import_register, pseudonym_key
from service.new_list import score_stored
from tests.service import made_up
from tests.service.sites import Site, now

DATED = {"valid_from": "2020-01-01", "known_on": "2020-02-01"}


def imported(site: Site, households: list[made_up.Household], folder: Path, benefits: list[dict[str, Any]]) -> None:
    """The register with some benefits, in the place of the one before, and its list."""
    written = made_up.write_register(folder, households, {"benefits": benefits})
    key = bytes.fromhex(site.settings.pseudonym_key.read_text())
    import_register(site.database, written, key, months=36, uploads=folder, clock=now, mode="replace")
    score_stored(site.database, ActiveBundle(site.settings.bundle_dir).current(), None, threads=1, clock=now)


@pytest.fixture
def disabled(households: list[made_up.Household]) -> list[made_up.Household]:
    """The county, the first member of its first household severely disabled and 60 years old, without a pension."""
    county = deepcopy(households)
    cells = {"birth_year": 1963, "disability_category": "limb", "disability_level": 1.0, "pension_receiving": False, "dibao": False}
    county[0]["members"] = [county[0]["members"][0] | cells]
    return county


def ask(site: Site, household: made_up.Household) -> dict[str, Any]:
    name = pseudonym(pseudonym_key(site.settings.pseudonym_key, demo=False), household["household_id"])
    answer = site.client.get(f"/api/v1/households/{name}", headers=site.headers())
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_what_is_lacking_is_told_with_rule_amount_and_source(own_site: Site, disabled: list[made_up.Household], tmp_path: Path) -> None:
    member = disabled[0]["members"][0]["member_id"]
    roll = {"household_id": disabled[0]["household_id"], "member_id": member, "benefit": "disability_nursing", "receiving": False, **DATED}
    imported(own_site, disabled, tmp_path / "in", [roll])
    said = ask(own_site, disabled[0])
    owed = {one["rule"]: one for one in said["policy"]["entitlements"]["items"]}
    pension = owed["pension"]
    assert pension["lacks"] == {"persons": {"low": 1, "high": 1}, "yuan": {"low": 1236, "high": 1236}}
    assert "JS24" in pension["reference"]
    assert [(one["value"], one["unit"]) for one in pension["amounts"]] == [(103, "yuan/person/month")]
    assert pension["missing"] == []
    nursing = owed["disability_nursing"]  # Jinsha's amount is not known: the person is, the yuan are not
    assert nursing["lacks"] == {"persons": {"low": 1, "high": 1}, "yuan": {"low": 0, "high": None}}
    assert [one["name"] for one in nursing["missing"]] == ["disability_nursing_amount"]
    sure = sum(one["lacks"]["yuan"]["low"] for one in owed.values())
    assert said["policy"]["entitlements"]["lacks"] == {"low": sure, "high": None}
    (told,) = [one for one in said["facts"]["time_line"] if one["table"] == "benefits"]
    assert told["more"]["receiving"] is False
    page = own_site.client.get(f"/households/{said['household']['household_id']}", headers=own_site.headers()).text
    assert "应享待遇" in page
    assert "1,236" in page
    assert "重度残疾人护理补贴月标准" in page


def test_what_is_paid_closes_the_gap(own_site: Site, disabled: list[made_up.Household], tmp_path: Path) -> None:
    member = disabled[0]["members"][0]["member_id"]
    roll = {"household_id": disabled[0]["household_id"], "member_id": member, "benefit": "disability_nursing", "receiving": True, **DATED}
    imported(own_site, disabled, tmp_path / "in", [roll | {"amount": 60.0}])
    owed = {one["rule"]: one for one in ask(own_site, disabled[0])["policy"]["entitlements"]["items"]}
    assert owed["disability_nursing"]["gets"] == {"persons": {"low": 1, "high": 1}, "yuan": {"low": 720, "high": 720}}
    assert owed["disability_nursing"]["lacks"]["persons"] == {"low": 0, "high": 0}


def test_benefits_change_no_score(own_site: Site, disabled: list[made_up.Household], tmp_path: Path) -> None:
    def listed() -> list[dict[str, Any]]:
        items = own_site.client.get("/api/v1/risk-list?limit=500", headers=own_site.headers()).json()["items"]
        return [{name: cell for name, cell in item.items() if name != "change"} for item in items]

    imported(own_site, disabled, tmp_path / "without", [])
    before = listed()
    rolls = [
        {"household_id": one["household_id"], "member_id": member["member_id"], "benefit": "disability_living", "receiving": True, **DATED}
        for one in disabled
        for member in one["members"]
    ]
    imported(own_site, disabled, tmp_path / "with", rolls)
    assert listed() == before


def test_who_may_not_see_facts_sees_no_benefits(site: Site) -> None:
    item = site.client.get("/api/v1/risk-list?limit=1", headers=site.headers(Role.DASHBOARD)).json()["items"][0]
    answer = site.client.get(f"/api/v1/households/{item['household_id']}", headers=site.headers(Role.DASHBOARD)).json()
    assert answer.get("policy") is None
