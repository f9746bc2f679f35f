"""Two models side by side on the same households: whom each would list, who comes and who goes, and because of what.

Any past day can be asked for, since the register knows what was known on it: so a challenger's record in the shadow of the champion is made
again at any time, and nothing has to be stored for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.build import FeatureFrame
from features.register import Array, BoolArray, FloatArray
from models.bundle import Bundle
from models.scorer import Scores, score
from training.county import towns
from training.dataset import History

_Scored = tuple[FeatureFrame, Scores]


@dataclass(frozen=True, slots=True)
class Change:
    """One household that is on one list and not on the other.

    Attributes:
        household_id: pseudonym.
        town: 9-digit code.
        entered: on the second list, not on the first.
        before, after: probability by either; NaN under the line or without a score.
        states: of the household before and after: scored, below_line, insufficient_data, or "" where it was not known yet.
    """

    household_id: str
    town: str
    entered: bool
    before: float
    after: float
    states: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Diff:
    """How one list became another.

    Attributes:
        because: data, model or rule.
        before, after: households listed.
        both: on both lists.
        changes: who came and who went, the surest first.
        by_town: {town: (came, went)}.
    """

    because: str
    before: int
    after: int
    both: int
    changes: tuple[Change, ...]
    by_town: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Shadow:
    """A challenger beside the champion on one day.

    Attributes:
        as_of: the day.
        diff: the champion's list against the challenger's.
        agreement: rank correlation of the scores of households that both score.
        expected: falls that each expects among those that it scores.
    """

    as_of: dt.date
    diff: Diff
    agreement: float
    expected: tuple[float, float]


def shadow(history: History, champion: Bundle, challenger: Bundle, as_of: dt.date) -> Shadow:
    """Both models on the same households of one day."""
    frame = history.frame(as_of)
    first, second = score(champion, frame), score(challenger, frame)
    both = ~np.isnan(first.probability) & ~np.isnan(second.probability)
    agreement = float(np.corrcoef(_place(first.margin[both]), _place(second.margin[both]))[0, 1]) if both.sum() > 1 else float("nan")
    expected = (float(np.nansum(first.probability)), float(np.nansum(second.probability)))
    return Shadow(as_of, _diff("model", history, (frame, first), (frame, second)), agreement, expected)


def diffs(
    history: History, champion: Bundle, challenger: Bundle, *, before: dt.date, now: dt.date, old_rules: History | None = None
) -> list[Diff]:
    """How the last list would become the next one, step by step: new rules, then new data, then the new model.

    Args:
        history: the facts, under the rules of now.
        champion: made the last list.
        challenger: would make the next.
        before: the day of the last list.
        now: the day of the next.
        old_rules: the same facts under the rules that the last list was made by; the same rules by default.
    """
    then, today = history.frame(before), history.frame(now)
    steps = [("data", (then, score(champion, then)), (today, score(champion, today)))]
    if old_rules:
        ruled = old_rules.frame(before)
        steps.insert(0, ("rule", (ruled, score(champion, ruled)), steps[0][1]))
    steps.append(("model", steps[-1][2], (today, score(challenger, today))))
    return [_diff(because, history, first, second) for because, first, second in steps]


def listed(scores: Scores) -> BoolArray:
    """(n,) households that a worker would be shown: in a tier, or under the line."""
    return np.asarray(scores.tier != "none")


def _place(values: FloatArray) -> Array:
    return np.argsort(np.argsort(values, kind="stable"), kind="stable")


def _diff(because: str, history: History, first: _Scored, second: _Scored) -> Diff:
    """Over all households of either day; one that is unknown on a day is not on its list."""
    register = history.register
    size = len(register.household_id)
    on, p, village = np.zeros((2, size), dtype=bool), np.full((2, size), np.nan), np.full(size, -1)
    state = np.full((2, size), "", dtype=object)
    for side, (frame, scores) in enumerate((first, second)):
        on[side, frame.position] = listed(scores)
        p[side, frame.position] = scores.probability
        state[side, frame.position] = scores.state
        village[frame.position] = frame.facts.village
    codes = np.array([*towns(register), ""])  # the last stands for a village that is not known
    changed = np.flatnonzero(on[0] != on[1])
    changed = changed[np.argsort(-np.nan_to_num(np.abs(p[1] - p[0])[changed], nan=1.0), kind="stable")]
    changes = tuple(
        Change(
            register.household_id[i],
            str(codes[village[i]]),
            bool(on[1, i]),
            float(p[0, i]),
            float(p[1, i]),
            (str(state[0, i]), str(state[1, i])),
        )
        for i in changed.tolist()
    )
    by_town = {
        town: (sum(c.entered for c in changes if c.town == town), sum(not c.entered for c in changes if c.town == town))
        for town in sorted({change.town for change in changes})
    }
    return Diff(because, int(on[0].sum()), int(on[1].sum()), int((on[0] & on[1]).sum()), changes, by_town)


def as_json(diff: Diff) -> dict[str, Any]:
    """The difference as plain values."""
    return {
        "because": diff.because,
        "before": diff.before,
        "after": diff.after,
        "both": diff.both,
        "came": sum(change.entered for change in diff.changes),
        "went": sum(not change.entered for change in diff.changes),
        "by_town": {town: list(pair) for town, pair in diff.by_town.items()},
    }
