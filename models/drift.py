"""Do today's households still look like those that the model was calibrated on?

The reference keeps, of each feature and of the margin, some quantiles (no extremes: those are single households) and
how the households spread over the bins between them. The population stability index of new values against it is
Σ (now - then) · ln(now / then) over the bins, one of them for missing values.
Read it as: under 0.1 alike, 0.1 to 0.25 look, over 0.25 something has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.register import FloatArray

QUANTILES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
BINS = 10


@dataclass(frozen=True)
class Spread:
    """How one quantity was spread over the reference households.

    Attributes:
        quantiles: its values at `QUANTILES`; empty where it never was known.
        edges: inner edges of its bins, rising; equal deciles are taken once.
        shares: of the known values, the share in each bin (len(edges) + 1 of them).
        missing: share of households where it was not known.
        households: how many it was taken over.
    """

    quantiles: tuple[float, ...]
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    missing: float
    households: int

    @classmethod
    def of(cls, values: FloatArray) -> Spread:
        """The spread of (n,) values, NaN = not known."""
        known = values[np.isfinite(values)]
        households = len(values)
        missing = 1.0 - len(known) / households if households else 1.0
        if not len(known):
            return cls((), (), (), missing, households)
        quantiles = np.quantile(known, QUANTILES)
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf"))
        edges = edges[edges < known.max()] if known.max() > known.min() else edges[:0]
        shares = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1) / len(known)
        return cls(tuple(quantiles.tolist()), tuple(edges.tolist()), tuple(shares.tolist()), missing, households)

    def psi(self, values: FloatArray) -> float:
        """Population stability index of (n,) new values against this spread; NaN without values.

        >>> then = Spread.of(np.arange(1000.0))
        >>> bool(then.psi(np.arange(1000.0)) < 0.001), bool(then.psi(np.arange(1000.0) + 500) > 0.25)
        (True, True)
        """
        if not len(values) or not self.households:
            return float("nan")
        known = values[np.isfinite(values)]
        bins = max(1, len(self.shares))
        now = np.r_[np.bincount(np.searchsorted(self.edges, known, side="left"), minlength=bins), len(values) - len(known)]
        then = np.r_[np.array(self.shares or (0.0,)) * (1 - self.missing), self.missing] * self.households
        # Half a household in every bin, so that an empty one does not make the index infinite.
        now_share = (now + 0.5) / (now.sum() + 0.5 * len(now))
        then_share = (then + 0.5) / (then.sum() + 0.5 * len(then))
        return float(np.add.reduce((now_share - then_share) * np.log(now_share / then_share)))

    def to_json(self) -> dict[str, Any]:
        """The spread as plain numbers."""
        return {
            "quantiles": list(self.quantiles),
            "edges": list(self.edges),
            "shares": list(self.shares),
            "missing": self.missing,
            "households": self.households,
        }

    @classmethod
    def from_json(cls, spec: Mapping[str, Any]) -> Spread:
        """What `to_json` wrote."""
        lists = [tuple(float(value) for value in spec[name]) for name in ("quantiles", "edges", "shares")]
        if len(lists[2]) not in (0, len(lists[1]) + 1):
            raise ValueError("a spread has one share more than edges")
        return cls(lists[0], lists[1], lists[2], float(spec["missing"]), int(spec["households"]))


@dataclass(frozen=True)
class Reference:
    """The spread of every feature and of the margin over the reference households."""

    features: Mapping[str, Spread]
    margin: Spread

    @classmethod
    def of(cls, X: FloatArray, names: Sequence[str], margin: FloatArray) -> Reference:
        """The reference that the rows of X (n, p), columns named, with margins (n,), make."""
        return cls({name: Spread.of(X[:, j]) for j, name in enumerate(names)}, Spread.of(margin))

    def psi(self, X: FloatArray, names: Sequence[str], margin: FloatArray | None = None) -> dict[str, float]:
        """Population stability index of each feature of new households, and of "margin" where margins are given."""
        out = {name: self.features[name].psi(X[:, j]) for j, name in enumerate(names)}
        if margin is not None:
            out["margin"] = self.margin.psi(margin)
        return out

    def missing(self, names: Sequence[str]) -> FloatArray:
        """(p,) share of reference households where each feature was not known."""
        return np.array([self.features[name].missing for name in names])

    def to_json(self) -> dict[str, Any]:
        """The reference as plain numbers."""
        return {"features": {name: s.to_json() for name, s in self.features.items()}, "margin": self.margin.to_json()}

    @classmethod
    def from_json(cls, spec: Mapping[str, Any]) -> Reference:
        """What `to_json` wrote."""
        return cls({name: Spread.from_json(s) for name, s in spec["features"].items()}, Spread.from_json(spec["margin"]))
