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


def draws(households: int, resamples: int = RESAMPLES, seed: int = 0) -> FloatArray:
    """(1 + resamples, households) how often each household was drawn; the first row is the sample itself, every household once.

    For figures that go over many dates and models: a household is drawn or left out with all its rows in all of them, so that any two can
    be compared pair by pair.

    Args:
        households: how many there are.
        resamples: how many times they are drawn.
        seed: of the draws.
    """
    drawn = np.random.default_rng(seed).poisson(1.0, (resamples, households))
    return np.concatenate((np.ones((1, households)), drawn))


def thin(y: FloatArray, most: int, seed: int = 0) -> tuple[Array, FloatArray]:
    """Every row where something happened and a sample of the others, weighted up: where events are rare the rest adds little but time.

    Args:
        y: (n,) outcomes 0 … 1.
        most: about so many rows are kept.
        seed: of the sample.

    Returns:
        (k,) indexes of the kept rows, ascending; (k,) their weights, which add up to n.
    """
    hit = np.flatnonzero(y > 0)
    others = np.flatnonzero(y <= 0)
    room = min(len(others), max(most - len(hit), most // 2))
    chosen = np.random.default_rng(seed).choice(others, room, replace=False)
    rows = np.sort(np.concatenate((hit, chosen)))
    return rows, np.where(y[rows] > 0, 1.0, len(others) / max(room, 1))
