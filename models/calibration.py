"""From a model's margin to a probability that holds in the open, with the band in which it may lie.

Fitting is training's business; here the fitted curve is applied with numpy alone.
Curves apply to the summed margin, never to a probability.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.register import FloatArray


@dataclass(frozen=True)
class Sigmoid:
    """Probability = 1 / (1 + exp(-(a·margin + b))).

    >>> float(Sigmoid(a=1.0, b=0.0).probability(np.array([0.0]))[0])
    0.5
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.a) and np.isfinite(self.b) and self.a >= 0):
            raise ValueError("a sigmoid needs finite a >= 0 and finite b")

    def probability(self, margin: FloatArray) -> FloatArray:
        """(n,) probabilities, rising with the margin."""
        x = self.a * margin + self.b
        small = np.exp(-np.abs(x))  # never overflows
        return np.asarray(np.where(x >= 0, 1.0, small) / (1.0 + small))

    def to_json(self) -> dict[str, Any]:
        """The curve as plain numbers."""
        return {"kind": "sigmoid", "a": self.a, "b": self.b}


@dataclass(frozen=True)
class Isotonic:
    """Probability read off a rising line between knots, flat beyond both ends.

    >>> Isotonic(np.array([-1.0, 1.0]), np.array([0.0, 0.5])).probability(np.array([-2.0, 0.0, 9.0])).tolist()
    [0.0, 0.25, 0.5]
    """

    x: FloatArray
    y: FloatArray

    def __post_init__(self) -> None:
        _check_knots(self.x, self.y)

    def probability(self, margin: FloatArray) -> FloatArray:
        """(n,) probabilities, never falling as the margin rises."""
        return _read_off(margin, self.x, self.y)[0]

    def to_json(self) -> dict[str, Any]:
        """The curve as plain numbers."""
        return {"kind": "isotonic", "x": self.x.tolist(), "y": self.y.tolist()}


@dataclass(frozen=True)
class Interval:
    """The band around the curve: how low and how high the probability may be at each margin knot."""

    x: FloatArray
    low: FloatArray
    high: FloatArray

    def __post_init__(self) -> None:
        _check_knots(self.x, self.low)
        _check_knots(self.x, self.high)
        if (self.low > self.high).any():
            raise ValueError("the lower band may not lie above the upper one")

    def to_json(self) -> dict[str, Any]:
        """The band as plain numbers."""
        return {"x": self.x.tolist(), "low": self.low.tolist(), "high": self.high.tolist()}


@dataclass(frozen=True)
class Calibration:
    """The curve and its band."""

    curve: Sigmoid | Isotonic
    interval: Interval | None = None

    def probability(self, margin: FloatArray) -> FloatArray:
        """(n,) probabilities of (n,) summed margins."""
        return self.curve.probability(margin)

    def bounds(self, margin: FloatArray, probability: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(low, high) around the probabilities: low <= probability <= high always; NaN without a fitted band."""
        if self.interval is None:
            nothing = np.full(len(margin), np.nan)
            return nothing, nothing
        low, high = _read_off(margin, self.interval.x, self.interval.low, self.interval.high)
        return np.minimum(low, probability), np.maximum(high, probability)

    def to_json(self) -> dict[str, Any]:
        """Curve and band as plain numbers."""
        return {"curve": self.curve.to_json(), "interval": self.interval.to_json() if self.interval else None}

    @classmethod
    def from_json(cls, spec: Mapping[str, Any]) -> Calibration:
        """What `to_json` wrote. Raises ValueError, TypeError or KeyError where it is not one."""
        curve, band = spec["curve"], spec["interval"]
        if curve["kind"] not in ("sigmoid", "isotonic"):
            raise ValueError(f"unknown curve {curve['kind']!r}; known are sigmoid and isotonic")
        interval = None if band is None else Interval(_numbers(band["x"]), _numbers(band["low"]), _numbers(band["high"]))
        if curve["kind"] == "sigmoid":
            return cls(Sigmoid(float(curve["a"]), float(curve["b"])), interval)
        return cls(Isotonic(_numbers(curve["x"]), _numbers(curve["y"])), interval)


def _numbers(values: Any) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


def _check_knots(x: FloatArray, y: FloatArray) -> None:
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ValueError("knots must be two lists of one length")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("knots must be finite")
    if (np.diff(x) <= 0).any() or (np.diff(y) < 0).any():
        raise ValueError("knots must rise")
    if y[0] < 0 or y[-1] > 1:
        raise ValueError("probabilities lie between 0 and 1")


def _read_off(margin: FloatArray, x: FloatArray, *curves: FloatArray) -> list[FloatArray]:
    """Each curve's height above the margins: straight between knots, flat beyond both ends, never falling to the last bit."""
    if len(x) == 1:
        return [np.where(np.isnan(margin), np.nan, y[0]) for y in curves]
    at = np.minimum(np.maximum(np.searchsorted(x, margin, side="right") - 1, 0), len(x) - 2)
    after = at + 1
    start, end = x[at], x[after]
    part = (np.minimum(np.maximum(margin, start), end) - start) / (end - start)
    out = []
    for y in curves:
        low, high = y[at], y[after]
        out.append(np.minimum(low + part * (high - low), high))
    return out
