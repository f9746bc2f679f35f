"""Whether a model still holds, what another one would change, and the way back."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from features.policy.registry import Policy
from features.register import Register
from models import pointer
from models.bundle import Bundle, write
from models.drift import Reference
from training.cli import app
from training.county import Judged
from training.dataset import History
from training.evaluate import rank_auc
from training.renewal import OLD_MONTHS, estimated, health
from training.shadow import diffs, shadow

RUN = CliRunner()


@pytest.fixture(scope="session")
def history(county: Register, policy: Policy) -> History:
    return History(county, policy, kept={})


@pytest.fixture(scope="session")
def other(judged: Judged) -> Bundle:
    """The same members, with everything turned round in the first: another model."""
    bundle = judged.bundle
    return replace(bundle, members=(*bundle.members[1:], replace(bundle.members[0], weight=bundle.members[0].weight * 3)), version="other")


def test_a_model_that_was_just_judged_gives_no_reason(judged: Judged, history: History) -> None:
    found = health(judged.bundle, history, dt.date.fromisoformat(judged.bundle.card["dates"]["known_until"]))
    assert found.reasons == ()
    assert found.later is None  # every outcome that is known judged it
    assert found.margin_psi < 0.1
    assert 0.5 < found.estimated["auc"] < 1


def test_a_feature_that_moved_is_named_and_counts_by_what_rests_on_it(judged: Judged, history: History) -> None:
    bundle = judged.bundle
    loudest = max(bundle.importance, key=lambda name: bundle.importance[name])
    frame = history.frame(dt.date(2019, 12, 31))
    X = frame.values[:, bundle.columns_in(frame.names)].copy()
    X[:, bundle.features.index(loudest)] = X[:, bundle.features.index(loudest)] * 10 + 100
    moved = replace(bundle, reference=Reference.of(X, bundle.features, bundle.margin(X)), importance={**bundle.importance, loudest: 9e9})
    found = health(moved, history)
    assert loudest in {row["feature"] for row in found.features[:3]}
    assert found.moved_share > 0.9
    assert any("of what the model rests on" in reason for reason in found.reasons)


def test_a_year_of_new_outcomes_is_a_reason_and_is_judged(judged: Judged, history: History) -> None:
    dates = {**judged.bundle.card["dates"], "test": "2018-12-31"}
    found = health(replace(judged.bundle, card={**judged.bundle.card, "dates": dates}), history)
    assert found.later is not None
    assert found.later["months"] >= OLD_MONTHS
    assert found.later["events"] > 0
    assert any("months of outcomes" in reason for reason in found.reasons)


def test_old_data_is_said_before_anything_else_is_tried(judged: Judged, history: History) -> None:
    found = health(judged.bundle, history, dt.date(2022, 11, 30))
    assert found.data_age_days > 200
    assert any("bring them up to date" in reason for reason in found.reasons)


def test_the_estimate_without_outcomes_is_right_where_claims_are_true() -> None:
    rng = np.random.default_rng(3)
    margin = rng.normal(-3, 1.2, 4000)
    p = 1 / (1 + np.exp(-margin))
    realised = [rank_auc((rng.random(4000) < p).astype(float), margin) for _ in range(40)]
    assert estimated(margin, p)["auc"] == pytest.approx(np.mean(realised), abs=0.005)
    assert estimated(margin, p)["expected_falls"] == pytest.approx(p.sum())
    # and too hopeful where they claim too much of a difference: it believes them
    assert estimated(margin, 1 / (1 + np.exp(-(2 * margin + 3))))["auc"] > np.mean(realised) + 0.02


def test_a_model_beside_itself_changes_nothing(judged: Judged, history: History) -> None:
    found = shadow(history, judged.bundle, judged.bundle, dt.date(2021, 6, 30))
    assert found.diff.changes == ()
    assert found.agreement == pytest.approx(1.0)
    assert found.diff.before == found.diff.both == found.diff.after > 0


def test_what_came_and_went_adds_up_step_by_step(judged: Judged, other: Bundle, history: History, county: Register) -> None:
    data, model = diffs(history, judged.bundle, other, before=dt.date(2021, 3, 31), now=dt.date(2021, 9, 30))
    assert (data.because, model.because) == ("data", "model")
    assert data.after == model.before
    for step in (data, model):
        came = sum(change.entered for change in step.changes)
        assert step.after == step.both + came
        assert step.before == step.both + len(step.changes) - came
        assert sum(pair[0] + pair[1] for pair in step.by_town.values()) == len(step.changes)
    assert data.changes
    assert {change.household_id for change in data.changes} <= set(county.household_id)


def test_rules_are_told_apart_from_data(judged: Judged, history: History, county: Register, policy: Policy) -> None:
    steps = diffs(
        history, judged.bundle, judged.bundle, before=dt.date(2021, 3, 31), now=dt.date(2021, 9, 30), old_rules=History(county, policy)
    )
    assert [step.because for step in steps] == ["rule", "data", "model"]
    assert not steps[0].changes  # the same rules
    assert not steps[2].changes  # the same model


def test_retrain_says_why_not_and_goes_back_in_one_command(judged: Judged, county_folder: Path, tmp_path: Path) -> None:
    arguments = ["--home", str(tmp_path)]
    register = ["--register", str(county_folder)]
    bundles = tmp_path / "bundles"
    first = write(judged.bundle, bundles / judged.bundle.version)
    pointer.point(bundles, first.version)
    none = RUN.invoke(app, ["retrain", "--if-needed", *register, *arguments])
    assert none.exit_code == 0, none.output
    assert "no reason to retrain" in none.output
    dry = RUN.invoke(app, ["retrain", "--dry-run", *register, *arguments])
    assert dry.exit_code == 0
    assert "nothing was done" in dry.output
    assert not (tmp_path / "candidates").exists()
    nowhere = RUN.invoke(app, ["rollback", *arguments])
    assert nowhere.exit_code != 0
    assert "no previous version" in str(nowhere.exception)

    card = {**judged.bundle.card, "limits": ["another"]}
    second = write(replace(judged.bundle, card=card, version=""), tmp_path / "second")
    second = write(replace(judged.bundle, card=card, version=second.version), bundles / second.version)
    pointer.point(bundles, second.version)
    assert RUN.invoke(app, ["rollback", "--dry-run", *arguments]).exit_code == 0
    assert pointer.read(bundles).version == second.version
    assert RUN.invoke(app, ["rollback", *arguments]).exit_code == 0
    assert pointer.read(bundles).version == first.version


def test_health_is_told_and_written(judged: Judged, county_folder: Path, tmp_path: Path) -> None:
    write(judged.bundle, tmp_path / "bundles" / judged.bundle.version)
    pointer.point(tmp_path / "bundles", judged.bundle.version)
    run = RUN.invoke(app, ["health", "--register", str(county_folder), "--home", str(tmp_path), "--out", str(tmp_path / "health.json")])
    assert run.exit_code == 0, run.output
    assert "PSI" in run.output
    assert '"estimated"' in (tmp_path / "health.json").read_text(encoding="utf-8")
