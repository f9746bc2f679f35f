"""Figures: plain values that any drawing library of plotly's shape takes, and that say what the numbers say."""

import json

import numpy as np
import pytest

from features.build import FeatureFrame
from models import figures
from models.bundle import Bundle
from models.explain import explain
from models.scorer import score


def test_waterfall_goes_from_the_base_to_the_households_margin(bundle: Bundle, frame: FeatureFrame) -> None:
    scores = score(bundle, frame)
    row = int(np.flatnonzero(scores.state == "scored")[0])
    reasons = explain(bundle, frame, scores, [row])[0]
    figure = figures.waterfall(reasons, bundle.base_margin)
    bars = figure["data"][0]
    assert sum(bars["x"]) == pytest.approx(scores.margin[row], abs=1e-9)
    assert bars["measure"] == ["absolute", *["relative"] * len(reasons), "total"]
    assert len(bars["x"]) == len(bars["y"]) == len(bars["text"]) == len(reasons) + 2
    json.dumps(figure, allow_nan=False)


def test_calibration_shows_each_tenth_of_the_households() -> None:
    random = np.random.default_rng(0)
    probability = random.uniform(0, 0.2, 5003)
    outcome = (random.random(5003) < probability).astype(float)
    figure = figures.calibration(probability, outcome)
    points = figure["data"][1]
    assert sum(count[0] for count in points["customdata"]) == 5003
    assert sum(count[1] for count in points["customdata"]) == outcome.sum()
    assert points["x"] == sorted(points["x"])
    for y, (_, _, low, high) in zip(points["y"], points["customdata"], strict=True):
        assert low <= y <= high
    json.dumps(figure, allow_nan=False)


def test_importance_lists_the_strongest_first_in_chinese(bundle: Bundle) -> None:
    zh = {feature.name: feature.zh for feature in bundle.declared}
    bars = figures.importance(bundle.importance, zh, most=5)["data"][0]
    assert bars["x"] == sorted(bundle.importance.values(), reverse=True)[:5]
    assert bars["y"] == [zh[name] for name in bars["customdata"]]
