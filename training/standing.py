"""How each contestant stands over all origins: ranking, level and slope of its claims, and how fast it grows old.

A figure over several origins is the mean of the figures at each, so that no year outweighs another. All come from the same resamples of
households.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from features.register import BoolArray, FloatArray
from training.calibrate import sigmoid
from training.capacity import listed
from training.contestants import OURS
from training.evaluate import BETTER, Prediction, Ranked, summary
from training.labels import shift
from training.resample import BLOCK
from training.rolling import EVALUATIONS_ZH, Answers

METRICS = ("auc", "ap", "brier", "ece", "observed_expected")
ALL = "all"
SLOPE_BINS = 400


def segments(answers: Answers) -> dict[str, BoolArray]:
    """(n,) rows of each evaluation, all of them on the origin's own day."""
    fresh = answers.fresh
    named = {ALL: fresh} | {zh: fresh & (answers.seen == seen) for seen, zh in EVALUATIONS_ZH.items()}
    return named | {"边缘带 edge band": fresh & answers.edge, "期内未受帮扶 not helped": fresh & ~answers.helped}


def standing(answers: Answers, drawn: FloatArray) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every metric of every contestant, by evaluation over all origins and for all households at each origin.

    Args:
        answers: of all contestants.
        drawn: (1 + resamples, households) of `training.resample.draws`.

    Returns:
        rows {model, segment, origin, metric, value, low, high, n, events}, origin "" for the mean of all; rows {baseline, segment, origin,
        metric, value, low, high, better}: ours minus the baseline, for observed/expected the difference of the distances from 1.
    """
    metrics: list[dict[str, Any]] = []
    paired: list[dict[str, Any]] = []
    for segment, rows in segments(answers).items():
        by_origin: list[tuple[str, dict[str, dict[str, FloatArray]], int, int]] = []
        for number, split in enumerate(answers.origins):
            chosen = rows & (answers.origin == number)
            events = int(answers.y[chosen].sum())
            if 0 < events < chosen.sum():
                by_origin.append((split.test.isoformat(), _samples(answers, chosen, drawn), int(chosen.sum()), events))
        if not by_origin:
            continue
        pooled = {
            model: {metric: np.mean([found[model][metric] for _, found, _, _ in by_origin], axis=0) for metric in METRICS}
            for model in answers.contestants
        }
        told = [("", pooled, sum(n for *_, n, _ in by_origin), sum(events for *_, events in by_origin))]
        for origin, found, n, events in told + (by_origin if segment == ALL else []):
            about = {"segment": segment, "origin": origin}
            for model, samples in found.items():
                metrics += [
                    {"model": model, **about, "metric": metric, **summary(sample), "n": n, "events": events}
                    for metric, sample in samples.items()
                ]
                paired += [] if model == OURS else _differences(model, found[OURS], samples, about)
    return metrics, paired


def _samples(answers: Answers, rows: BoolArray, drawn: FloatArray) -> dict[str, dict[str, FloatArray]]:
    """Of each contestant each metric's sample (1 + resamples,) over some rows of one day."""
    y, household = answers.y[rows], answers.household[rows]
    ranked = {m: Ranked(y, Prediction(m, answers.rank[m][rows], answers.probability[m][rows])) for m in answers.contestants}
    parts: dict[str, list[dict[str, FloatArray]]] = {model: [] for model in ranked}
    for start in range(0, len(drawn), BLOCK):
        weights = drawn[start : start + BLOCK][:, household]
        for model, one in ranked.items():
            parts[model].append(one.metrics(weights))
    return {model: {name: np.concatenate([part[name] for part in found]) for name in METRICS} for model, found in parts.items()}


def _differences(
    baseline: str, ours: Mapping[str, FloatArray], theirs: Mapping[str, FloatArray], about: Mapping[str, str]
) -> list[dict[str, Any]]:
    out = []
    for metric, sample in theirs.items():
        mine = ours[metric]
        gap = np.abs(mine - 1) - np.abs(sample - 1) if BETTER[metric] == 0 else mine - sample
        out.append({"baseline": baseline, **about, "metric": metric, **summary(gap), "better": BETTER[metric] or -1})
    return out


def truth_of_claims(answers: Answers, drawn: FloatArray, model: str = OURS) -> list[dict[str, Any]]:
    """Observed over expected falls and the slope of the claims, at each origin and over all: rows {origin, metric, value, low, high}.

    The slope is taken over claims gathered in narrow bins, which changes it by less than a thousandth and the time a hundredfold.
    """
    rows = answers.fresh
    logit = np.log(answers.probability[model][rows]) - np.log1p(-answers.probability[model][rows])
    household, y, origin = answers.household[rows], answers.y[rows], answers.origin[rows]
    out: list[dict[str, Any]] = []
    numbered = [(split.test.isoformat(), origin == number) for number, split in enumerate(answers.origins)]
    for name, chosen in [("", np.ones(len(y), dtype=bool)), *numbered]:
        if not y[chosen].sum():
            continue
        edges = np.unique(np.quantile(logit[chosen], np.linspace(0, 1, SLOPE_BINS + 1)[1:-1]))
        place = np.searchsorted(edges, logit[chosen])
        size = np.bincount(place, minlength=len(edges) + 1)
        middle = np.bincount(place, weights=logit[chosen], minlength=len(size)) / np.maximum(size, 1)

        def by_bin(values: FloatArray, chosen: BoolArray = chosen, place: Any = place, bins: int = len(size)) -> FloatArray:
            sums = csr_matrix((values, (household[chosen], place)), shape=(drawn.shape[1], bins))
            return np.asarray((sums.T @ drawn.T).T)

        hits, everybody = by_bin(y[chosen]), by_bin(np.ones(int(chosen.sum())))
        claimed = by_bin(answers.probability[model][rows][chosen])
        twice, happened = np.concatenate([middle, middle]), np.repeat([1.0, 0.0], len(size))
        weights = np.concatenate([hits, everybody - hits], axis=1)
        own = sigmoid(twice, happened, weights[:1])
        slopes = np.concatenate([own[0], sigmoid(twice, happened, weights[1:], (float(own[0][0]), float(own[1][0])))[0]])
        ratio = hits.sum(axis=1) / claimed.sum(axis=1)
        out += [{"origin": name, "metric": m, **summary(s)} for m, s in (("observed_expected", ratio), ("slope", slopes))]
    return out


def deciles(answers: Answers, model: str = OURS) -> list[dict[str, float]]:
    """Claimed and observed rate by tenths of the households, from the least to the most at risk, over all origins."""
    rows = answers.fresh
    p, y = answers.probability[model][rows], answers.y[rows]
    parts = np.array_split(np.argsort(p, kind="stable"), 10)
    return [
        {"n": len(part), "events": float(y[part].sum()), "expected": float(p[part].mean()), "observed": float(y[part].mean())}
        for part in parts
    ]


def decay(answers: Answers, drawn: FloatArray, per_town: int, model: str = OURS) -> list[dict[str, Any]]:
    """What a year, two and three cost: an old fit beside the fresh one, of the same days.

    Args:
        answers: of ages 0, 12, 24 … months.
        drawn: (1 + resamples, households).
        per_town: households on a township's list.
        model: whose.

    Returns:
        rows {months, metric, days, old, fresh, value, low, high}: value is old minus fresh.
    """
    chosen = listed(answers, model, per_town)
    first = np.array([split.test for split in answers.origins])
    day_of = {
        (number, age): shift(split.test, age) for number, split in enumerate(answers.origins) for age in np.unique(answers.age).tolist()
    }
    out: list[dict[str, Any]] = []
    for age in (age for age in np.unique(answers.age).tolist() if age):
        pairs = []
        for number in range(len(first)):
            fresh = np.flatnonzero(first == day_of[number, age])
            old_rows = (answers.origin == number) & (answers.age == age)
            if len(fresh) and old_rows.any() and (answers.origin[answers.fresh] == fresh[0]).any():
                pairs.append((old_rows, answers.fresh & (answers.origin == fresh[0])))
        if not pairs:
            continue
        samples: dict[str, list[list[FloatArray]]] = {"auc": [[], []], "precision": [[], []], "observed_expected": [[], []]}
        for pair in pairs:
            for side, rows in enumerate(pair):
                found = _one(answers, rows, drawn, model)
                hits = drawn @ np.bincount(answers.household, weights=answers.y * (chosen & rows), minlength=drawn.shape[1])
                visits = drawn @ np.bincount(answers.household, weights=chosen & rows, minlength=drawn.shape[1])
                samples["auc"][side].append(found["auc"])
                samples["observed_expected"][side].append(found["observed_expected"])
                samples["precision"][side].append(hits / visits)
        for metric, (old, new) in samples.items():
            before, after = np.mean(old, axis=0), np.mean(new, axis=0)
            about = {"months": age, "metric": metric, "days": len(pairs), "old": float(before[0]), "fresh": float(after[0])}
            out.append({**about, **summary(before - after)})
    return out


def _one(answers: Answers, rows: BoolArray, drawn: FloatArray, model: str) -> dict[str, FloatArray]:
    ranked = Ranked(answers.y[rows], Prediction(model, answers.rank[model][rows], answers.probability[model][rows]))
    household = answers.household[rows]
    parts = [ranked.metrics(drawn[start : start + BLOCK][:, household]) for start in range(0, len(drawn), BLOCK)]
    return {name: np.concatenate([part[name] for part in parts]) for name in METRICS}
