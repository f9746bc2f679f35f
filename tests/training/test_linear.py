"""The ridge-spline score is the logistic regression it says it is, and cross-fitted margins come from others."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from training.linear import cross_fitted, fit_linear, prepare, solve


def rows(seed: int = 0, n: int = 1500, p: int = 5) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n, p))
    margin = 1.2 * X[:, 0] - 0.8 * np.maximum(X[:, 1], 0) - 1.5
    return X, (draw.random(n) < 1 / (1 + np.exp(-margin))).astype(np.float64)


@pytest.mark.parametrize("ridge", [1.0, 50.0])
def test_without_knots_it_is_ridge_logistic_regression_on_standardised_columns(ridge: float) -> None:
    X, y = rows()
    member = fit_linear(X, y, ridge=ridge, knots=0)
    cut = np.clip(X, *np.quantile(X, [0.005, 0.995], axis=0))
    Z = (cut - cut.mean(axis=0)) / cut.std(axis=0)
    twin = LogisticRegression(C=1 / ridge, tol=1e-8, max_iter=1000).fit(Z, y)
    np.testing.assert_allclose(member.margin(X), twin.decision_function(Z), atol=0.01)


def test_knots_let_the_slope_change() -> None:
    X, y = rows(n=20_000)
    truth = 1.2 * X[:, 0] - 0.8 * np.maximum(X[:, 1], 0) - 1.5
    bent, straight = (np.abs(fit_linear(X, y, ridge=1.0, knots=knots).margin(X) - truth).mean() for knots in (4, 0))
    assert bent < 0.7 * straight


def test_twice_the_weight_under_twice_the_ridge_changes_nothing() -> None:
    X, y = rows()
    once, twice = prepare(X, np.ones(len(y)), 2), prepare(X, np.full(len(y), 2.0), 2)
    np.testing.assert_allclose(solve(once, y, 5.0), solve(twice, y, 10.0), atol=1e-3)


def test_features_missing_together_share_one_flag_and_nothing_is_learnt_from_a_constant() -> None:
    X, y = rows()
    X = np.column_stack([X, np.full(len(X), 3.0)])
    X[:300, 2:4] = np.nan
    prepared = prepare(X, np.ones(len(X)), 2)
    flags = prepared.kept[-6:]
    assert flags.sum() == 1
    member = fit_linear(X, y)
    assert not member.contributions(X)[:, 5].any()


def test_cross_fitted_margins_do_not_depend_on_the_outcomes_of_their_own_part() -> None:
    X, y = rows()
    fold = np.arange(len(y)) % 3
    prepared = prepare(X, np.ones(len(y)), 2)
    start = solve(prepared, y, 10.0)
    before = cross_fitted(prepared, y, 10.0, fold, start)
    turned = np.where(fold == 1, 1 - y, y)
    after = cross_fitted(prepared, turned, 10.0, fold, start)
    np.testing.assert_allclose(before[fold == 1], after[fold == 1], atol=0.01)
    assert np.abs(before[fold == 0] - after[fold == 0]).max() > 0.2


def test_soft_outcomes_are_taken_as_they_are() -> None:
    X, y = rows()
    half = fit_linear(X, np.full(len(y), 0.5))
    np.testing.assert_allclose(half.margin(X), 0.0, atol=1e-6)


def test_many_rows_are_thinned_without_moving_the_level() -> None:
    X, y = rows(n=130_000, p=2)
    member = fit_linear(X, y, ridge=1.0, knots=1)
    p = 1 / (1 + np.exp(-member.margin(X)))
    assert p.mean() == pytest.approx(y.mean(), rel=0.03)
