"""Planning by command: reads the stored register, writes a file where one is asked for, and stores nothing."""

from __future__ import annotations

import csv
import datetime as dt
import json
from functools import partial
from pathlib import Path

import pytest

from features.build import build
from features.errors import UserError
from features.policy.shipped import load
from models.scenario import RaisedLine
from service.planning import Planned, fallen_back, helped, shocked, write_report
from tests.features.policy import cases
from tests.models.county import plain_model
from tests.service import made_up
from tests.service.commands import Done, run_command
from tests.service.sites import Site
from tests.service.test_no_status import register_of


class Office:
    """A county office with a stored register and a model."""

    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        self.site = site
        self._capsys = capsys

    def plan(self, *command: str) -> Done:
        """Runs `python -m service scenario …`."""
        return run_command(self._capsys, "scenario", *command)


@pytest.fixture
def office(
    own_site: Site, households: list[made_up.Household], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Office:
    for name in ("database_url", "bundle_dir", "pseudonym_key", "uploads_dir"):
        monkeypatch.setenv(f"FANGPIN_{name.upper()}", str(getattr(own_site.settings, name)))
    return Office(own_site, capsys)


SHOCKS = ("bill", "job-loss", "hail", "raise-line")


@pytest.mark.parametrize("command", [*SHOCKS, "clearance", "lift"])
def test_every_plan_is_written_and_changes_nothing_that_is_stored(office: Office, tmp_path: Path, command: str) -> None:
    before = register_of(office.site)
    out = tmp_path / "plan.json"
    done = office.plan(command, "--out", str(out))
    assert done.code == 0, done.err + done.out
    said = json.loads(out.read_text(encoding="utf-8"))
    assert said["as_of"] == made_up.AS_OF.isoformat()
    assert isinstance(said["list"], list)
    assert register_of(office.site) == before


def test_a_plan_of_a_village_tells_of_that_village_only(office: Office, tmp_path: Path) -> None:
    out, village = tmp_path / "plan.csv", made_up.VILLAGES[0]
    done = office.plan("raise-line", "--by", "3000", "--region", village, "--out", str(out))
    assert done.code == 0, done.err + done.out
    with out.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows
    assert {row["village_code"] for row in rows} == {village}
    assert str(len(rows)) in done.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--region", "520523999"), "没有已知的农户"),
        (("--region", "5205"), "不是区划代码"),
        (("--as-of", "2010-01-01"), "没有已知的农户"),
        (("--as-of", "2030-01-01"), "晚于数据所及"),
        (("--out", "plan.txt"), ".csv"),
    ],
)
def test_what_cannot_be_planned_is_told_in_a_line(office: Office, options: tuple[str, str], words: str) -> None:
    done = office.plan("bill", *options)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err


def test_a_model_of_made_up_households_plans_for_no_real_ones() -> None:
    day = dt.date(2023, 6, 30)
    register, policy = cases.register(cases.rows({"income": 9000}, made_up.COUNTY, day)), load()
    plan, model = Planned(register, day, policy), plain_model(build(register, day, policy))
    for make in (partial(shocked, plan, model, RaisedLine(500), ""), partial(fallen_back, plan, model, "")):
        with pytest.raises(UserError, match="made-up data"):
            make(threads=1, progress=lambda _: None)
    assert helped(plan, "monitoring_line", "")["households"] == 1  # of which no model is asked


def test_a_list_of_nobody_is_still_a_table(tmp_path: Path) -> None:
    write_report({"list": []}, tmp_path / "plan.csv")
    assert (tmp_path / "plan.csv").read_text(encoding="utf-8-sig").split() == ["household_id"]
