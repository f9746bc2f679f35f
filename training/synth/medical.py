"""Hospital bills of each person and what is left to pay of them after every layer of insurance."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from features.policy.reimbursement import new_year, scheme_on, settle
from features.policy.shipped import load
from features.register import Array, BoolArray, FloatArray
from training.synth.block import YEAR, Block
from training.synth.population import People

SUPPLEMENT = "commercial"  # name of the layer whose claims are counted
MOST_BILLS = 4  # hospital stays of one person in one year that are told apart


@dataclass(frozen=True)
class Bills:
    """Hospital stays, ordered by year; yuan.

    Attributes:
        row, slot, month: whose and when.
        amount: the whole bill.
        oop_compliant: what remains inside the insurer's list.
        oop: what the household paid.
        supplement: what the commercial supplement paid, 0 where the county has none.
        yearly_cost, yearly_oop: (n, years) all of the household's medical cost, outpatient care too, and what it paid of it.
    """

    row: Array
    slot: Array
    month: Array
    amount: FloatArray
    oop_compliant: FloatArray
    oop: FloatArray
    supplement: FloatArray
    yearly_cost: FloatArray
    yearly_oop: FloatArray


def insured(block: Block, year: int) -> BoolArray:
    """(n, SLOTS) who is in basic insurance that year."""
    preset = block.preset
    share = np.where(block.exited, preset.number("health.insured_exited"), preset.number("health.insured_ordinary"))[:, None]
    # who stays out stays out for some years
    return np.asarray(block.draws.uniform("insured", block.person, year // 3) < share)


def bills(block: Block, people: People) -> Bills:
    """All bills of the block, settled year by year in the order in which they fall."""
    draws, preset, span = block.draws, block.preset, block.span
    stay = preset.by_age("health.hospital")
    visits = preset.by_age("health.outpatient_visits")
    price_mean, price_sd = preset.numbers("health.outpatient_price")
    yearly_cost, yearly_oop = np.zeros((block.n, span.years)), np.zeros((block.n, span.years))
    found: list[tuple[Array, ...]] = []
    burden = block.frailty[:, None] * np.where(block.exited, preset.number("health.exited_factor"), 1.0)[:, None]
    for y in range(span.years):
        year, start = span.first + y, y * YEAR
        scheme = scheme_on(load(), preset.county, dt.date(year, 12, 31))
        if scheme is None:
            raise ValueError(f"no reimbursement scheme in force in {year}")
        price = block.index[start + 6]
        age = np.clip(year - people.birth, 0, 120)
        here = people.exists & people.here(start + 6)
        cover = insured(block, year)
        group = np.where(cover, np.where(block.exited[:, None], "registered", "ordinary"), "uninsured")
        chronic = people.chronic_from <= start
        hurt = (people.accident_from >= start) & (people.accident_from < start + YEAR)

        expected = visits[age] * burden * (1 + 1.5 * chronic) * here
        outpatient = expected * np.exp(price_sd * draws.normal("outpatient", block.person, year) - price_sd**2 / 2) * price_mean * price
        rate = np.select([group == name for name in scheme.outpatient_rate], list(scheme.outpatient_rate.values()), 0.0)
        yearly_cost[:, y] += outpatient.sum(axis=1)
        yearly_oop[:, y] += (outpatient * (1 - rate)).sum(axis=1)

        drawn = [
            _stays(block, people, year, order, usual=stay[age] * burden * (1 + 1.2 * chronic) / 4, hurt=hurt) for order in range(MOST_BILLS)
        ]
        patients = np.nonzero(np.any([billed for billed, *_ in drawn], axis=0))
        state, groups = new_year(scheme, len(patients[0])), group[patients]
        for billed, month, size, listed in drawn:
            amount = np.where(billed, np.maximum(300, np.round(size * price, 1)), 0.0)[patients]
            settled = settle(scheme, groups, amount * listed[patients], amount * (1 - listed[patients]), state)
            paid = np.minimum(np.round(settled.oop, 1), amount)
            compliant = np.minimum(np.round(settled.oop_compliant, 1), paid)
            yearly_cost[:, y] += np.bincount(patients[0], weights=amount, minlength=block.n)
            yearly_oop[:, y] += np.bincount(patients[0], weights=paid, minlength=block.n)
            some = amount > 0
            row, slot = patients[0][some], patients[1][some]
            extra = settled.paid[[layer.name == SUPPLEMENT for layer in scheme.layers]].sum(axis=0)
            found.append((row, slot, month[row, slot], amount[some], compliant[some], paid[some], extra[some]))
    row, slot, month, amount, compliant, paid, extra = (np.concatenate(part) for part in zip(*found, strict=True))
    return Bills(row, slot, month.astype(np.int64), amount, compliant, paid, extra, yearly_cost, yearly_oop)


def _stays(
    block: Block, people: People, year: int, order: int, *, usual: FloatArray, hurt: BoolArray
) -> tuple[BoolArray, Array, FloatArray, FloatArray]:
    """Who is in hospital in one quarter of the year, in which month, for how much (level of mid-2021), and the share inside the list."""
    draws, preset = block.draws, block.preset
    start = (year - block.span.first) * YEAR
    mean, sd = preset.numbers("health.bill")
    serious_mean, serious_sd = preset.numbers("health.serious_bill")
    month = start + 3 * order + np.floor(3 * draws.uniform("bill month", block.person, year, order)).astype(np.int32)
    sick = (people.serious_from <= month) & (people.serious_to > month)
    struck = hurt & (people.accident_from // 3 == month // 3)
    chance = np.where(sick, 0.75, np.where(struck, 0.9, usual))
    there = people.exists & (people.arrive <= month) & (people.gone >= month)
    billed = there & (draws.uniform("bill", block.person, year, order) < chance)
    spread = draws.normal("bill size", block.person, year, order)
    usual_size = mean * np.exp(sd * spread - sd**2 / 2) * (1 + 1.2 * hurt)
    size = np.where(sick, serious_mean * np.exp(serious_sd * spread - serious_sd**2 / 2), usual_size)
    listed = np.clip(preset.number("health.in_list") + 0.05 * draws.normal("in list", block.person, year, order), 0.6, 1.0)
    dear = draws.uniform("dear drugs", block.person, year, order) < preset.number("health.dear_drugs")
    return billed, month, size, np.where(dear, listed * 0.65, listed)
