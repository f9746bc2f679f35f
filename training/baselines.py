"""The simple rankings that every model must be held against: income, logistic, default trees, the village's past, a points rule."""

from __future__ import annotations

import lightgbm
import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from features.register import FloatArray, IntArray
from training.evaluate import Prediction

# About thirty plain features that a statistician would start with; those that a register lacks are left out.
PLAIN = (
    "income_to_poverty_line", "market_income_to_line", "income_before_to_line", "run_rate_to_line", "income_change",
    "income_volatility", "wage_share", "policy_transfer_share", "oop_to_income", "chronic_members", "serious_members",
    "severe_disabled", "disabled_members", "workers", "dependants_per_worker", "months_worked", "job_losses", "household_size",
    "children", "elderly", "dependency_ratio", "able_members", "elderly_alone", "single_person", "head_age", "mean_education",
    "exited_household", "relocated_household", "shocks_year", "dangerous_house", "debt_to_line",
)  # fmt: skip
TIE = 1e-7  # an isotonic curve makes steps; within a step the poorer household still comes first


class Income:
    """Poorest first; the probability is the rate that the training rows show at that income."""

    def __init__(self, income: FloatArray, y: FloatArray) -> None:
        self._curve = IsotonicRegression(increasing=False, out_of_bounds="clip").fit(income, y)
        self._middle = max(float(np.median(income)), 1e-9)

    def predict(self, income: FloatArray) -> Prediction:
        """The ranking of these incomes."""
        poverty = 1 / (1 + np.maximum(income, 0.0) / self._middle)  # 1 for nobody's income, falling without a step
        p = np.clip(self._curve.predict(income), 1e-6, 1 - 1e-6)
        return Prediction("income", -income, p * (1 - TIE) + TIE * poverty)


class Logistic:
    """Logistic regression on plain features, blanks filled with the median, standardised."""

    def __init__(self, X: FloatArray, y: FloatArray, names: tuple[str, ...], plain: tuple[str, ...] = PLAIN) -> None:
        self._columns = [names.index(name) for name in plain if name in names]
        part = X[:, self._columns]
        with np.errstate(all="ignore"):
            self._fill = np.array([np.median(c[~np.isnan(c)]) if (~np.isnan(c)).any() else 0.0 for c in part.T])
        filled = np.where(np.isnan(part), self._fill, part)
        self._mean, self._spread = filled.mean(axis=0), np.maximum(filled.std(axis=0), 1e-9)
        self._model = LogisticRegression(max_iter=1000).fit((filled - self._mean) / self._spread, y)

    def predict(self, X: FloatArray) -> Prediction:
        """The regression's answer."""
        part = X[:, self._columns]
        margin = self._model.decision_function((np.where(np.isnan(part), self._fill, part) - self._mean) / self._spread)
        return Prediction("logistic", margin, 1 / (1 + np.exp(-margin)))


class DefaultTrees:
    """LightGBM as it comes, one hundred trees of 31 leaves."""

    def __init__(self, X: FloatArray, y: FloatArray, threads: int = 2) -> None:
        settings = {
            "objective": "binary",
            "verbosity": -1,
            "seed": 0,
            "num_threads": threads,
            "deterministic": True,
            "force_row_wise": True,
        }
        self._booster = lightgbm.train(settings, lightgbm.Dataset(X, y), num_boost_round=100)

    def predict(self, X: FloatArray) -> Prediction:
        """The trees' answer."""
        margin = np.asarray(self._booster.predict(X, raw_score=True))
        return Prediction("lightgbm_default", margin, 1 / (1 + np.exp(-margin)))


class VillageRate:
    """The village's past rate of events, drawn towards the county's where the village is small."""

    STRENGTH = 200.0  # rows' worth of the county's rate that every village starts with

    def __init__(self, village: IntArray, y: FloatArray) -> None:
        self._rate = float(y.mean())
        size = int(village.max(initial=0)) + 1
        rows, events = np.bincount(village, minlength=size), np.bincount(village, weights=y, minlength=size)
        self._rates = (events + self.STRENGTH * self._rate) / (rows + self.STRENGTH)

    def predict(self, village: IntArray) -> Prediction:
        """The rate of each household's village."""
        known = (village >= 0) & (village < len(self._rates))
        p = np.where(known, self._rates[np.where(known, village, 0)], self._rate)
        return Prediction("village_rate", p, p)


class Points:
    """A rule that a village could apply on paper: income fifth, chronic illness, severe disability, nobody at work."""

    def __init__(self, X: FloatArray, y: FloatArray, names: tuple[str, ...], income: FloatArray) -> None:
        self._columns = {name: names.index(name) for name in ("chronic_members", "severe_disabled", "workers") if name in names}
        self._fifths = np.quantile(income, [0.2, 0.4, 0.6, 0.8])
        points = self._points(X, income)
        self._curve = IsotonicRegression(out_of_bounds="clip").fit(points, y)

    def _points(self, X: FloatArray, income: FloatArray) -> FloatArray:
        column = {name: X[:, j] for name, j in self._columns.items()}
        nobody = np.zeros(len(X))
        points = 4.0 - np.searchsorted(self._fifths, income)
        points += column.get("chronic_members", nobody) > 0
        points += 2 * (column.get("severe_disabled", nobody) > 0)
        points += 2 * (column["workers"] == 0) if "workers" in column else 0
        return np.asarray(points, dtype=np.float64)

    def predict(self, X: FloatArray, income: FloatArray) -> Prediction:
        """Points, and the rate that the training rows show at so many points."""
        points = self._points(X, income)
        return Prediction("points", points, np.clip(self._curve.predict(points), 1e-6, 1 - 1e-6))
