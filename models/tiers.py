"""Red, orange, yellow: cut-offs fixed when the model was calibrated, never a quota on the day of scoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.register import Array, FloatArray

TIERS = ("none", "yellow", "orange", "red")
"""Words for the tiers, from none to the highest."""

TIER_ZH = {"none": "无", "yellow": "黄", "orange": "橙", "red": "红"}

TOP_SHARES = (0.01, 0.05, 0.10)
"""Of the calibration households, those that would be red; red or orange; red, orange or yellow."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which probability a household is red, orange, yellow.

    Isotonic calibration gives many households the same probability; among those the margin decides.

    Attributes:
        red, orange, yellow: probabilities, falling in this order. Yellow is the operating threshold of the candidates.
        red_margin, orange_margin, yellow_margin: the margins behind them.
    """

    red: float
    orange: float
    yellow: float
    red_margin: float
    orange_margin: float
    yellow_margin: float

    def __post_init__(self) -> None:
        if not 1 >= self.red >= self.orange >= self.yellow >= 0:
            raise ValueError("thresholds must fall from red over orange to yellow, between 1 and 0")
        if not np.inf > self.red_margin >= self.orange_margin >= self.yellow_margin > -np.inf:
            raise ValueError("margin thresholds must be finite and fall from red over orange to yellow")

    @classmethod
    def of(cls, margin: FloatArray, probability: FloatArray, shares: tuple[float, float, float] = TOP_SHARES) -> Thresholds:
        """Cut-offs at the top shares of the calibration households.

        Args:
            margin: (n,) summed margins, n > 0.
            probability: (n,) calibrated, rising with the margin.
            shares: top shares of red, of red and orange, of red to yellow.
        """
        order = np.argsort(-margin, kind="stable")
        at = [order[min(len(margin), max(1, round(share * len(margin)))) - 1] for share in shares]
        red, orange, yellow = (float(probability[i]) for i in at)
        red_margin, orange_margin, yellow_margin = (float(margin[i]) for i in at)
        return cls(red, orange, yellow, red_margin, orange_margin, yellow_margin)

    def level(self, margin: FloatArray, probability: FloatArray) -> Array:
        """(n,) index into `TIERS`; 0 where the probability is NaN."""
        cuts = np.array([self.yellow, self.orange, self.red])
        passed = np.searchsorted(cuts, probability, side="left")  # cut-offs under the probability
        reached = np.searchsorted(cuts, probability, side="right")  # and those equal to it: there the margin decides
        by_margin = np.searchsorted([self.yellow_margin, self.orange_margin, self.red_margin], margin, side="right")
        level = np.maximum(passed, np.minimum(reached, by_margin))
        return np.where(np.isnan(probability), 0, level)

    def to_json(self) -> dict[str, Any]:
        """The cut-offs as plain numbers."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, spec: Mapping[str, Any]) -> Thresholds:
        """What `to_json` wrote. Raises ValueError, TypeError or KeyError where it is not one."""
        return cls(**{name: float(spec[name]) for name in cls.__slots__})
