"""The simple rankings do what their names say."""

import numpy as np
import pytest

from training.baselines import DefaultTrees, Income, Logistic, Points, VillageRate
from training.evaluate import rank_auc

NAMES = ("income_to_poverty_line", "workers", "chronic_members", "severe_disabled")


def sample(n: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    income = draw.lognormal(0.7, 0.6, n)
    X = np.column_stack([income, draw.integers(0, 3, n), draw.integers(0, 2, n), draw.integers(0, 2, n)]).astype(np.float64)
    margin = -2.0 * np.log(income) - 0.8 * X[:, 1] + 0.5 * X[:, 2] - 0.3
    return X, (draw.random(n) < 1 / (1 + np.exp(-margin))).astype(np.float64), income


def test_income_ranks_the_poorest_first_and_claims_the_rates_of_the_training_rows() -> None:
    _, y, income = sample()
    answer = Income(income, y).predict(income)
    assert (np.argsort(answer.rank) == np.argsort(-income)).all()
    assert answer.probability.mean() == pytest.approx(y.mean(), rel=0.01)
    assert (np.diff(answer.probability[np.argsort(income)]) < 0).all()  # no ties: within a step the poorer comes first


def test_income_beyond_the_training_range_keeps_the_edge_rate() -> None:
    _, y, income = sample()
    answer = Income(income, y).predict(np.array([1e-6, 1e6]))
    assert answer.probability[0] > answer.probability[1] > 0


def test_logistic_fills_blanks_with_the_median_and_passes_over_features_that_are_not_there() -> None:
    X, y, _ = sample()
    X[::5, 1] = np.nan
    model = Logistic(X, y, NAMES)
    blank, median = X[:1].copy(), X[:1].copy()
    blank[0, 1], median[0, 1] = np.nan, np.nanmedian(X[:, 1])
    assert model.predict(blank).rank[0] == model.predict(median).rank[0]
    assert rank_auc(y, model.predict(X).rank) > 0.75


def test_default_trees_give_the_same_answer_twice() -> None:
    X, y, _ = sample(800)
    first, second = (DefaultTrees(X, y).predict(X).rank for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_village_rate_is_drawn_to_the_countys_where_the_village_is_small() -> None:
    village = np.repeat(np.array([0, 1, 2], dtype=np.int32), [5000, 5000, 5])
    y = np.concatenate([np.tile([1, 0, 0, 0, 0], 1000), np.zeros(5000), np.ones(5)]).astype(np.float64)
    rate = VillageRate(village, y).predict(np.array([0, 1, 2, -1, 9], dtype=np.int32)).probability
    assert rate[0] > 0.18
    assert rate[1] < 0.01
    assert abs(rate[2] - y.mean()) < 0.03
    assert rate[3] == rate[4] == y.mean()


def test_points_rise_with_poverty_illness_disability_and_nobody_at_work() -> None:
    X, y, income = sample()
    model = Points(X, y, NAMES, income)
    cases = np.array([[1.0, 1, 0, 0], [1.0, 1, 1, 0], [1.0, 1, 1, 1], [1.0, 0, 1, 1]])
    points = model.predict(cases, np.full(4, 3.0)).rank
    assert (np.diff(points) > 0).all()
    assert model.predict(cases[:1], np.array([0.1])).rank[0] > points[0]
