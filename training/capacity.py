"""What a list is worth to a township that can visit so many households: how many falls are on it, and how early.

All figures are ratios of sums over households, so an interval costs one product of matrices: the resamples of households by the households'
sums. A household's rows at all origins are drawn together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.register import BoolArray, FloatArray
from training.contestants import OURS
from training.evaluate import summary
from training.rolling import Answers

PER_TOWN = 50
"""Households that a township is thought to visit between two origins; a county names its own."""

CURVE = (10, 20, 30, 50, 75, 100, 150, 200, 300)
METRICS = ("precision", "recall", "lift")


@dataclass(frozen=True, slots=True)
class Worth:
    """Figures at capacity, with intervals.

    Attributes:
        metrics: rows {model, metric, value, low, high}.
        paired: rows {baseline, metric, value, low, high}: ours minus the baseline.
        visits: households on the lists of all origins together.
        events: falls among those at risk.
    """

    metrics: list[dict[str, Any]]
    paired: list[dict[str, Any]]
    visits: int
    events: int

    def value(self, model: str, metric: str) -> dict[str, Any]:
        """One figure."""
        return next(row for row in self.metrics if row["model"] == model and row["metric"] == metric)


def listed(answers: Answers, model: str, per_town: int) -> BoolArray:
    """(n,) the rows that a contestant puts on the lists: the first so many of every township, at every origin and age.

    Ties go by pseudonym, as on the list itself.
    """
    place = np.argsort(np.argsort(np.array(answers.household_id)))[answers.household]
    order = np.lexsort((place, -answers.rank[model], answers.town, answers.age, answers.origin))
    block = np.stack([answers.origin, answers.age, answers.town])[:, order]
    starts = np.flatnonzero(np.concatenate(([True], (block[:, 1:] != block[:, :-1]).any(axis=0))))
    within = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    out = np.zeros(len(order), dtype=bool)
    out[order[within < per_town]] = True
    return out


def worth(answers: Answers, lists: Mapping[str, BoolArray], drawn: FloatArray, rows: BoolArray | None = None) -> Worth:
    """Precision, recall and lift of each contestant's lists, and how ours differs from the others.

    Args:
        answers: of all contestants.
        lists: (n,) rows on each contestant's lists.
        drawn: (1 + resamples, households) of `training.resample.draws`.
        rows: (n,) the rows that count; all by default.
    """
    counted = np.ones(len(answers), dtype=bool) if rows is None else rows

    def sums(values: FloatArray | BoolArray) -> FloatArray:
        return drawn @ np.bincount(answers.household, weights=values * counted, minlength=drawn.shape[1])

    falls, everybody = sums(answers.y), sums(np.ones(len(answers)))
    found: dict[tuple[str, str], FloatArray] = {}
    for model, chosen in lists.items():
        hits, visited = sums(answers.y * chosen), sums(chosen)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = hits / visited
            found |= {(model, "precision"): precision, (model, "recall"): hits / falls, (model, "lift"): precision / (falls / everybody)}
    metrics = [{"model": model, "metric": metric, **summary(sample)} for (model, metric), sample in found.items()]
    paired = [
        {"baseline": model, "metric": metric, **summary(found[OURS, metric] - sample), "better": 1}
        for (model, metric), sample in found.items()
        if model != OURS
    ]
    visits = int((lists[OURS] & counted).sum()) if OURS in lists else 0
    return Worth(metrics, paired, visits, int((answers.y * counted).sum()))


def lead_time(answers: Answers, chosen: BoolArray) -> dict[str, Any]:
    """How many months before the register itself showed it a fall was on the list.

    Args:
        answers: of an origin's own day.
        chosen: (n,) rows on the lists.

    Returns:
        {found, shown, lower, median, upper, half_a_year}: falls on the list; of how many of them the register later showed the household
        under the line; quartiles of the months; share of these that were listed at least six months before.
    """
    hits = chosen & (answers.y > 0) & answers.fresh
    months = answers.lead[hits]
    shown = months[~np.isnan(months)]
    if not len(shown):
        return {"found": int(hits.sum()), "shown": 0, "lower": None, "median": None, "upper": None, "half_a_year": None}
    lower, median, upper = np.quantile(shown, (0.25, 0.5, 0.75))
    return {
        "found": int(hits.sum()),
        "shown": len(shown),
        "lower": float(lower),
        "median": float(median),
        "upper": float(upper),
        "half_a_year": float((shown >= 6).mean()),
    }


def curve(answers: Answers, drawn: FloatArray, capacities: Sequence[int] = CURVE) -> list[dict[str, Any]]:
    """Precision and recall of every contestant at one capacity after another: rows {per_town, model, metric, value, low, high}."""
    out = []
    fresh = answers.fresh
    for per_town in capacities:
        lists = {model: listed(answers, model, per_town) for model in answers.contestants}
        out += [{"per_town": per_town, **row} for row in worth(answers, lists, drawn, fresh).metrics if row["metric"] != "lift"]
    return out
