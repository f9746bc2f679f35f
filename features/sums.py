"""Draws numbers together by place, where few of many rows count."""

from __future__ import annotations

import numpy as np

from features.register import Array, FloatArray


def add_up(places: Array, values: Array, size: int) -> FloatArray:
    """Values added up by place, (size,).

    >>> add_up(np.array([2, 0, 2]), np.array([1.0, 5.0, 3.0]), 4)
    array([5., 0., 4., 0.])
    """
    return np.bincount(places, values, size).astype(np.float64, copy=False)


def largest(places: Array, values: Array, size: int, default: float = 0.0) -> FloatArray:
    """The largest value of each place, (size,), but at least `default`.

    >>> largest(np.array([2, 0, 2]), np.array([1.0, 5.0, 3.0]), 4)
    array([5., 0., 3., 0.])
    """
    most = np.full(size, default)
    np.maximum.at(most, places, values)
    return most
