"""Alarms that go off when a model knows what it cannot know."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from features.register import FloatArray
from training.dataset import Dataset
from training.evaluate import Prediction, rank_auc

ALONE = 0.88  # no single input of this field ranks so well honestly
AHEAD = 0.05  # nor so far ahead of the plain distance to the line
TOGETHER = 0.86  # nor all inputs together
DISTANCE = "income_to_poverty_line"


def single_features(rows: Dataset) -> dict[str, float]:
    """AUC of each feature taken alone, whichever way it points; blanks count as the middle."""
    out = {}
    for j, name in enumerate(rows.names):
        column = rows.X[:, j]
        known = ~np.isnan(column)
        if known.sum() < 2 or np.ptp(column[known]) == 0:
            continue
        filled = np.where(known, column, np.median(column[known]))
        auc = rank_auc(rows.y, filled)
        out[name] = max(auc, 1 - auc)
    return out


def alarms(rows: Dataset, ours: Prediction) -> list[str]:
    """What looks like leakage, in words; empty where nothing does.

    Args:
        rows: the rows that judge.
        ours: the model's answer for them.
    """
    alone = single_features(rows)
    distance = alone.get(DISTANCE, 0.5)
    found = [
        f"{name}: 单个特征 AUC {auc:.3f} a single feature ranks too well (limit {ALONE}, distance to the line {distance:.3f} + {AHEAD})"
        for name, auc in alone.items()
        if auc > min(ALONE, distance + AHEAD)
    ]
    together = rank_auc(rows.y, ours.rank)
    if together > TOGETHER:
        found.append(f"整体 AUC {together:.3f} above {TOGETHER}: 疑似泄漏 leakage until shown otherwise")
    return found


def permuted_auc(rows: Dataset, later: Dataset, rank: Callable[[Dataset, Dataset], FloatArray], seed: int = 0) -> float:
    """AUC of a model fitted on shuffled outcomes and judged on shuffled outcomes: .5 within noise, or the pipeline itself leaks.

    Args:
        rows: fitting rows.
        later: judging rows.
        rank: fits on the first and ranks the second.
        seed: of the shuffling, done within each date before anything is split or fitted.
    """
    draw = np.random.default_rng(seed)

    def shuffled(data: Dataset) -> Dataset:
        y = data.y.copy()
        for date in np.unique(data.date):
            place = np.flatnonzero(data.date == date)
            y[place] = y[draw.permutation(place)]
        return data.with_outcomes(y)

    rows, later = shuffled(rows), shuffled(later)
    return rank_auc(later.y, rank(rows, later))
