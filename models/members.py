"""The parts that a model adds up: boosted trees and a piecewise-linear score, each with its weight.

Every member turns the same matrix (households × features, NaN = not known) into a margin, and splits each margin exactly over the features.
Margins are log-odds before calibration. A household's margin does not depend on which others are scored beside it, to
the last bit: each row is summed by itself in a fixed order, never by a matrix product.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from features.register import Array, FloatArray
from models.lookup import Lookup

if TYPE_CHECKING:
    import lightgbm

END = "\nend of trees\n"

SMALL = 1000
SMALL_CONTRIBUTIONS = 8
"""Below this many rows a second thread costs more than it brings (and on a busy machine a hundred times more)."""

CHUNK_VALUES = 1 << 15
"""Cells that the linear member works on at a time: they stay in the processor's cache."""

CONTRIBUTION_ROWS = 8192
"""Rows of contributions asked of LightGBM at a time: keeps memory flat."""


@dataclass(frozen=True, slots=True)
class Basis:
    """How the linear member bends each feature: moved, scaled, cut off at both ends, free to change slope at each knot.

    All arrays have one row a feature. A missing value counts as the centre, and has its own coefficient.

    Attributes:
        centre: (p,) value that counts as nought.
        scale: (p,) unit, > 0.
        low: (p,) values under this count as this.
        high: (p,) values above this count as this.
        knots: (K, p) in scaled units; NaN where a feature has fewer than K.
    """

    centre: FloatArray
    scale: FloatArray
    low: FloatArray
    high: FloatArray
    knots: FloatArray

    def __post_init__(self) -> None:
        p = len(self.centre)
        for name in ("centre", "scale", "low", "high"):
            values = getattr(self, name)
            if values.shape != (p,) or not np.isfinite(values).all():
                raise ValueError(f"{name} must hold one finite number a feature")
        if self.knots.ndim != 2 or self.knots.shape[1] != p or np.isinf(self.knots).any():
            raise ValueError("knots must be (K, features), finite or NaN")
        if not (self.scale > 0).all() or not (self.low <= self.high).all():
            raise ValueError("scale must be above 0, and low not above high")

    @classmethod
    def of(cls, X: FloatArray, knots: int = 4, tails: float = 0.005) -> Basis:
        """A basis laid over the values that a matrix holds: knots at its quantiles, ends cut off in the tails.

        Args:
            X: (n, p), NaN = not known.
            knots: slope changes a feature; fewer where a feature has few different values.
            tails: share of known values cut off at each end.
        """
        p = X.shape[1]
        centre, scale, low, high = np.zeros(p), np.ones(p), np.zeros(p), np.zeros(p)
        placed = np.full((knots, p), np.nan)
        inner = np.linspace(0, 1, knots + 2)[1:-1]
        for j in range(p):
            values = X[:, j]
            values = values[np.isfinite(values)]
            if not len(values):
                continue
            centre[j] = np.median(values)
            low[j], high[j] = np.quantile(values, [tails, 1 - tails])
            cut = np.clip(values, low[j], high[j])
            spread = cut.std()
            scale[j] = spread if spread > 1e-9 * max(1.0, abs(centre[j])) else 1.0
            different = np.unique(np.quantile(cut, inner))
            different = different[(different > low[j]) & (different < high[j])]
            placed[: len(different), j] = (different - centre[j]) / scale[j]
        return cls(centre, scale, low, high, placed)

    @property
    def width(self) -> int:
        """Columns of `design`: slope, one a knot, missing, for each feature."""
        return int((len(self.knots) + 2) * len(self.centre))

    def scaled(self, X: FloatArray) -> tuple[FloatArray, Array]:
        """Values cut, moved and scaled (missing is 0), and which were missing."""
        missing = np.isnan(X)
        z = np.minimum(X, self.high)
        np.maximum(z, self.low, out=z)
        z -= self.centre
        z /= self.scale
        z[missing] = 0.0
        return z, missing

    def design(self, X: FloatArray) -> FloatArray:
        """The columns on which coefficients are fitted, exactly those that serving applies.

        Args:
            X: (n, p), NaN = not known.

        Returns:
            (n, (K+2)·p): first the features' slopes, then their hinges knot by knot, then their missing flags.
            Absent knots give columns of 0.
        """
        z, missing = self.scaled(X)
        p = X.shape[1]
        out = np.zeros((len(X), self.width))
        out[:, :p] = z
        for k, knot in enumerate(self._knots(), start=1):
            np.maximum(z - knot, 0.0, out=out[:, k * p : (k + 1) * p])
        out[:, -p:] = missing
        return out

    def _knots(self) -> FloatArray:
        return np.where(np.isnan(self.knots), np.inf, self.knots)  # a knot that is never reached


@dataclass(frozen=True)
class Linear:
    """A logistic score whose slope may change at knots: plain numbers in JSON, applied by numpy alone.

    Attributes:
        weight: share of its margin in the bundle's.
        basis: how each feature is bent.
        coefficients: ((K+2)·p,) in the order of `Basis.design`.
        intercept: margin of a household whose features all lie at their centres.
        offsets: (p,) mean contribution of each feature over the reference households; contributions are relative to it.
    """

    weight: float
    basis: Basis
    coefficients: FloatArray
    intercept: float
    offsets: FloatArray
    kind: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        if self.coefficients.shape != (self.basis.width,) or not np.isfinite(self.coefficients).all():
            raise ValueError(f"coefficients must be {self.basis.width} finite numbers")
        if self.offsets.shape != self.basis.centre.shape or not np.isfinite(self.offsets).all():
            raise ValueError("offsets must hold one finite number a feature")
        if not (np.isfinite(self.weight) and np.isfinite(self.intercept)):
            raise ValueError("weight and intercept must be finite")

    @classmethod
    def fitted(cls, weight: float, basis: Basis, coefficients: FloatArray, intercept: float, X: FloatArray) -> Linear:
        """A linear member whose reasons are told relative to the mean of the households in X."""
        plain = cls(weight, basis, np.asarray(coefficients, dtype=np.float64), float(intercept), np.zeros(len(basis.centre)))
        offsets = plain.contributions(X).mean(axis=0)
        return cls(weight, basis, plain.coefficients, plain.intercept, offsets)

    @property
    def width(self) -> int:
        """How many features it looks at."""
        return len(self.basis.centre)

    @property
    def base(self) -> float:
        """Margin from which its contributions start."""
        return float(self.intercept + np.add.reduce(self.offsets))

    @cached_property
    def _plan(self) -> tuple[FloatArray, FloatArray, list[tuple[FloatArray, FloatArray]]]:
        rows = self.coefficients.reshape(-1, self.width)
        hinges = [(knot, rows[k]) for k, knot in enumerate(self.basis._knots(), start=1) if rows[k].any()]
        return rows[0], rows[-1], hinges

    def _parts(self, X: FloatArray) -> FloatArray:
        """(n, p) what each feature adds to the intercept."""
        slope, absent, hinges = self._plan
        z, missing = self.basis.scaled(X)
        out = z * slope
        bent = np.empty_like(z)
        for knot, coefficient in hinges:
            np.subtract(z, knot, out=bent)
            np.maximum(bent, 0.0, out=bent)
            bent *= coefficient
            out += bent
        out += missing * absent
        return out

    def margin(self, X: FloatArray, threads: int = 1) -> FloatArray:  # noqa: ARG002 - members are called alike
        """(n,) margins of the rows of X (n, p); one thread whatever is asked."""
        X = np.ascontiguousarray(X, dtype=np.float64)
        step = max(1, CHUNK_VALUES // max(1, self.width))
        if len(X) <= step:
            return np.asarray(np.add.reduce(self._parts(X), axis=1) + self.intercept)
        out = np.empty(len(X))
        for start in range(0, len(X), step):
            part = np.add.reduce(self._parts(X[start : start + step]), axis=1)
            out[start : start + step] = part + self.intercept
        return out

    def contributions(self, X: FloatArray, threads: int = 1) -> FloatArray:  # noqa: ARG002 - members are called alike
        """(n, p) what each feature adds to `base`; rows sum to margin - base."""
        X = np.ascontiguousarray(X, dtype=np.float64)
        return self._parts(X) - self.offsets

    def to_json(self) -> dict[str, Any]:
        """The member as plain numbers; absent knots are null."""
        knots = [[None if np.isnan(v) else v for v in row] for row in self.basis.knots.tolist()]
        return {
            "centre": self.basis.centre.tolist(),
            "scale": self.basis.scale.tolist(),
            "low": self.basis.low.tolist(),
            "high": self.basis.high.tolist(),
            "knots": knots,
            "coefficients": self.coefficients.tolist(),
            "intercept": self.intercept,
            "offsets": self.offsets.tolist(),
        }

    @classmethod
    def from_json(cls, weight: float, spec: Mapping[str, Any]) -> Linear:
        """The member that `to_json` wrote. Raises ValueError, TypeError or KeyError where it is not one."""
        centre = _numbers(spec["centre"])
        knots = [[np.nan if v is None else v for v in row] for row in spec["knots"]]
        basis = Basis(
            centre,
            _numbers(spec["scale"]),
            _numbers(spec["low"]),
            _numbers(spec["high"]),
            _numbers(knots).reshape(len(knots), len(centre)),
        )
        return cls(weight, basis, _numbers(spec["coefficients"]), float(spec["intercept"]), _numbers(spec["offsets"]))


@dataclass(frozen=True)
class Boosted:
    """Boosted trees, held as LightGBM's own text; small ones are scored by tables, others by LightGBM itself.

    Trees of at most nine leaves give the same margins either way, to the last bit, but by tables three times faster, and
    reasons some twenty times: a reason to train many small trees rather than a few large ones. LightGBM is loaded where it
    is needed only: with all that it looks for, that takes longer than everything else at the start.

    Attributes:
        weight: share of its margin in the bundle's.
        text: the trees up to the best iteration where training stopped early, and nothing but the trees.
    """

    weight: float
    text: str = field(repr=False)
    kind: ClassVar[str] = "boosted"

    @classmethod
    def of(cls, weight: float, *boosters: lightgbm.Booster) -> Boosted:
        """The member whose margin is the sum of one or several boosters': ten seeds cost one call instead of ten.

        Use it with weight 1/len(boosters) for their mean.

        Args:
            weight: of the sum.
            boosters: trained with the bundle's feature names, in the bundle's order.
        """
        return cls(weight, _merged([_trees_of(booster) for booster in boosters]))

    @classmethod
    def from_text(cls, weight: float, text: str, features: tuple[str, ...]) -> Boosted:
        """The member that `text` gave, if it can be scored and looks at just these features; else ValueError."""
        member = cls(weight, text)
        # Looked at before anybody parses the trees: what will be handed to them is what they were grown on.
        if not text.startswith("tree\n") or member.features != features:
            raise ValueError("the trees do not look at the manifest's features in the manifest's order")
        if member._lookup is None and not member.booster.num_trees():  # read now, so that what is no model is refused now
            raise ValueError("there are no trees")
        return member

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The names of the features that it looks at, in their order; none where the text names none."""
        named = re.search(r"^feature_names=(.*)$", self.text, re.MULTILINE)
        return () if named is None else tuple(named[1].split(" "))

    @property
    def width(self) -> int:
        """How many features it looks at."""
        return len(self.features)

    @cached_property
    def booster(self) -> lightgbm.Booster:
        """The trees as LightGBM knows them.

        Raises:
            ValueError: LightGBM cannot read the text.
        """
        import lightgbm

        try:
            return lightgbm.Booster(model_str=self.text)
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(str(error)) from error

    @cached_property
    def _lookup(self) -> Lookup | None:
        return Lookup.of(self.text)

    @cached_property
    def base(self) -> float:
        """Margin from which its contributions start: the trees' mean over the households that they were grown on."""
        if self._lookup is not None:
            return self._lookup.base
        return float(self._predict(np.zeros((1, self.width)), 1, pred_contrib=True)[0, -1])

    def margin(self, X: FloatArray, threads: int = 1) -> FloatArray:
        """(n,) margins of the rows of X (n, p)."""
        if self._lookup is not None:
            return self._lookup.margin(X, threads)
        return self._predict(X, 1 if len(X) < SMALL else threads, raw_score=True)

    def contributions(self, X: FloatArray, threads: int = 1) -> FloatArray:
        """(n, p) exact tree Shapley values; rows sum to margin - base."""
        if self._lookup is not None:
            return self._lookup.contributions(X, threads)
        out = np.empty((len(X), self.width))
        for start in range(0, len(X), CONTRIBUTION_ROWS):
            rows = slice(start, start + CONTRIBUTION_ROWS)
            few = 1 if len(X[rows]) < SMALL_CONTRIBUTIONS else threads
            out[rows] = self._predict(X[rows], few, pred_contrib=True)[:, :-1]
        return out

    def _predict(self, X: FloatArray, threads: int, **wanted: bool) -> FloatArray:
        out = self.booster.predict(X, num_threads=threads, validate_features=False, **wanted)
        return np.asarray(out, dtype=np.float64)


Member = Boosted | Linear


def _trees_of(booster: lightgbm.Booster) -> str:
    # What LightGBM writes after the trees are training parameters, which may name files of the training machine.
    text = str(booster.model_to_string())
    return text[: text.index(END) + len(END)] + "\npandas_categorical:null\n"


def _merged(texts: Sequence[str]) -> str:
    """One text that holds the trees of several, unchanged."""
    if len(texts) == 1:
        return texts[0]
    if len({Boosted(1.0, text).features for text in texts}) != 1:
        raise ValueError("boosters to merge must look at the same features in the same order")
    blocks: list[str] = []
    for text in texts:
        trees = text[_heads(text) : text.index(END)]
        for tree in re.split(r"^(?=Tree=\d+$)", trees, flags=re.MULTILINE)[1:]:
            blocks.append(re.sub(r"\ATree=\d+$", f"Tree={len(blocks)}", tree, flags=re.MULTILINE))
    sizes = " ".join(str(len(block.encode())) for block in blocks)
    head = re.sub(r"^tree_sizes=.*$", f"tree_sizes={sizes}", texts[0][: _heads(texts[0])], flags=re.MULTILINE)
    tail = texts[0][texts[0].index(END) :]
    return head + "".join(blocks) + tail


def _heads(text: str) -> int:
    """Where the header of a model text ends and its first tree begins."""
    found = re.search(r"^Tree=0$", text, re.MULTILINE)
    if found is None:
        raise ValueError("a booster without trees cannot be merged")
    return found.start()


def _numbers(values: Any) -> FloatArray:
    return np.asarray(values, dtype=np.float64)
