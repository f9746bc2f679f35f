"""A logistic score whose slope may change at knots, held back by a strong ridge: many small signals instead of a few loud ones."""

from __future__ import annotations

import numpy as np

from features.register import FloatArray
from models.members import Basis, Linear

KNOTS = 4
RIDGE = 1000.0
STEPS = 8
MOST_ROWS = 60_000  # beyond this many rows more of them hardly move the coefficients, and the normal equations get slow
TINY = 1e-9


def fit_linear(
    X: FloatArray,
    y: FloatArray,
    *,
    weight: float = 1.0,
    ridge: float = RIDGE,
    knots: int = KNOTS,
    row_weights: FloatArray | None = None,
    seed: int = 0,
) -> Linear:
    """Fits the piecewise-linear member.

    Args:
        X: (n, p), NaN = not known.
        y: (n,) outcomes, 0 … 1; soft outcomes are allowed.
        weight: of the member in its bundle.
        ridge: penalty on the coefficients of standardised columns, in units of one row.
        knots: slope changes a feature.
        row_weights: (n,) or None for ones.
        seed: which rows are taken where there are more than `MOST_ROWS`.

    Returns:
        the member; its coefficients belong to the columns of `Basis.design`.
    """
    w = np.ones(len(y)) if row_weights is None else row_weights
    X, y, w = thin(X, y, w, seed)
    basis = Basis.of(X, knots)
    design = basis.design(X)
    total = w.sum()
    mean = (w @ design) / total
    spread = np.sqrt(np.maximum((w @ design**2) / total - mean**2, 0.0))
    used = spread > TINY
    Z = (design[:, used] - mean[used]) / spread[used]
    coefficients = np.zeros(design.shape[1])
    beta, intercept = _ridge_logistic(Z, y, w, ridge)
    coefficients[used] = beta / spread[used]
    return Linear.fitted(weight, basis, coefficients, intercept - float(coefficients @ mean), X[: min(len(X), 20_000)])


def thin(X: FloatArray, y: FloatArray, w: FloatArray, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """All rows where something happened and a sample of the others, weighted up; everything where there are few rows."""
    if len(y) <= MOST_ROWS:
        return X, y, w
    hit = y > 0
    room = max(MOST_ROWS - int(hit.sum()), MOST_ROWS // 2)
    others = np.flatnonzero(~hit)
    chosen = np.random.default_rng(seed).choice(others, min(room, len(others)), replace=False)
    rows = np.sort(np.concatenate((np.flatnonzero(hit), chosen)))
    lifted = w.copy()
    lifted[others] *= len(others) / len(chosen)
    return X[rows], y[rows], lifted[rows]


def _ridge_logistic(Z: FloatArray, y: FloatArray, w: FloatArray, ridge: float) -> tuple[FloatArray, float]:
    """Newton's method on standardised columns; the intercept is not penalised."""
    rate = float((w @ y) / w.sum())
    theta = np.zeros(Z.shape[1] + 1)
    theta[0] = np.log(rate / (1 - rate))
    penalty = np.full(len(theta), ridge)
    penalty[0] = 0.0
    for _ in range(STEPS):
        margin = theta[0] + Z @ theta[1:]
        p = 1 / (1 + np.exp(-np.clip(margin, -30, 30)))
        residual, curvature = w * (y - p), w * p * (1 - p)
        gradient = np.concatenate(([residual.sum()], Z.T @ residual)) - penalty * theta
        H = np.empty((len(theta), len(theta)))
        H[0, 0] = curvature.sum()
        H[0, 1:] = H[1:, 0] = Z.T @ curvature
        H[1:, 1:] = (Z * curvature[:, None]).T @ Z
        H[np.diag_indices(len(theta))] += penalty
        move = np.linalg.solve(H, gradient)
        theta += move
        if np.abs(move).max() < 1e-4:
            break
    return theta[1:], float(theta[0])
