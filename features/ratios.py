"""Ratios against a household's own scale: what it needs, earns, or how many it is.

A feature only declares what it is a part of; all ratios of all themes are worked out together, in one division.
"""

from __future__ import annotations

import numpy as np

from features.register import NO, UNKNOWN, FloatArray

CAP = 10.0  # a ratio beyond ten says no more than ten, and lone cells of a million must not stretch a scale


def positive(whole: FloatArray) -> FloatArray:
    """The values that can be divided by; NaN where zero, negative or unknown."""
    return np.where(whole > NO, whole, UNKNOWN)


def divide(parts: FloatArray, wholes: FloatArray, caps: FloatArray) -> None:
    """Divides parts by positive wholes, both (ratios, n), in place, and holds each ratio within ±its cap, (ratios, 1).

    >>> parts = np.array([[2.0, 1.0], [50.0, -1.0]])
    >>> divide(parts, positive(np.array([[4.0, 0.0], [1.0, 1.0]])), np.array([[CAP], [CAP]]))
    >>> parts.tolist()
    [[0.5, nan], [10.0, -1.0]]
    """
    parts /= wholes
    np.minimum(parts, caps, out=parts)
    np.maximum(parts, -caps, out=parts)
