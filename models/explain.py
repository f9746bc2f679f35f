"""Why a household is where it is: exact contributions, grouped by the national risk words, with the facts behind them.

Contributions are told relative to the mean of the reference households, in margin units: those of all causes and the
bundle's base margin add up to the household's margin.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from features.build import FeatureFrame
from features.catalog import CAUSES
from features.register import Array
from models.bundle import Bundle
from models.scorer import Scores

MOST_CAUSES = 3
"""So many reasons call for a visit; the facts on record are told of these."""
FACTS_PER_CAUSE = 3
CHUNK_ROWS = 8192


class Fact(NamedTuple):
    """One thing on record behind a reason; `value` is None where it is not known."""

    feature: str
    zh: str
    value: float | None
    unit: str
    contribution: float


class Cause(NamedTuple):
    """One reason: its risk word, how much it raises (or lowers) the margin, and, if it is a main one, the facts that say most."""

    cause: str
    zh: str
    contribution: float
    facts: tuple[Fact, ...]

    def to_json(self) -> dict[str, Any]:
        """The reason as plain values."""
        return {**self._asdict(), "facts": [fact._asdict() for fact in self.facts]}


def explain(
    bundle: Bundle,
    frame: FeatureFrame,
    scores: Scores,
    rows: Sequence[int] | Array,
    threads: int = 1,
    *,
    most: int = MOST_CAUSES,
    facts_per_cause: int = FACTS_PER_CAUSE,
) -> list[list[Cause]]:
    """The reasons of some households, what raises their risk most first.

    Args:
        bundle: the model that scored them.
        frame: their features.
        scores: their scores, aligned with the frame.
        rows: which rows of the frame to explain.
        threads: for many rows.
        most: causes whose facts are told: so many of those that raise the risk.
        facts_per_cause: facts told of each of these, those that say most either way.

    Returns:
        for each row its causes, every cause that any feature speaks for; empty where there was not enough data. The
        contributions of all causes sum to margin - base_margin.
    """
    rows = np.asarray(rows, dtype=np.int64)
    columns = bundle.columns_in(frame.names)
    out: list[list[Cause]] = []
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = rows[start : start + CHUNK_ROWS]
        X = frame.values[chunk].take(columns, axis=1)
        parts = bundle.contributions(X, threads)
        known = (~np.isnan(scores.margin[chunk])).tolist()
        for x, part, there in zip(X.tolist(), parts.tolist(), known, strict=True):
            out.append(_causes(bundle, x, part, most, facts_per_cause) if there else [])
    return out


def _causes(bundle: Bundle, x: list[float], part: list[float], most: int, facts_per_cause: int) -> list[Cause]:
    """The reasons of one household; plain Python is faster here than numpy, for one household and for many."""
    reasons = [(sum([part[j] for j in members]), cause, members) for cause, members in bundle.speakers]
    reasons.sort(key=_raises, reverse=True)
    told = []
    for place, (contribution, cause, members) in enumerate(reasons):
        facts = _facts(bundle, x, part, members, facts_per_cause) if place < most and contribution > 0 else ()
        told.append(Cause(cause, CAUSES[cause], contribution, facts))
    return told


def _raises(reason: tuple[float, str, tuple[int, ...]]) -> float:
    return reason[0]


def _facts(bundle: Bundle, x: list[float], part: list[float], members: tuple[int, ...], most: int) -> tuple[Fact, ...]:
    """The facts that say most of one reason."""
    declared = bundle.declared
    first = sorted(members, key=lambda j: abs(part[j]), reverse=True)[:most]
    return tuple(Fact(declared[j].name, declared[j].zh, None if isnan(x[j]) else x[j], declared[j].unit, part[j]) for j in first)
