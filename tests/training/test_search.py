"""The search for better settings: it cannot see the date that judges it, repeats itself, and says when nothing was won."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from features.errors import UserError
from features.policy.registry import Policy
from features.register import Register
from training.cli import app
from training.dataset import Dataset, History, collect
from training.fit import DEFAULTS, Settings, choose
from training.search import SPACE, Found, search, settings_from
from training.splits import TooLittleError

QUICK = Settings(seeds=1, most_rounds=40, leaf_rows=40, threads=1)
DATES = [dt.date(year, 12, 31) for year in (2016, 2017, 2018, 2019)]


@pytest.fixture(scope="module")
def rows(county: Register, policy: Policy) -> Dataset:
    return collect(History(county, policy), DATES, dt.date(2021, 12, 31))


@pytest.fixture(scope="module")
def found(rows: Dataset) -> Found:
    return search(rows, 4, base=QUICK)


def test_the_defaults_are_tried_first_and_the_best_trial_wins(rows: Dataset, found: Found) -> None:
    before = replace(rows.select(rows.date < 3), dates=rows.dates[:3])
    assert len(found.trials) == 4
    assert {name: found.trials[0][name] for name in SPACE} == {name: getattr(QUICK, name) for name in SPACE}
    assert found.trials[0]["loss"] == choose(before, QUICK)["loss"]
    best = min(found.trials, key=lambda trial: trial["loss"])
    assert {name: best[name] for name in SPACE} == {name: getattr(found.settings, name) for name in SPACE}
    assert found.settings.seeds == QUICK.seeds


def test_the_date_that_judges_chooses_nothing(rows: Dataset, found: Found) -> None:
    turned = replace(rows, y=np.where(rows.date == 3, 1 - rows.y, rows.y))
    other = search(turned, 4, base=QUICK)
    assert other.trials == found.trials
    assert other.settings == found.settings
    assert other.compared != found.compared
    assert (other.judged_on, other.events) == ("2019-12-31", int((rows.date == 3).sum()) - found.events)


def test_the_same_seed_repeats_the_search_and_another_does_not(rows: Dataset, found: Found) -> None:
    assert search(rows, 4, base=QUICK) == found
    assert search(rows, 4, base=replace(QUICK, seed=5)).trials[1:] != found.trials[1:]


@pytest.mark.parametrize(
    ("auc", "brier", "wins"),
    [((0.01, 0.02), (-0.01, 0.01), True), ((-0.01, 0.02), (-0.01, 0.01), False), ((0.01, 0.02), (0.001, 0.01), False)],
)
def test_it_wins_only_with_the_whole_interval_and_worse_in_nothing(
    found: Found, auc: tuple[float, float], brier: tuple[float, float], *, wins: bool
) -> None:
    compared = (
        {"metric": "auc", "value": sum(auc) / 2, "low": auc[0], "high": auc[1], "better": 1},
        {"metric": "brier", "value": sum(brier) / 2, "low": brier[0], "high": brier[1], "better": -1},
    )
    assert replace(found, compared=compared).wins is wins


def test_settings_no_better_than_the_defaults_are_not_said_to_win(rows: Dataset) -> None:
    nothing = search(rows, 1, base=QUICK)
    assert all(row["value"] == 0 for row in nothing.compared)
    assert not nothing.wins


def test_too_few_dates_are_told(rows: Dataset) -> None:
    early = replace(rows.select(rows.date < 2), dates=rows.dates[:2])
    with pytest.raises(TooLittleError, match="2016-12-31"):
        search(early, 2, base=QUICK)


def test_what_the_command_finds_trains(county_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "settings.json"
    where = ["--register", str(county_folder), "--home", str(tmp_path)]
    run = CliRunner().invoke(app, ["search", *where, "--trials", "2", "--step", "12", "--out", str(out)], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    written = json.loads(out.read_text())
    assert len(written["trials"]) == 2
    assert settings_from(out, DEFAULTS) == replace(DEFAULTS, **written["settings"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"settings": {"leafs": 3}}', "leafs"),
        ('{"settings": {"leaves": "many"}}', "ValueError"),
        ('{"settings": {"leaves": 0}}', "leaves"),
        ('{"settings": {"learning_rate": -1}}', "learning_rate"),
        ('{"trials": []}', "KeyError"),
        ("[1]", "TypeError"),
        ("no json", "JSONDecodeError"),
    ],
)
def test_a_file_that_no_search_wrote_is_refused_with_its_name(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=f"other.json.*{told}"):
        settings_from(path, DEFAULTS)
