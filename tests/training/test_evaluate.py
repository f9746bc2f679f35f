"""Metrics agree with a well-known library; intervals and pairs behave."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from training.evaluate import Prediction, calibration, groups, judge, rank_auc


def sample(seed: int, n: int = 600, levels: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    p = np.clip(np.round(draw.beta(1, 9, n) * levels) / levels, 0.001, 0.999)
    return p, (draw.random(n) < p).astype(np.float64)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([5, 20, 1000]))
def test_metrics_equal_scikit_learns_ties_included(seed: int, levels: int) -> None:
    p, y = sample(seed, levels=levels)
    if not 0 < y.sum() < len(y):
        return
    rows, _ = judge(y, np.arange(len(y)), [Prediction("ours", p, p)], {"all": np.ones(len(y), dtype=bool)}, resamples=25)
    found = {row["metric"]: row["value"] for row in rows}
    assert found["auc"] == pytest.approx(roc_auc_score(y, p))
    assert found["ap"] == pytest.approx(average_precision_score(y, p))
    assert found["brier"] == pytest.approx(brier_score_loss(y, p))
    assert found["observed_expected"] == pytest.approx(y.sum() / p.sum())
    assert rank_auc(y, p) == pytest.approx(roc_auc_score(y, p))


def test_precision_and_recall_of_the_top_tenth_without_ties() -> None:
    p = np.linspace(0.001, 0.999, 100)
    y = np.zeros(100)
    y[[95, 97, 99, 3]] = 1
    rows, _ = judge(y, np.arange(100), [Prediction("ours", p, p)], {"all": np.ones(100, dtype=bool)}, resamples=25)
    found = {row["metric"]: row["value"] for row in rows}
    assert found["precision_at_10"] == pytest.approx(0.3)
    assert found["recall_at_10"] == pytest.approx(0.75)


def test_a_better_model_is_ahead_with_the_whole_interval_and_a_copy_is_not() -> None:
    p, y = sample(1, n=4000)
    noise = np.random.default_rng(2).random(4000)
    predictions = [Prediction("ours", p, p), Prediction("copy", p, p), Prediction("noise", noise, np.full(4000, y.mean()))]
    _, paired = judge(y, np.arange(4000), predictions, {"all": np.ones(4000, dtype=bool)}, resamples=50)
    auc = {row["baseline"]: row for row in paired if row["metric"] == "auc"}
    assert auc["noise"]["low"] > 0
    assert auc["copy"]["value"] == auc["copy"]["low"] == auc["copy"]["high"] == 0


def test_households_are_resampled_whole() -> None:
    p, y = sample(3, n=300)
    many = np.repeat(np.arange(300), 10)
    p10, y10 = np.repeat(p, 10), np.repeat(y, 10)
    width = {}
    for name, who in (("whole", many), ("apart", np.arange(3000))):
        rows, _ = judge(y10, who, [Prediction("ours", p10, p10)], {"all": np.ones(3000, dtype=bool)})
        auc = next(row for row in rows if row["metric"] == "auc")
        width[name] = auc["high"] - auc["low"]
    assert width["whole"] > 2 * width["apart"]


def test_true_probabilities_are_found_calibrated_and_doubled_ones_are_not() -> None:
    p, y = sample(4, n=8000)
    good = {row["metric"]: row for row in calibration(y, p, np.arange(8000), resamples=50)}
    assert good["observed_expected"]["low"] < 1 < good["observed_expected"]["high"]
    assert good["slope"]["low"] < 1 < good["slope"]["high"]
    assert good["ece"]["value"] < good["ece_by_chance"]["high"] * 1.2
    bad = {row["metric"]: row for row in calibration(y, np.minimum(p * 2, 0.99), np.arange(8000), resamples=50)}
    assert bad["observed_expected"]["high"] < 0.7
    assert bad["ece"]["value"] > bad["ece_by_chance"]["high"]


def test_a_group_with_few_events_is_too_small_to_judge() -> None:
    p, y = sample(5, n=3000)
    small = np.zeros(3000, dtype=bool)
    small[:30] = True
    rows = {row["group"]: row for row in groups(y, Prediction("ours", p, p), np.arange(3000), {"few": small, "rest": ~small}, resamples=25)}
    assert rows["few"]["small"]
    assert "auc" not in rows["few"]
    assert not rows["rest"]["small"]
    assert rows["rest"]["n"] == 2970
