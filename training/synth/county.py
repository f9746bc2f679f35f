"""One block of the county from its first month to its last: the truth, before anybody writes it down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.register import Array, FloatArray
from training.synth.block import YEAR, Block, Plan
from training.synth.condition import Condition, conditions
from training.synth.labour import Work, work
from training.synth.livelihood import Livelihood, livelihood
from training.synth.lives import live
from training.synth.medical import Bills, bills
from training.synth.population import People, settle_in
from training.synth.process import Process, Visits, identify, recent_trouble, visits
from training.synth.shocks import Shocks, shocks


@dataclass(frozen=True)
class Truth:
    """What really happened to the households of a block, and what the office did."""

    block: Block
    people: People
    condition: Condition
    shocks: Shocks
    bills: Bills
    work: Work
    means: Livelihood
    office: Process
    visits: Visits
    trouble: Array

    @property
    def net(self) -> FloatArray:
        """(n, months) net income of the household, help included; yuan."""
        return np.asarray(self.means.net + self.office.helped)


def simulate(plan: Plan, start: int, stop: int) -> Truth:
    """Simulates households `start` … `stop`−1; the same ones whatever the bounds."""
    block = Block(plan, start, stop)
    people = settle_in(block)
    live(block, people)
    condition = conditions(block, people)
    struck = shocks(block)
    bill = bills(block, people)
    labour = work(block, people, condition, struck.remitted)
    means = livelihood(block, people, condition, labour=labour, struck=struck, bill=bill)
    trouble = recent_trouble(block, people, labour, struck, bill)
    office = identify(block, means, condition, trouble, bill)
    return Truth(block, people, condition, struck, bill, labour, means, office, visits(block, means, office, trouble), trouble)


def window(monthly: FloatArray, size: Array, first: Array) -> FloatArray:
    """Per-capita income of the twelve months from each of these first months on.

    NaN where nobody lived in the household or the months reach beyond the simulated years.

    Args:
        monthly: (n, months) yuan of the household.
        size: (n, months) persons.
        first: months at which windows begin.

    Returns:
        (n, len(first)) yuan a person and year: income over the average number of persons.
    """
    months = monthly.shape[1]
    sums = np.concatenate([np.zeros((len(monthly), 1)), np.cumsum(monthly, axis=1)], axis=1)
    persons = np.concatenate([np.zeros((len(size), 1)), np.cumsum(size, axis=1)], axis=1)
    low, high = np.clip(first, 0, months), np.clip(first + YEAR, 0, months)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = (sums[:, high] - sums[:, low]) / ((persons[:, high] - persons[:, low]) / YEAR)
    out[:, (first < 0) | (first + YEAR > months)] = np.nan
    return np.asarray(out)
