"""A logistic score whose slope may change at knots, held back by a strong ridge: many small signals instead of a few loud ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.register import Array, FloatArray
from models.members import Basis, Linear
from training.resample import thin

KNOTS = 4
RIDGE = 1000.0
STEPS = 8
SLACK = 1e-7  # of the loss, lost in single precision
CLOSE = 1e-3  # largest last move of a coefficient of a standardised column
MOST_ROWS = 40_000  # beyond this many rows more of them hardly move the coefficients, and the normal equations get slow
REFERENCE_ROWS = 20_000  # over which mean contributions are taken
TINY = 1e-9

Columns = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows spread over a basis, columns standardised; those that say nothing, or the same as another, are left out.

    Attributes:
        basis: laid over the rows' values.
        kept: (basis.width,) which of its columns are in `Z`.
        mean, spread: (kept,) of the columns.
        Z: (n, kept) float32: the normal equations need no more, and take half the time.
        w: (n,) row weights.
    """

    basis: Basis
    kept: Array
    mean: FloatArray
    spread: FloatArray
    Z: Columns
    w: FloatArray

    def member(self, theta: FloatArray, weight: float, X: FloatArray) -> Linear:
        """The fitted coefficients (intercept first) as a member whose reasons are told relative to the households in X."""
        coefficients = np.zeros(self.basis.width)
        coefficients[self.kept] = theta[1:] / self.spread
        return Linear.fitted(weight, self.basis, coefficients, float(theta[0] - coefficients[self.kept] @ self.mean), X)


def prepare(X: FloatArray, w: FloatArray, knots: int = KNOTS) -> Prepared:
    """Lays a basis over rows X (n, p; NaN = not known) with weights w (n,)."""
    basis = Basis.of(X, knots)
    design = basis.design(X)
    total = w.sum()
    mean = (w @ design) / total
    spread = np.sqrt(np.maximum((w @ design**2) / total - mean**2, 0.0))
    kept = spread > TINY
    # many features are missing together: one flag for all of them says it
    flags = np.arange(basis.width - X.shape[1], basis.width)
    flags = flags[kept[flags]]
    _, first = np.unique(np.packbits(design[:, flags] > 0, axis=0), axis=1, return_index=True)
    kept[np.setdiff1d(flags, flags[first])] = False
    Z = ((design[:, kept] - mean[kept]) / spread[kept]).astype(np.float32)
    return Prepared(basis, kept, mean[kept], spread[kept], Z, w)


def solve(rows: Prepared, y: FloatArray, ridge: float, *, chosen: Array | None = None, start: FloatArray | None = None) -> FloatArray:
    """Newton's method for the penalised logistic score; the intercept is not penalised.

    Args:
        rows: standardised columns.
        y: (n,) outcomes, 0 … 1.
        ridge: penalty, in units of one row.
        chosen: (n,) bool, the rows to fit on; all by default.
        start: coefficients to start from; those of all rows spare a part of the rows most of the way.

    Returns:
        (1 + columns,) intercept and coefficients.
    """
    Z, w = (rows.Z, rows.w) if chosen is None else (rows.Z[chosen], rows.w[chosen])
    y = y if chosen is None else y[chosen]
    rate = float((w @ y) / w.sum())
    theta = np.zeros(Z.shape[1] + 1)
    theta[0] = np.log(rate / (1 - rate))
    theta = theta if start is None else start.copy()
    penalty = np.full(len(theta), ridge)
    penalty[0] = 0.0
    for _ in range(STEPS):
        margin = theta[0] + Z @ theta[1:].astype(np.float32)
        p = 1 / (1 + np.exp(-np.clip(margin.astype(np.float64), -30, 30)))
        residual, curvature = w * (y - p), w * p * (1 - p)
        gradient = np.concatenate(([residual.sum()], residual.astype(np.float32) @ Z)) - penalty * theta
        scaled = Z * np.sqrt(curvature).astype(np.float32)[:, None]
        H = np.empty((len(theta), len(theta)))
        H[0, 0] = curvature.sum()
        H[0, 1:] = H[1:, 0] = curvature.astype(np.float32) @ Z
        H[1:, 1:] = scaled.T @ scaled
        H[np.diag_indices(len(theta))] += penalty
        move = np.linalg.solve(H, gradient)
        # Newton's step overshoots where the ridge is weak: halved until the penalised loss falls
        before = _cost(theta, Z, y, w, penalty)
        while _cost(theta + move, Z, y, w, penalty) > before + SLACK * abs(before) and np.abs(move).max() > CLOSE:
            move /= 2
        theta += move
        if np.abs(move).max() < CLOSE:
            break
    return theta


def _cost(theta: FloatArray, Z: Columns, y: FloatArray, w: FloatArray, penalty: FloatArray) -> float:
    """Penalised log loss."""
    margin = (theta[0] + Z @ theta[1:].astype(np.float32)).astype(np.float64)
    return float(w @ (np.logaddexp(0.0, margin) - y * margin) + 0.5 * (penalty @ theta**2))


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
    if len(y) > MOST_ROWS:
        chosen, lifted = thin(y, MOST_ROWS, seed)
        X, y, w = X[chosen], y[chosen], w[chosen] * lifted
    rows = prepare(X, w, knots)
    return rows.member(solve(rows, y, ridge), weight, X[:REFERENCE_ROWS])


def cross_fitted(rows: Prepared, y: FloatArray, ridge: float, fold: Array, start: FloatArray) -> FloatArray:
    """Margins of rows that the coefficients behind them were not fitted on.

    Args:
        rows: standardised columns.
        y: (n,) outcomes, 0 … 1.
        ridge: penalty.
        fold: (n,) part of each row; whole households share a part.
        start: coefficients of all rows, to start from.

    Returns:
        (n,) margins.
    """
    out = np.empty(len(y))
    for part in np.unique(fold):
        away = fold == part
        theta = solve(rows, y, ridge, chosen=~away, start=start)
        out[away] = theta[0] + rows.Z[away] @ theta[1:].astype(np.float32)
    return out
