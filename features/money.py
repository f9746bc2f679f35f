"""Amounts of money: held so that sums are exact, and told to the fen, so that who has exactly the line is not below it."""

from __future__ import annotations

import numpy as np

from features.register import Array, FloatArray
from features.tables import Column

GRAIN = 1 << 16
"""Amounts are held to 1/65,536 yuan: sums of such numbers are exact, so the order of rows cannot matter, and hundreds of them are less
than half a fen off, so that a sum to the nearest fen is what the bills say."""
FEN = 100


def grained(values: Array) -> Array:
    """Numbers to the nearest 1/65,536.

    >>> grained(np.array([0.5, 3000.1, 5000.0])).tolist()
    [0.5, 3000.1000061035156, 5000.0]
    """
    exact: Array = np.rint(values * GRAIN) / GRAIN
    return exact


def to_fen(yuan: FloatArray) -> FloatArray:
    """Amounts to the nearest fen.

    >>> float(to_fen(grained(np.array([794.23, 278.16, 795.35, 3132.26])).sum()))
    5000.0
    """
    rounded: FloatArray = np.rint(yuan * FEN) / FEN
    return rounded


def in_yuan(column: Column) -> bool:
    """Whether the column holds money."""
    return column.unit.startswith("yuan")
