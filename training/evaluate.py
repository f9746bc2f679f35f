"""How good a ranking is and how true its probabilities are, with intervals by household.

All figures of all models come from the same resamples of households, so that two models can be compared pair by pair. A household that is
seen at several dates is drawn or left out as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.register import Array, BoolArray, FloatArray
from training.calibrate import sigmoid
from training.resample import RESAMPLES, weightings

INTERVAL = (0.025, 0.975)
SMALL_EVENTS = 20  # fewer events say nothing of a group
TOP_SHARE = 0.10


@dataclass(frozen=True, slots=True)
class Prediction:
    """One model's answer for the rows that are judged.

    Attributes:
        model: its name.
        rank: (n,) larger is riskier; what the list is sorted by.
        probability: (n,) what it claims.
    """

    model: str
    rank: FloatArray
    probability: FloatArray


class Ranked:
    """Rows of one model sorted once, riskiest first, ties together; every metric for many weightings of the rows at once."""

    def __init__(self, y: FloatArray, prediction: Prediction) -> None:
        self.order = np.argsort(-prediction.rank, kind="stable")
        ranked = prediction.rank[self.order]
        self.starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
        self.y = y[self.order]
        self.p = prediction.probability[self.order]
        # deciles of the claimed probability, fixed before resampling
        place = np.argsort(np.argsort(self.p, kind="stable"), kind="stable")
        self.decile = (place * 10 // max(len(y), 1)).astype(np.int64)

    def metrics(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Each metric, (resamples,), for weights (resamples, n) in the rows' own order."""
        w = weights[:, self.order]
        hits = np.add.reduceat(w * self.y, self.starts, axis=1)
        misses = np.add.reduceat(w * (1 - self.y), self.starts, axis=1)
        up_to_hits, up_to_misses = np.cumsum(hits, axis=1), np.cumsum(misses, axis=1)
        positives, negatives = up_to_hits[:, -1], up_to_misses[:, -1]
        total = positives + negatives
        seen = up_to_hits + up_to_misses
        with np.errstate(invalid="ignore", divide="ignore"):
            auc = 1 - (hits * (up_to_misses - misses / 2)).sum(axis=1) / (positives * negatives)
            auc = np.where(positives * negatives > 0, auc, np.nan)
            precision = np.where(seen > 0, up_to_hits / np.where(seen > 0, seen, 1), 0.0)
            average = (precision * hits).sum(axis=1) / positives
            # hits among the first tenth; a tie that straddles the border counts in proportion
            border = (TOP_SHARE * total)[:, None]
            inside = np.clip((border - (seen - hits - misses)) / np.where(hits + misses > 0, hits + misses, 1), 0, 1)
            top = (hits * inside).sum(axis=1)
            brier = (w * (self.p - self.y) ** 2).sum(axis=1) / total
            claimed, found = self.by_decile(w * self.p), self.by_decile(w * self.y)
            ece = np.abs(claimed - found).sum(axis=1) / total
            ratio = positives / (w * self.p).sum(axis=1)
            return {
                "auc": auc,
                "ap": average,
                "precision_at_10": top / border[:, 0],
                "recall_at_10": top / positives,
                "brier": brier,
                "ece": ece,
                "observed_expected": ratio,
            }

    def by_decile(self, values: FloatArray) -> FloatArray:
        """(k, 10) sums of (k, rows) values over the deciles of the claimed probability."""
        return np.stack([values[:, self.decile == k].sum(axis=1) for k in range(10)], axis=1)


def rank_auc(y: FloatArray, rank: FloatArray) -> float:
    """AUC of a ranking, ties counted half; NaN where everybody or nobody was hit."""
    return float(Ranked(y, Prediction("", rank, rank)).metrics(np.ones((1, len(y))))["auc"][0])


# In which direction a metric is better; observed/expected and slope are better the nearer they are to 1.
BETTER = {"auc": 1, "ap": 1, "precision_at_10": 1, "recall_at_10": 1, "brier": -1, "ece": -1, "observed_expected": 0}


def judge(
    y: FloatArray,
    household: Array,
    predictions: Sequence[Prediction],
    segments: Mapping[str, BoolArray],
    *,
    ours: str = "ours",
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every metric of every model in every segment, and how `ours` differs from each other model.

    Args:
        y: (n,) outcomes 0 or 1.
        household: (n,) which household each row is; resampled whole.
        predictions: one a model.
        segments: name → rows.
        ours: the model the others are baselines of.
        resamples: how many resamples stand behind an interval (95 %).
        seed: of the resampling.
        progress: called with each segment's name when it is done.

    Returns:
        rows {model, segment, metric, value, low, high, n, events} and rows {baseline, segment, metric, value, low, high, better},
        value = ours − baseline; for observed_expected the difference of the distances from 1. `better` is +1 where a larger difference is
        better for ours, -1 where a smaller one is.
    """
    metrics: list[dict[str, Any]] = []
    paired: list[dict[str, Any]] = []
    for segment, rows in segments.items():
        target, who = y[rows], household[rows]
        n, events = int(rows.sum()), int(target.sum())
        blocks = weightings(who, resamples, seed)
        found: dict[str, dict[str, FloatArray]] = {}
        for prediction in predictions:
            chosen = Prediction(prediction.model, prediction.rank[rows], prediction.probability[rows])
            if not n:
                continue
            ranked = Ranked(target, chosen)
            parts = [ranked.metrics(block) for block in blocks]
            found[prediction.model] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for model, values in found.items():
            for name, sample in values.items():
                metrics.append({"model": model, "segment": segment, "metric": name, **summary(sample), "n": n, "events": events})
        for model, values in found.items():
            if model == ours or ours not in found:
                continue
            for name, sample in values.items():
                mine = found[ours][name]
                gap = np.abs(mine - 1) - np.abs(sample - 1) if BETTER[name] == 0 else mine - sample
                paired.append({"baseline": model, "segment": segment, "metric": name, **summary(gap), "better": BETTER[name] or -1})
        progress(segment)
    return metrics, paired


def summary(sample: FloatArray) -> dict[str, float | None]:
    """The sample's own value and the interval of its resamples; None where it cannot be computed."""
    drawn = sample[1:][~np.isnan(sample[1:])]
    low, high = np.quantile(drawn, INTERVAL) if len(drawn) else (np.nan, np.nan)
    return {key: None if np.isnan(value) else float(value) for key, value in (("value", sample[0]), ("low", low), ("high", high))}


def calibration(
    y: FloatArray, probability: FloatArray, household: Array, *, resamples: int = RESAMPLES, seed: int = 0
) -> list[dict[str, Any]]:
    """Whether probabilities come true: observed/expected, slope, ECE, and the ECE that a perfect model would show by chance.

    Args:
        y: (n,) outcomes.
        probability: (n,) claims, inside (0, 1).
        household: (n,) resampled whole.
        resamples: behind each interval.
        seed: of the resampling.
    """
    logit = np.log(np.clip(probability, 1e-9, 1 - 1e-9) / np.clip(1 - probability, 1e-9, 1))
    blocks = weightings(household, resamples, seed)
    ranked = Ranked(y, Prediction("", probability, probability))
    parts = [ranked.metrics(block) for block in blocks]
    rows = [{"metric": name, **summary(np.concatenate([part[name] for part in parts]))} for name in ("observed_expected", "ece")]
    own = sigmoid(logit, y, blocks[0])
    start = (float(own[0][0]), float(own[1][0]))
    slopes = [own[0], *(sigmoid(logit, y, block, start)[0] for block in blocks[1:])]
    rows.insert(1, {"metric": "slope", **summary(np.concatenate(slopes))})
    draw = np.random.default_rng(seed + 1)
    simulated = (draw.random((100, len(y))) < ranked.p).astype(np.float64)  # what a perfect model would meet
    chance = np.abs(ranked.by_decile(simulated - ranked.p)).sum(axis=1) / len(y)
    low, high = np.quantile(chance, INTERVAL)
    rows.append({"metric": "ece_by_chance", "value": float(np.mean(chance)), "low": float(low), "high": float(high)})
    return rows


def groups(
    y: FloatArray, prediction: Prediction, household: Array, named: Mapping[str, BoolArray], *, resamples: int = RESAMPLES, seed: int = 0
) -> list[dict[str, Any]]:
    """Observed/expected and AUC by group of households, and which groups are too small to judge."""
    out = []
    for name, rows in named.items():
        events = int(y[rows].sum())
        row: dict[str, Any] = {"group": name, "n": int(rows.sum()), "events": events, "small": events < SMALL_EVENTS}
        if not row["small"]:
            ranked = Ranked(y[rows], Prediction("", prediction.rank[rows], prediction.probability[rows]))
            parts = [ranked.metrics(block) for block in weightings(household[rows], resamples, seed)]
            ratio = summary(np.concatenate([part["observed_expected"] for part in parts]))
            row |= {"observed_expected": ratio["value"], "low": ratio["low"], "high": ratio["high"]}
            row["auc"] = summary(np.concatenate([part["auc"] for part in parts]))["value"]
        out.append(row)
    return out
