"""The worked example of docs/counties.md is a county's file that works as the page says."""

from __future__ import annotations

import datetime as dt
import re
import shlex
import sys
from pathlib import Path

import pytest

from features.errors import PolicyError
from features.policy.bills import Bill, settled
from features.policy.judgement import Judgement
from features.policy.packs import packs_of
from features.policy.reference import additions, difference, in_force
from features.policy.registry import Policy
from features.policy.shipped import read
from features.seen import Seen
from service.cli import main
from tests.features.policy.cases import register, rows

PAGE = (Path(__file__).parents[3] / "docs" / "counties.md").read_text(encoding="utf-8")
COUNTY, DAY = "990006", dt.date(2023, 6, 30)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the example, with its file."""
    (tmp_path / "my-county").mkdir()
    (tmp_path / "my-county" / f"{COUNTY}.yaml").write_text("".join(blocks("yaml")), encoding="utf-8")
    return tmp_path / "my-county"


@pytest.fixture
def policy(folder: Path) -> Policy:
    return read(counties=folder)


def test_the_file_adds_what_the_page_says(policy: Policy) -> None:
    told = {part: (new, instead) for part, new, instead in additions(packs_of(policy), COUNTY)}
    assert told["cohorts"] == (["many_pupils"], [])
    assert told["triggers"] == ([], ["disaster"])
    assert told["undefined"] == (["five_no_exit"], [])
    assert told["entitlements"] == (["pupils_help"], [])
    assert told["schemes"] == (["2023-01-01"], [])
    assert told["monitoring_line"] == (["2023-01-01: 7600", "2024-01-01: null"], [])


def test_households_are_judged_by_it(policy: Policy) -> None:
    pupil = {"birth_year": 2006, "school_status": "senior", "labour_ability": None}
    poor = {"status": "ordinary", "income": 7599, "members": [{"birth_year": 1980}, pupil, pupil], "events": [{"event_kind": "disaster"}]}
    judged = Judgement(Seen(register(rows(poor, COUNTY, DAY)), DAY, policy), policy)
    assert [rule.id for rule in judged.holding("cohorts", 0)] == ["many_pupils"]
    assert {system: rule and rule.id for system, rule in judged.classes(0).items()} == {"light": "yellow"}
    assert judged.holding("triggers", 0) == []  # one disaster is not two


def test_what_its_households_are_owed_is_told_in_yuan(policy: Policy) -> None:
    pupil = {"birth_year": 2006, "school_status": "senior", "labour_ability": None}
    home = {"members": [{"birth_year": 1980}, pupil, pupil], "benefits": [{"member_id": "2", "benefit": "education_supplement"}]}
    judged = Judgement(Seen(register(rows(home, COUNTY, DAY)), DAY, policy), policy)
    owed = {rule.id: owed for rule, owed, _ in judged.owed_to(0)}["pupils_help"]
    assert [owed.due.low[0], owed.due_yuan.low[0], owed.due_yuan.high[0]] == [2, 1600, 1600]


def test_what_it_says_can_be_looked_up_and_compared(policy: Policy) -> None:
    told = in_force(policy, DAY, COUNTY)
    assert next(one for one in told["parameters"] if one["name"] == "monitoring_line")["value"] == 7600
    assert next(one for one in told["measures"] if one["name"] == "finance")["window"]["zh"] == "产业窗口"
    assert len(next(one for one in told["undefined"] if one["name"] == "five_no_exit")["content"]) == 5
    assert [(one["id"], one["holds"]) for one in told["checks"]] == [("one_line", None)]  # its dibao line was given by nobody
    changed = difference(policy, DAY, dt.date(2024, 6, 30), COUNTY)
    assert {one["name"]: one["after"]["value"] for one in changed["parameters"]}["monitoring_line"] is None
    before = in_force(policy, dt.date(2023, 4, 30), COUNTY)["rules"]["triggers"]
    assert "disaster" not in [one["rule"] for one in before]


def test_bills_of_its_patients_are_settled_by_its_own_scheme(policy: Policy) -> None:
    (done,) = settled(policy, COUNTY, "registered", [Bill(DAY, 10_200, 0)])
    assert (done.layers, done.left) == ({"basic": 8000, "assistance": 1100}, 1100)
    with pytest.raises(PolicyError, match="2023-01-01 – 2024-01-01"):
        settled(policy, COUNTY, "registered", [Bill(dt.date(2024, 1, 1), 10_200, 0)])


def test_other_counties_are_as_they_were(policy: Policy) -> None:
    for region in ("520523", "611025", "360821"):
        assert in_force(policy, DAY, region) == in_force(read(), DAY, region)


def test_the_fault_that_the_page_shows_is_the_one_that_is_told(folder: Path) -> None:
    file = folder / f"{COUNTY}.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("fact: pupils", "fact: pupil"), encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        read(counties=folder)
    (shown,) = blocks("text")
    assert shown.strip() in str(caught.value)


def test_its_commands_run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder.parent)
    for command in (line for block in blocks("sh") for line in block.splitlines()):
        if command.startswith("export "):
            monkeypatch.setenv(*command.removeprefix("export ").split("=", 1))
            continue
        _, _, *words = shlex.split(command)
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, capsys.readouterr().err
    assert capsys.readouterr().out.count("many_pupils") == 2  # in what it adds, and in what is in force
