"""Everybody who ranks households side by side: our model and the simple ways that it must be held against."""

from __future__ import annotations

from collections.abc import Callable

from features.register import FloatArray
from training.baselines import DefaultTrees, Income, Logistic, Points, VillageRate
from training.dataset import Dataset
from training.evaluate import Prediction
from training.fit import Fitted

Answer = Callable[[Dataset], Prediction]
OURS = "ours"


def field(rows: Dataset, fitted: Fitted, threads: int) -> dict[str, Answer]:
    """Our model first, then every baseline, fitted on the same rows: each answers for whatever rows it is asked.

    Args:
        rows: fitting rows.
        fitted: our model, fitted on them.
        threads: for LightGBM.
    """

    def ours(judged: Dataset) -> Prediction:
        margin: FloatArray = fitted.margin(judged.X, threads)
        return Prediction(OURS, margin, fitted.calibration.probability(margin))

    income = Income(rows.income, rows.y)
    logistic = Logistic(rows.X, rows.y, rows.names)
    trees = DefaultTrees(rows.X, rows.y, threads)
    village = VillageRate(rows.village, rows.y)
    points = Points(rows.X, rows.y, rows.names, rows.income)
    return {
        OURS: ours,
        "income": lambda judged: income.predict(judged.income),
        "logistic": lambda judged: logistic.predict(judged.X),
        "lightgbm_default": lambda judged: trees.predict(judged.X),
        "village_rate": lambda judged: village.predict(judged.village),
        "points": lambda judged: points.predict(judged.X, judged.income),
    }
