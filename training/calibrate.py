"""Fits the curve from margin to probability on later households, with the band in which it may lie."""

from __future__ import annotations

import numpy as np

from features.register import Array, FloatArray
from models.calibration import Calibration, Interval, Sigmoid
from training.resample import weightings

KNOTS = 65
BAND = (0.05, 0.95)  # a 90 % band


def sigmoid(
    margin: FloatArray, y: FloatArray, weights: FloatArray, start: tuple[float, float] | None = None
) -> tuple[FloatArray, FloatArray]:
    """Slope and intercept of a logistic regression of the outcome on the margin, one a weighting (weights, n), by Newton's method.

    Args:
        margin: (n,).
        y: (n,) outcomes 0 … 1.
        weights: (k, n).
        start: slope and intercept to start from; those of the whole sample spare resamples most of the way.

    Returns:
        (k,) slopes, (k,) intercepts.
    """
    if start is None:
        rate = float(weights[0] @ y / weights[0].sum())
        start = (1.0, float(np.log(rate / (1 - rate)) - margin.mean()))
    a, b = np.full(len(weights), start[0]), np.full(len(weights), start[1])
    for _ in range(20):
        p = 1 / (1 + np.exp(-np.clip(a[:, None] * margin + b[:, None], -30, 30)))
        v, r = weights * p * (1 - p), weights * (y - p)
        g0, g1 = r.sum(axis=1), r @ margin
        h0, h1, h2 = v.sum(axis=1), v @ margin, v @ margin**2
        determinant = np.maximum(h0 * h2 - h1**2, 1e-12)
        move_b, move_a = (h2 * g0 - h1 * g1) / determinant, (h0 * g1 - h1 * g0) / determinant
        a, b = a + np.clip(move_a, -2, 2), b + np.clip(move_b, -2, 2)
        if max(np.abs(move_a).max(), np.abs(move_b).max()) < 1e-6:
            break
    return np.maximum(a, 1e-3), b


def fit_calibration(margin: FloatArray, y: FloatArray, household: Array, *, seed: int = 0) -> Calibration:
    """The curve, and a 90 % band from resampling the households.

    The band says how well the calibration households pin down the rate at a margin; it is no statement about one household's fate.

    Args:
        margin: (n,) summed margins of the calibration households.
        y: (n,) outcomes.
        household: (n,) resampled whole.
        seed: of the resampling.
    """
    a, b = sigmoid(margin, y, np.ones((1, len(y))))
    curve = Sigmoid(float(a[0]), float(b[0]))
    knots = np.unique(np.quantile(margin, np.linspace(0, 1, KNOTS)))
    fitted = [sigmoid(margin, y, block, (curve.a, curve.b)) for block in weightings(household, seed=seed)[1:]]
    slopes, starts = np.concatenate([f[0] for f in fitted]), np.concatenate([f[1] for f in fitted])
    curves = 1 / (1 + np.exp(-(slopes[:, None] * knots + starts[:, None])))
    low, high = np.quantile(curves, BAND, axis=0)
    centre = curve.probability(knots)
    low, high = np.minimum(low, centre), np.maximum(high, centre)
    return Calibration(curve, Interval(knots, np.maximum.accumulate(low), np.maximum.accumulate(high)))
