"""What the register says of regular benefits: most who are owed one are on the rolls, some only years later, some not at all."""

from __future__ import annotations

import datetime as dt

import numpy as np

from features.policy.language import A_YEAR
from features.policy.packs import packs_of
from features.register import Array, BoolArray
from features.tables import BENEFITS
from training.synth.block import SLOTS, YEAR, Plan
from training.synth.condition import HIGHER_VOCATIONAL, NO_SCHOOL, VOCATIONAL
from training.synth.county import Truth
from training.synth.draws import keys
from training.synth.population import ADULT
from training.synth.rows import Rows, delay, rows, together

CODES = [code for code, _ in BENEFITS]
SEVERE, MENTAL = 2, 5  # level of the certificate; the register's code of mental disability
PUPILS = ("education_help", "education_supplement")


def benefits(truth: Truth) -> Rows:
    """Rows of the benefits table: one whenever somebody comes on a roll, goes from it, or is paid another amount.

    What is paid is part of the policy transfers already; that somebody is not on a roll is a gap of the rolls, the truth pays all the same.
    """
    block, preset, draws = truth.block, truth.block.preset, truth.block.draws
    reach = preset.number("policy.benefit_reach")
    made = [rows("benefits", np.empty(0, dtype=np.int64), member_id=0, benefit=0, receiving=0, amount=0.0, valid_from=0, known_on=0)]
    for name in preset.get("policy.benefits"):
        luck = draws.uniform(f"roll {name}", block.person)
        since = np.zeros(luck.shape, dtype=np.int64)
        before, paid = np.full(luck.shape, -1, dtype=np.int8), np.nan
        for y in range(block.span.years):
            due = _due(truth, name, y)
            since = np.where(due, since + 1, 0)
            state = np.where(due, luck < 1 - (1 - reach) ** since, np.where(before > 0, 0, -1)).astype(np.int8)
            amount = _paid(block.plan, name, block.span.first + y)
            raised = (state == 1) & (not _same(paid, amount))
            row, slot = np.nonzero((state >= 0) & ((state != before) | raised))
            before, paid = state, amount
            who = keys(block.hid[row] * 8192 + slot * 128 + y + (1 << 54) + CODES.index(name) * (1 << 55))
            month = (
                9 + np.floor(3 * draws.uniform("roll month", who)) if name in PUPILS else np.floor(YEAR * draws.uniform("roll month", who))
            )
            valid = block.span.day(y * YEAR + month.astype(np.int64), draws.uniform("roll day", who))
            receiving = state[row, slot]
            known = valid + delay(block, "roll known", who, 20.0)
            made.append(
                rows(
                    "benefits", row, member_id=row * SLOTS + slot, benefit=CODES.index(name), receiving=receiving,
                    amount=np.where(receiving == 1, amount, np.nan), valid_from=valid, known_on=known,
                )
            )  # fmt: skip
    return together(made)


def _same(one: float, other: float) -> bool:
    return one == other or (np.isnan(one) and np.isnan(other))


def _due(truth: Truth, name: str, y: int) -> BoolArray:
    """(n, SLOTS) to whom a benefit is owed in a year; of children nothing is held but that they go to school."""
    block, people, condition, means = truth.block, truth.people, truth.condition, truth.means
    year = block.span.first + y
    quarter = y * 4 + 3 if name in PUPILS else y * 4
    here = condition.here[..., quarter]
    school, grown = condition.school[..., quarter], here & (year - people.birth >= ADULT)
    exited = block.exited[:, None]
    disabled = grown & condition.disabled[..., quarter]
    if name == "disability_living":
        return np.asarray(disabled & (means.dibao[:, y] > 0)[:, None])
    if name == "disability_nursing":
        extended = (people.disability == MENTAL) & (year >= block.preset.number("policy.nursing_mental_from"))
        return np.asarray(disabled & ((people.level <= SEVERE) | extended))
    if name == "education_help":
        return np.asarray(here & exited & ((school == VOCATIONAL) | (school == HIGHER_VOCATIONAL)))
    if name == "education_supplement":
        return np.asarray(here & exited & (school != NO_SCHOOL))
    return np.asarray(grown & exited & ((means.dibao[:, y] > 0) | means.supported)[:, None])


def _paid(plan: Plan, name: str, year: int) -> float:
    """Yuan a month in force in a year; NaN where none is known, or where two bounds leave it open."""
    date, county = dt.date(year, 12, 31), plan.preset.county
    found: Array = np.unique(
        [
            np.nan
            if (value := plan.policy.value(parameter, date, county)) is None
            else value * A_YEAR[plan.policy.parameters[parameter].unit]
            for rule in packs_of(plan.policy).at(county).rules("entitlements", date)
            if rule.received == name
            for parameter in rule.parameters
        ]
    )
    return float(found[0]) / YEAR if len(found) == 1 else np.nan
