"""Why a household is where it is: exact contributions, grouped by the national risk words, with the facts behind them.

Contributions are told relative to the mean of the reference households, in margin units: those of all causes and the
bundle's base margin add up to the household's margin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from features.build import FeatureFrame
from features.catalog import CAUSES
from models.bundle import Bundle
from models.scorer import Scores

FACTS_PER_CAUSE = 3


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing on record behind a reason; `value` is None where it is not known."""

    feature: str
    zh: str
    value: float | None
    unit: str
    contribution: float


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason: its risk word, how much it raises (or lowers) the margin, and the facts that say most."""

    cause: str
    zh: str
    contribution: float
    facts: tuple[Fact, ...]

    def to_json(self) -> dict[str, Any]:
        """The reason as plain values."""
        return {
            "cause": self.cause,
            "zh": self.zh,
            "contribution": self.contribution,
            "facts": [asdict(fact) for fact in self.facts],
        }


def explain(
    bundle: Bundle,
    frame: FeatureFrame,
    scores: Scores,
    rows: Sequence[int] | np.ndarray,
    threads: int = 1,
    *,
    facts_per_cause: int = FACTS_PER_CAUSE,
) -> list[list[Cause]]:
    """The reasons of some households, what raises their risk most first.

    Args:
        bundle: the model that scored them.
        frame: their features.
        scores: their scores, aligned with the frame.
        rows: which rows of the frame to explain.
        threads: for many rows.
        facts_per_cause: facts told of each cause, those that say most.

    Returns:
        for each row its causes, every cause that any feature speaks for; empty where there was not enough data. The
        contributions of all causes sum to margin - base_margin.
    """
    rows = np.asarray(rows, dtype=np.int64)
    X = frame.values[rows].take(bundle.columns_in(frame.names), axis=1)
    parts = bundle.contributions(X, threads)
    groups: dict[str, list[int]] = {cause: [] for cause in CAUSES}
    for j, feature in enumerate(bundle.declared):
        groups[feature.cause].append(j)
    spoken = {cause: np.array(members) for cause, members in groups.items() if members}
    sums = {cause: np.add.reduce(parts[:, members], axis=1) for cause, members in spoken.items()}
    known = ~np.isnan(scores.margin[rows])
    out: list[list[Cause]] = []
    for i in range(len(rows)):
        if not known[i]:
            out.append([])
            continue
        reasons = [
            Cause(cause, CAUSES[cause], float(sums[cause][i]), _facts(bundle, X[i], parts[i], members, facts_per_cause))
            for cause, members in spoken.items()
        ]
        reasons.sort(key=lambda reason: -reason.contribution)
        out.append(reasons)
    return out


def _facts(bundle: Bundle, x: np.ndarray, part: np.ndarray, members: np.ndarray, most: int) -> tuple[Fact, ...]:
    """The features of one cause that say most of one household, either way."""
    order = members[np.argsort(-np.abs(part[members]), kind="stable")[:most]]
    return tuple(
        Fact(
            feature=bundle.features[j],
            zh=bundle.declared[j].zh,
            value=None if np.isnan(x[j]) else float(x[j]),
            unit=bundle.declared[j].unit,
            contribution=float(part[j]),
        )
        for j in order.tolist()
    )
