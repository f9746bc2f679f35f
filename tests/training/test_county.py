"""A county's model from register to judged bundle, on a small synthetic county."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from features.catalog import Leak
from features.policy.registry import Policy
from features.register import Register
from models import pointer
from models.bundle import load, write
from training.baselines import Income
from training.card import headline, model_card
from training.cli import app
from training.county import Judged, train
from training.dataset import Dataset, History, collect
from training.evaluate import rank_auc
from training.fit import Settings, TooFewError, boost, fit
from training.leaks import alarms, permuted_auc, single_features
from training.promotion import GateError, promote, untrue, verdict
from training.tracking import CHALLENGER, CHAMPION, Tracker

QUICK = Settings(seeds=1, most_rounds=60, leaf_rows=40, threads=1)


@pytest.fixture(scope="session")
def rows(county: Register, policy: Policy) -> tuple[Dataset, Dataset]:
    early = [dt.date(2017, 6, 30), dt.date(2017, 12, 31), dt.date(2018, 6, 30)]
    return (
        collect(History(county, policy), early, dt.date(2020, 3, 31)),
        collect(History(county, policy), [dt.date(2019, 12, 31)], dt.date(2021, 12, 31)),
    )


def test_what_was_judged_is_what_is_served_to_the_last_bit(judged: Judged, tmp_path: Path) -> None:
    write(judged.bundle, tmp_path / "bundle")
    served = load(tmp_path / "bundle")
    assert served.version == judged.bundle.version
    margin = served.margin(judged.test.X)
    assert np.array_equal(margin, judged.ours.rank)
    assert np.array_equal(served.calibration.probability(margin), judged.ours.probability)


def test_the_same_seed_and_data_give_the_same_bundle(county: Register, policy: Policy, judged: Judged) -> None:
    again = train(county, policy, step_months=6, settings=QUICK, force=True)
    assert again.bundle.version == judged.bundle.version


def test_only_safe_features_train(judged: Judged) -> None:
    assert {feature.leak for feature in judged.bundle.declared} == {Leak.SAFE}
    assert not {"head_female", "dibao_members"} & set(judged.bundle.features)


def test_dates_leave_room_for_outcomes(judged: Judged) -> None:
    dates = judged.bundle.card["dates"]
    fit_end, calibrate, test = (dt.date.fromisoformat(text) for text in (dates["fit"][-1], dates["calibrate"], dates["test"]))
    assert (calibrate - fit_end).days >= 365
    assert (test - calibrate).days >= 365
    assert (dt.date.fromisoformat(dates["known_until"]) - test).days >= 365


def test_the_model_ranks_but_not_too_well(judged: Judged) -> None:
    auc = rank_auc(judged.test.y, judged.ours.rank)
    assert 0.6 < auc < 0.92  # a few dozen events: the interval is wide
    assert not [alarm for alarm in judged.alarms if "single feature" in alarm]


def test_the_card_states_every_figure_and_says_that_the_data_is_made_up(judged: Judged) -> None:
    text = model_card(judged.bundle.card, judged.bundle.version)
    assert "合成数据" in text
    for name in ("income", "logistic", "LightGBM", "village rate", "points rule"):
        assert name in text
    assert "too small to judge" in text
    json.dumps(judged.bundle.card, allow_nan=False)


def test_a_model_that_is_not_ahead_says_so_first() -> None:
    row = {"baseline": "income", "segment": "all", "metric": "precision_at_10", "value": -0.05, "low": -0.08, "high": -0.02}
    assert "Do not use it" in headline([row])
    assert "Not shown" in headline([row | {"high": 0.01}])
    assert "Beats" in headline([row | {"value": 0.05, "low": 0.02, "high": 0.08}])


def test_too_few_events_are_refused_unless_forced(rows: tuple[Dataset, Dataset]) -> None:
    few = rows[0].select(np.arange(len(rows[0])) < 1500)
    with pytest.raises(TooFewError, match="200"):
        fit(few, rows[1], QUICK)


def test_shuffled_outcomes_cannot_be_learnt(rows: tuple[Dataset, Dataset]) -> None:
    def rank(early: Dataset, late: Dataset) -> np.ndarray:
        return np.asarray(boost(early, QUICK, 40, 0).predict(late.X, raw_score=True))

    aucs = [permuted_auc(*rows, rank, seed=seed) for seed in range(5)]
    spread = 0.29 / np.sqrt(max(rows[1].y.sum(), 1)) / np.sqrt(5)
    assert abs(np.mean(aucs) - 0.5) < 4 * spread


def test_a_feature_that_holds_the_outcome_raises_the_alarm(rows: tuple[Dataset, Dataset]) -> None:
    late = rows[1]
    X = late.X.copy()
    X[:, late.names.index("road_distance")] = late.y + np.random.default_rng(0).random(len(late)) * 0.1
    poisoned = Dataset(**{**{name: getattr(late, name) for name in late.__slots__}, "X": X})
    answer = Income(late.income, late.y).predict(late.income)
    assert any(alarm.startswith("road_distance") for alarm in alarms(poisoned, answer))
    assert not any(alarm.startswith("road_distance") for alarm in alarms(late, answer))
    assert single_features(poisoned)["road_distance"] == pytest.approx(1.0)


def test_a_feature_well_ahead_of_the_distance_to_the_line_raises_the_alarm_however_low_both_are(rows: tuple[Dataset, Dataset]) -> None:
    late = rows[1]
    X = late.X.copy()
    X[:, late.names.index("income_to_poverty_line")] = 1.0  # says nothing: .5
    said = np.flatnonzero(late.y)[::6]
    X[:, late.names.index("road_distance")] = 0.0
    X[said, late.names.index("road_distance")] = 1.0  # a sixth of the outcomes: .58
    weak = Dataset(**{**{name: getattr(late, name) for name in late.__slots__}, "X": X})
    assert single_features(weak)["road_distance"] == pytest.approx(0.58, abs=0.01)
    assert any(alarm.startswith("road_distance") for alarm in alarms(weak, Income(late.income, late.y).predict(late.income)))


def test_the_run_is_recorded_and_promotion_points_the_service_at_it(judged: Judged, tmp_path: Path) -> None:
    write(judged.bundle, tmp_path / "candidate")
    tracker = Tracker(tmp_path / "mlflow")
    tracked = tracker.record(
        "falls_below",
        tmp_path / "candidate",
        params={"seed": 0},
        metrics={"auc": 0.8},
        figures={"empty": {"data": [], "layout": {}}},
        documents={"model-card.md": "# card"},
    )
    assert tracker.version("falls_below", CHALLENGER) == tracked
    assert tracker.version("falls_below", CHAMPION) is None
    judgement = verdict(judged.bundle)
    bundles = tmp_path / "bundles"
    promoted = promote(tracked.folder, bundles, judgement, override="a small county, only to try the way")
    tracker.crown(tracked, "passed")
    assert pointer.read(bundles).version == promoted.version
    assert load(bundles / promoted.version).version == judged.bundle.version
    champion = tracker.version("falls_below", CHAMPION)
    assert champion is not None
    assert champion.tags["promoted"] == "passed"


def test_a_folder_of_runs_that_was_moved_keeps_its_models_and_takes_further_ones(judged: Judged, tmp_path: Path) -> None:
    write(judged.bundle, tmp_path / "candidate")
    told: dict[str, Any] = {"params": {}, "metrics": {}, "figures": {}, "documents": {}}
    first = Tracker(tmp_path / "old").record("falls_below", tmp_path / "candidate", **told)
    (tmp_path / "old").rename(tmp_path / "new")
    tracker = Tracker(tmp_path / "new")
    for number in ("2", "3"):
        assert tracker.record("falls_below", tmp_path / "candidate", **told).number == number
    kept = tracker.version("falls_below", first.number)
    assert kept is not None
    assert load(kept.folder).version == judged.bundle.version
    assert not (tmp_path / "old").exists()


def test_a_worse_or_untrue_challenger_does_not_pass(judged: Judged, rows: tuple[Dataset, Dataset], tmp_path: Path) -> None:
    names = rows[0].names
    turned = rows[0].with_outcomes(1 - rows[0].y)  # learns to rank the wrong way round
    from models.bundle import compose

    worse = fit(turned, turned, QUICK, force=True)
    challenger = compose("falls_below", names, worse.members, worse.calibration, rows[1].X, card={"alarms": [], "calibration": []})
    judgement = verdict(challenger, judged.bundle, judged.test)
    assert not judgement.passes
    assert any("worse than the champion" in objection for objection in judgement.objections)
    write(challenger, tmp_path / "worse")
    with pytest.raises(GateError, match="override"):
        promote(tmp_path / "worse", tmp_path / "bundles", judgement)
    assert not (tmp_path / "bundles" / pointer.ACTIVE).exists()
    assert untrue({"calibration": [{"metric": "slope", "value": 0.5, "low": 0.4, "high": 0.6}]})
    assert not untrue({"calibration": [{"metric": "slope", "value": 0.7, "low": 0.6, "high": 0.9}]})


@pytest.mark.parametrize("given", [("--test", "2023-13-01"), ("--name", "luck")])
def test_a_date_or_an_outcome_that_is_none_is_told_before_anything_is_read(given: tuple[str, str], tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["train", "--register", str(tmp_path), *given])
    assert told.exit_code == 2
    assert given[1] in told.output
