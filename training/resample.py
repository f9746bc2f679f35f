"""Resamples of households: the intervals of every figure come from drawing whole households again and again."""

from __future__ import annotations

import numpy as np

from features.register import Array, FloatArray

RESAMPLES = 200
BLOCK = 25  # resamples worked on at a time: keeps memory flat


def weightings(household: Array, resamples: int = RESAMPLES, seed: int = 0) -> list[FloatArray]:
    """Blocks of (resamples, rows): how often each row's household was drawn. The first block is the sample itself, once.

    Args:
        household: (rows,) which household each row is; all its rows are drawn together.
        resamples: how many.
        seed: of the draws.
    """
    _, place = np.unique(household, return_inverse=True)
    count = int(place.max()) + 1 if len(place) else 0
    draw = np.random.default_rng(seed)
    blocks = [np.ones((1, len(place)))]
    for start in range(0, resamples, BLOCK):
        blocks.append(draw.poisson(1.0, (min(BLOCK, resamples - start), count)).astype(np.float64)[:, place])
    return blocks
