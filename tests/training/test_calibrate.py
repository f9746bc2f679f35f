"""The calibration curve finds the true slope, and its band widens where households are few."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.calibration import Sigmoid
from training.calibrate import fit_calibration, sigmoid


def sample(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    margin = draw.normal(-2.0, 1.5, n)
    return margin, (draw.random(n) < 1 / (1 + np.exp(-(0.7 * margin + 0.4)))).astype(np.float64)


def test_slope_and_intercept_are_those_of_logistic_regression() -> None:
    margin, y = sample(3000)
    a, b = sigmoid(margin, y, np.ones((1, len(y))))
    twin = LogisticRegression(C=1e9, tol=1e-9).fit(margin[:, None], y)
    assert a[0] == pytest.approx(twin.coef_[0, 0], abs=1e-3)
    assert b[0] == pytest.approx(twin.intercept_[0], abs=1e-3)


def test_the_claimed_rate_is_the_observed_one() -> None:
    margin, y = sample(2000)
    fitted = fit_calibration(margin, y, np.arange(2000))
    assert isinstance(fitted.curve, Sigmoid)
    assert fitted.probability(margin).mean() == pytest.approx(y.mean(), abs=1e-6)


def test_the_band_holds_the_curve_and_narrows_with_more_households() -> None:
    width = {}
    for n in (500, 8000):
        margin, y = sample(n)
        fitted = fit_calibration(margin, y, np.arange(n))
        grid = np.linspace(-5, 2, 50)
        p = fitted.probability(grid)
        low, high = fitted.bounds(grid, p)
        assert (low <= p).all()
        assert (p <= high).all()
        width[n] = float((high - low).mean())
    assert width[500] > 2 * width[8000]


def test_a_household_seen_many_times_does_not_narrow_the_band() -> None:
    margin, y = sample(500)
    once = fit_calibration(margin, y, np.arange(500))
    often = fit_calibration(np.repeat(margin, 8), np.repeat(y, 8), np.repeat(np.arange(500), 8))
    grid = np.array([-2.0])
    width = [np.subtract(*fitted.bounds(grid, fitted.probability(grid))[::-1])[0] for fitted in (once, often)]
    assert width[1] == pytest.approx(width[0], rel=0.35)


def test_a_margin_that_says_nothing_never_turns_the_ranking_round() -> None:
    draw = np.random.default_rng(1)
    margin, y = draw.normal(size=400), (draw.random(400) < 0.2).astype(np.float64)
    fitted = fit_calibration(-margin * y, y, np.arange(400))
    assert (np.diff(fitted.probability(np.linspace(-3, 3, 20))) >= 0).all()
