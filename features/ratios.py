"""Ratios against a household's own scale: what it needs, earns, or how many it is.

A theme only says what is to be divided by what; all ratios of all themes are worked out together, in one division.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from features.register import FloatArray, stack

CAP = 10.0  # a ratio beyond ten says no more than ten, and lone cells of a million must not stretch a scale


class Ratio(NamedTuple):
    """part ÷ whole, (n,), held within ±cap; not evaluable where the whole is not positive or not known."""

    part: FloatArray
    whole: FloatArray
    cap: float = CAP


def per(whole: FloatArray, part: FloatArray, cap: float = CAP) -> Ratio:
    """A part measured against a whole."""
    return Ratio(part, whole, cap)


def positive(whole: FloatArray) -> FloatArray:
    """The values that can be divided by; NaN where zero, negative or unknown."""
    return np.where(whole > 0, whole, np.nan)


def divide(ratios: Sequence[Ratio]) -> FloatArray:
    """All ratios at once, (ratios, n).

    >>> one = np.array([1.0, 1.0])
    >>> divide([per(np.array([2.0, 0.0]), one), per(one, np.array([50.0, -1.0]))]).tolist()
    [[0.5, nan], [10.0, -1.0]]
    """
    parts, wholes, caps = zip(*ratios, strict=True)
    out = stack(parts)
    out /= positive(stack(wholes))
    cap = np.array(caps)[:, None]
    np.minimum(out, cap, out=out)
    np.maximum(out, -cap, out=out)
    return out
