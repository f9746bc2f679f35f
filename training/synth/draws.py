"""Random numbers that depend on what they are drawn for, never on the order in which they are drawn.

A draw is a hash of (seed, name of the draw, whom it concerns, when). So household 1234 lives the same life whether it is simulated alone,
in a block of ten thousand or by another worker, and two households of one village see the same hailstorm because both ask for
(village, year).
The hash is the finaliser of SplitMix64, applied once a key.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from features.register import Array, FloatArray

Keys = npt.NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_MASK = 2**64 - 1


def _mix_one(value: int) -> int:
    value &= _MASK
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def _mix(values: Keys) -> Keys:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(_FIRST)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(_SECOND)
    return np.asarray(values ^ (values >> np.uint64(31)))


def keys(numbers: Array) -> Keys:
    """Whole numbers (of households, of members, of villages) as keys to draw with."""
    return _mix(np.asarray(numbers).astype(np.uint64) * np.uint64(_GOLDEN) + np.uint64(1))


class Draws:
    """All random numbers of a county."""

    def __init__(self, seed: int) -> None:
        self._seed = _mix_one(seed * _GOLDEN + 7)

    def uniform(self, name: str, who: Keys, *when: int) -> FloatArray:
        """Uniform numbers in the open interval (0, 1), one a key.

        Args:
            name: what is drawn; another name is an independent draw.
            who: keys made by `keys`, any shape.
            when: year, month, order number …
        """
        start = self._seed ^ int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())
        for number in when:
            start = _mix_one(start + (number + 1) * _GOLDEN)
        hashed = _mix(who ^ np.uint64(_mix_one(start)))
        return np.asarray(((hashed >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52)

    def normal(self, name: str, who: Keys, *when: int) -> FloatArray:
        """Standard normal numbers, one a key."""
        return np.asarray(ndtri(self.uniform(name, who, *when)))

    def choice(self, name: str, who: Keys, weights: FloatArray, *when: int) -> Array:
        """Indexes drawn with these weights, one a key."""
        edges = np.cumsum(weights) / np.sum(weights)
        return np.minimum(np.searchsorted(edges, self.uniform(name, who, *when)), len(weights) - 1)
