"""A county's own policy files: the service, its lists and its answers go by them, and nothing starts with faulty ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import PolicyError
from service.app import create_app
from service.bundles import ActiveBundle
from service.new_list import score_stored
from service.storage.score_store import active
from tests.service.sites import Site, now, running

OWN = """
region: "520523"
zh: 金沙县
en: Jinsha
profiles: [own]
triggers:
  - {id: anybody, profile: own, risk: other, period: month, department: 乡镇, zh: 全部农户, en: Every household,
     when: {fact: members, at_least: 0}, reference: 虚构 made up, grade: synthetic}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of the county in the place of the shipped one."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "520523.yaml").write_text(OWN, encoding="utf-8")
    return own


def test_lists_and_answers_go_by_the_countys_own_files(own_site: Site, folder: Path) -> None:
    with own_site.database.reading() as connection:
        before = active(connection)
    assert before is not None
    bundle = ActiveBundle(own_site.settings.bundle_dir).current()
    assert score_stored(own_site.database, bundle, None, threads=1, clock=now, counties=folder).fresh  # other rules, another list
    with running(own_site.settings, policy_dir=folder) as site:
        headers = site.headers()
        answer = site.client.get("/api/v1/risk-list?limit=500", headers=headers).json()
        assert answer["policy_version"] != before.policy_version
        assert {tuple(trigger["rule"] for trigger in item["triggers"]) for item in answer["items"]} == {("anybody",)}
        told = site.client.get(f"/api/v1/policy?region=520523&date={answer['as_of']}", headers=headers).json()
        assert [rule["rule"] for rule in told["rules"]["triggers"]] == ["anybody"]


@pytest.mark.parametrize(("said", "why"), [("region: nowhere\n", r"520523\.yaml:1: region"), (None, "there is no folder")])
def test_nothing_starts_with_files_that_cannot_be_used(own_site: Site, folder: Path, said: str | None, why: str) -> None:
    bad = folder if said else folder / "none"
    if said:
        (folder / "520523.yaml").write_text(said, encoding="utf-8")
    with pytest.raises(PolicyError, match=why):
        create_app(own_site.settings.model_copy(update={"policy_dir": bad}))
