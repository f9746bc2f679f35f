"""Ratios against a household's own scale, many at a time."""

from __future__ import annotations

import numpy as np

from features.register import FloatArray

CAP = 10.0  # a ratio beyond ten says no more than ten, and lone cells of a million must not stretch a scale


def positive(whole: FloatArray) -> FloatArray:
    """The values that can be divided by; NaN where zero, negative or unknown."""
    return np.where(whole > 0, whole, np.nan)


def ratios(whole: FloatArray, *parts: FloatArray, cap: float = CAP) -> FloatArray:
    """Parts ÷ whole, (parts, n), within ±cap; NaN where the whole is not positive or unknown.

    >>> ratios(np.array([2.0, 0.0]), np.array([1.0, 1.0]), np.array([50.0, 0.0])).tolist()
    [[0.5, nan], [10.0, nan]]
    """
    out = np.array(parts)
    out /= positive(whole)
    np.minimum(out, cap, out=out)
    return np.maximum(out, -cap, out=out)


def ratio(whole: FloatArray, part: FloatArray, cap: float = CAP) -> FloatArray:
    """Part ÷ whole, (n,), as `ratios`."""
    return np.asarray(ratios(whole, part, cap=cap)[0])
