"""Which way of choosing a model would have served best: how much each choice regretted, one origin later.

A rule looks at how the contestants did so far, picks one, and is judged by how far that one falls behind the best of the next origin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from features.register import FloatArray

Rule = Callable[[FloatArray], int]
"""From (contestants, origins so far) of a metric, larger is better, to the contestant that it picks."""


def _lowest_regret(seen: FloatArray) -> int:
    return int(np.argmin((np.nanmax(seen, axis=0) - seen).mean(axis=1)))


RULES: Mapping[str, tuple[str, Rule]] = {
    "best_now": ("上一时点最好 best at the last origin", lambda seen: int(np.argmax(seen[:, -1]))),
    "best_mean": ("历次平均最好 best on average so far", lambda seen: int(np.argmax(seen.mean(axis=1)))),
    "steadiest": ("最差一次最好 best in its worst year", lambda seen: int(np.argmax(seen.min(axis=1)))),
    "lowest_regret": ("历次平均遗憾最小 lowest mean regret so far", _lowest_regret),
    "best_recent": ("近三次平均最好 best on average over three", lambda seen: int(np.argmax(seen[:, -3:].mean(axis=1)))),
}


@dataclass(frozen=True, slots=True)
class Audition:
    """What each rule would have picked and regretted.

    Attributes:
        contestants: names, in the order of the metric's rows.
        regret: (contestants, origins) how far each fell behind the best of the origin.
        picked: contestant of each rule at each origin but the first.
        next_regret: mean regret of each rule at the origin after its choice.
    """

    contestants: tuple[str, ...]
    regret: FloatArray
    picked: Mapping[str, tuple[str, ...]]
    next_regret: Mapping[str, float]

    @property
    def rule(self) -> str:
        """The rule that regretted least; of equals the first."""
        return min(self.next_regret, key=lambda name: self.next_regret[name])


def audition(values: Mapping[str, FloatArray]) -> Audition:
    """Plays every rule over the origins.

    Args:
        values: by contestant, (origins,) of a metric of which more is better; at least two origins.

    >>> played = audition({"a": np.array([0.9, 0.1, 0.1]), "b": np.array([0.5, 0.6, 0.6])})
    >>> played.picked["best_now"], played.picked["steadiest"]
    (('a', 'b'), ('a', 'b'))
    >>> round(played.next_regret["best_now"], 2)
    0.25
    """
    names = tuple(values)
    table = np.stack([values[name] for name in names])
    if table.shape[1] < 2:
        raise ValueError("an audition needs at least two origins")
    regret = table.max(axis=0) - table
    picked: dict[str, tuple[str, ...]] = {}
    after: dict[str, float] = {}
    for name, (_, rule) in RULES.items():
        choices = [rule(table[:, :origin]) for origin in range(1, table.shape[1])]
        picked[name] = tuple(names[choice] for choice in choices)
        after[name] = float(np.mean([regret[choice, origin] for origin, choice in enumerate(choices, start=1)]))
    return Audition(names, regret, picked, after)
