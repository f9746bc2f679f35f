"""What strikes households from outside or without a trace in the books: disasters, failed businesses, money that stops coming."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.register import Array, BoolArray, FloatArray
from training.synth.block import YEAR, Block


@dataclass(frozen=True)
class Shocks:
    """Shocks by household.

    Attributes:
        struck_month: (n, years) month of a disaster that struck the household, −1 none.
        harvest_lost: (n, years) share of the year's harvest that it took.
        house_hit: (n, years) whether it damaged the house.
        remitted: (n, months) share of migrants' wages that reaches the household; the register sees only that less arrives.
        sagging: (n, months) factor on all earnings in bad spells that nobody records: quarrels, wage arrears, gambling, care for kin.
        has_business: (n,) runs a trade or a larger project.
        failed_month: (n,) month in which it fails, −1 never.
    """

    struck_month: Array
    harvest_lost: FloatArray
    house_hit: BoolArray
    remitted: FloatArray
    sagging: FloatArray
    has_business: BoolArray
    failed_month: Array


def shocks(block: Block) -> Shocks:
    """Draws the shocks of all years."""
    draws, preset, span = block.draws, block.preset, block.span
    villages = block.villages
    struck = np.full((block.n, span.years), -1, dtype=np.int32)
    lost = np.zeros((block.n, span.years))
    hit = np.zeros((block.n, span.years), dtype=np.bool_)
    reach, damage = preset.number("shocks.reach"), preset.number("shocks.house_damage")
    for y in range(span.years):
        year = span.first + y
        month = villages.disaster_month[block.village, y]
        met = (month >= 0) & (draws.uniform("struck", block.home, year) < reach)
        struck[:, y] = np.where(met, month, -1)
        own = np.clip(villages.disaster_loss[block.village, y] * (0.7 + 0.6 * draws.uniform("loss", block.home, year)), 0, 0.95)
        lost[:, y] = met * own
        hit[:, y] = met & (draws.uniform("house hit", block.home, year) < damage)
    remitted = _spells(
        block,
        "remittance",
        preset.number("shocks.remittance_stops"),
        preset.numbers("shocks.remittance_months"),
        preset.numbers("shocks.remittance_left"),
    )
    sagging = _spells(
        block, "sagging", preset.number("shocks.sagging"), preset.numbers("shocks.sagging_months"), preset.numbers("shocks.sagging_left")
    )
    runs = draws.uniform("business", block.home) < preset.number("income.business_share")
    fails = np.full(block.n, -1, dtype=np.int32)
    for y in range(span.years):
        year = span.first + y
        down = (
            runs
            & (fails < 0)
            & (draws.uniform("business fails", block.home, year) < preset.number("shocks.business_fails") * block.precarity)
        )
        fails = np.where(down, y * YEAR + np.floor(YEAR * draws.uniform("failure month", block.home, year)).astype(np.int32), fails)
    return Shocks(struck, lost, hit, remitted, sagging, runs, fails)


def _spells(block: Block, name: str, hazard: float, months: FloatArray, left: FloatArray) -> FloatArray:
    """(n, months) 1 outside bad spells; inside, the share that is left. At most one begins a year; precarity makes them more likely."""
    draws, span = block.draws, block.span
    factor = np.ones((block.n, span.months))
    time = np.arange(span.months)
    for y in range(-1, span.years):
        year = span.first + y
        begins = draws.uniform(name, block.home, year) < np.minimum(0.5, hazard * block.precarity**0.4)
        rows = np.flatnonzero(begins)
        who = block.home[rows]
        start = y * YEAR + np.floor(YEAR * draws.uniform(f"{name} month", who, year))
        length = months[0] + (months[1] - months[0]) * draws.uniform(f"{name} length", who, year)
        share = left[0] + (left[1] - left[0]) * draws.uniform(f"{name} left", who, year)
        inside = (time >= start[:, None]) & (time < (start + length)[:, None])
        factor[rows] = np.where(inside, np.minimum(factor[rows], share[:, None]), factor[rows])
    return factor
