"""The back-test command on files in INDEC's format: what it writes, and that the outcomes that judge cannot reach the predictions."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from features.errors import UserError
from tests.training.adapters.indec import Habit, write_survey
from training.adapters.eph import LINE, Panel, read_panel
from training.adapters.eph_files import Survey, quarter_number
from training.backtest import Backtest, backtest
from training.commands.backtesting import app
from training.panel import Recipe
from training.panel_report import behind

FIRST, LAST = quarter_number("2004Q1"), quarter_number("2008Q1")
UNTIL, FROM = quarter_number("2005Q3"), quarter_number("2006Q3")
MODELS = ("income", "logistic", "lightgbm_default", "ours")
SEGMENTS = ("all", "edge", "recently_poor", "not_imputed")
METRICS = ("auc", "ap", "precision_at_10", "recall_at_10", "brier", "ece", "observed_expected")
QUICK = Recipe(rounds=20, folds=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("eph")
    write_survey(place, FIRST, FIRST + 6, households=90)
    later = Habit(gz=True, lower_header=True, comma=True, trailing=True, without=("IDIMPH",))
    write_survey(place, FIRST, LAST, households=90, habit=later, only=set(range(FIRST + 7, LAST + 1)))
    return place


@pytest.fixture(scope="module")
def panel(folder: Path) -> Panel:
    return read_panel(folder)


@pytest.fixture(scope="module")
def result(panel: Panel) -> Backtest:
    return backtest(panel, UNTIL, FROM, recipe=QUICK)


def test_the_command_writes_every_figure_and_every_prediction(folder: Path, tmp_path: Path) -> None:
    arguments = ["eph", str(folder), "--train-until", "2005Q3", "--test-from", "2006Q3", "--out", str(tmp_path / "out")]
    run = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert run.exit_code == 0, run.output
    rows = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert {(row["model"], row["segment"], row["metric"]) for row in rows} == {(m, s, k) for m in MODELS for s in SEGMENTS for k in METRICS}
    assert all(set(row) == {"model", "segment", "metric", "value", "low", "high"} for row in rows)
    assert all(row["low"] <= row["high"] for row in rows if row["segment"] == "all")
    table = pyarrow.parquet.read_table(tmp_path / "out" / "predictions.parquet")
    assert table.column_names == ["household", "quarter", "outcome", *MODELS]
    assert table["quarter"].to_pylist()[0] >= "2006Q3"
    assert "-" in table["household"].to_pylist()[0]
    outcome = table["outcome"].to_numpy()
    for model in MODELS:
        stated = next(row["value"] for row in rows if (row["model"], row["segment"], row["metric"]) == (model, "all", "auc"))
        assert stated == pytest.approx(roc_auc_score(outcome, table[model].to_numpy()))
    for name in ("paired", "calibration", "summary"):
        assert json.loads((tmp_path / "out" / f"{name}.json").read_text())
    report = (tmp_path / "out" / "report.md").read_text()
    stated = next(row["value"] for row in rows if (row["model"], row["segment"], row["metric"]) == ("ours", "edge", "ap"))
    assert f"{stated:.4f}" in report


def test_our_model_is_ahead_of_income_where_education_and_jobs_matter(result: Backtest) -> None:
    auc = {row["model"]: row["value"] for row in result.metrics if row["segment"] == "all" and row["metric"] == "auc"}
    assert auc["income"] + 0.01 < auc["ours"] < 0.95


def test_households_that_trained_do_not_judge(result: Backtest, panel: Panel) -> None:
    at_risk = panel.at_risk & ~np.isnan(panel.later(4)) & (panel.quarter <= UNTIL)
    assert not set(result.household) & set(panel.household[at_risk])
    assert set(result.quarter) <= {"2006Q3", "2006Q4", "2007Q1"}


def test_outcomes_that_judge_do_not_reach_the_predictions(panel: Panel, result: Backtest) -> None:
    last = int(panel.quarter[panel.quarter >= FROM].max())
    homes = panel.survey.households.copy()
    homes.loc[homes["quarter"] == last, "ITF"] *= 0.2  # everybody falls in the last quarter
    turned = Panel(
        Survey(homes, panel.survey.persons),
        panel.medians,
        np.where(panel.quarter == last, panel.relative * 0.2, panel.relative),
        panel.indicators,
        panel.values,
    )
    other = backtest(turned, UNTIL, FROM, recipe=QUICK)
    judged_by_it = result.quarter == "2007Q1"
    assert other.test.y[judged_by_it].mean() > 2 * result.test.y[judged_by_it].mean()
    assert (other.household == result.household).all()
    for mine, theirs in zip(other.predictions, result.predictions, strict=True):
        np.testing.assert_array_equal(mine.probability, theirs.probability)


def test_shuffled_outcomes_cannot_be_learnt(panel: Panel) -> None:
    # shuffled before anything is split, and judged on shuffled outcomes: .5 within noise, or the pipeline itself leaks
    draw = np.random.default_rng(3)
    later = {quarters: panel.later(quarters) for quarters in (-5, -4, -1, 1, 3, 4, 5)}
    for values in (values for quarters, values in later.items() if quarters > 0):
        for quarter in np.unique(panel.quarter):
            place = np.flatnonzero((panel.quarter == quarter) & ~np.isnan(values) & panel.at_risk)
            values[place] = values[draw.permutation(place)]

    class Shuffled(Panel):
        def later(self, quarters: int) -> np.ndarray:
            return later[quarters]

    shuffled = Shuffled(panel.survey, panel.medians, panel.relative, panel.indicators, panel.values)
    judged = backtest(shuffled, UNTIL, FROM, recipe=QUICK)
    for model in MODELS:
        row = next(r for r in judged.metrics if (r["model"], r["segment"], r["metric"]) == (model, "all", "auc"))
        assert abs(row["value"] - 0.5) < 0.12, model


def test_the_same_files_give_the_same_predictions(panel: Panel, result: Backtest) -> None:
    again = backtest(panel, UNTIL, FROM, recipe=QUICK)
    for mine, theirs in zip(again.predictions, result.predictions, strict=True):
        np.testing.assert_array_equal(mine.probability, theirs.probability)


def test_a_test_that_begins_before_the_last_training_outcome_is_refused(panel: Panel) -> None:
    with pytest.raises(UserError, match="must begin at 2006Q3"):
        backtest(panel, UNTIL, FROM - 1)


def test_too_few_events_are_refused(panel: Panel) -> None:
    rich = replace(panel, relative=np.maximum(panel.relative, LINE + 0.1))
    with pytest.raises(UserError, match="too few events"):
        backtest(rich, UNTIL, FROM)


def test_being_behind_means_worse_with_the_whole_interval() -> None:
    rows = [
        {"metric": "auc", "low": -0.2, "high": -0.1, "better": 1},
        {"metric": "auc", "low": -0.2, "high": 0.1, "better": 1},
        {"metric": "brier", "low": 0.01, "high": 0.02, "better": -1},
        {"metric": "brier", "low": -0.02, "high": -0.01, "better": -1},
        {"metric": "auc", "low": None, "high": None, "better": 1},
    ]
    assert behind(rows) == [rows[0], rows[2]]
