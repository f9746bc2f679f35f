"""Income beside wages: the farm, a trade, property, what children and kin send, and the policy transfers everybody can claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from features.register import Array, BoolArray, FloatArray
from training.synth.block import SLOTS, YEAR, Block
from training.synth.condition import LOST, WEAK, Condition
from training.synth.labour import Work
from training.synth.medical import Bills
from training.synth.population import People, exit_year
from training.synth.shocks import Shocks

BUSINESS_SEASON = np.array([0.10, 0.06, 0.0, 0.0, 0.0, 0.0, 0.10, 0.10, 0.16, 0.22, 0.14, 0.12])
EXPENSE_SEASON = np.array([0.0, 0.0, 0.0, 0.45, 0.35, 0.20, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
SUBSIDY_MONTH, DIVIDEND_MONTH = 5, 11
GIFT_MONTHS = (0, 8)


@dataclass(frozen=True)
class Livelihood:
    """Monthly truth, yuan of the household, (n, months) each.

    Attributes:
        wage, business, expense, property_, policy, private: the sources of the register.
        size: (n, months) persons who share the budget.
        land: (n,) mu.
        dividend: (n, years) yuan of dividends, part of the property income.
        dibao: (n, years) persons on dibao.
        dibao_rate: (n, years) yuan a month for each of them in the middle of the year, 0 where there are none.
        dibao_whole: (n, years) every member is covered.
        supported: (n,) lives on the extreme-poverty support.
        pensioner: (n, SLOTS, years) draws a pension.
    """

    wage: FloatArray
    business: FloatArray
    expense: FloatArray
    property_: FloatArray
    policy: FloatArray
    private: FloatArray
    size: Array
    land: FloatArray
    dividend: FloatArray
    dibao: Array
    dibao_rate: FloatArray
    dibao_whole: BoolArray
    supported: BoolArray
    pensioner: BoolArray

    @property
    def net(self) -> FloatArray:
        """Net income by month."""
        return np.asarray(self.wage + self.business - self.expense + self.property_ + self.policy + self.private)


def livelihood(block: Block, people: People, condition: Condition, *, labour: Work, struck: Shocks, bill: Bills) -> Livelihood:
    """All sources of income by month, before any help that follows identification."""
    span = block.span
    size = np.stack([(people.exists & people.here(month)).sum(axis=1) for month in range(span.months)], axis=1)
    lives = size > 0
    wage = labour.wage * struck.sagging * lives * _good_and_bad_years(block)
    land = _land(block)
    business, expense = _production(block, labour, struck, land)
    business, expense = business * lives * np.sqrt(struck.sagging), expense * lives
    dividend = _dividends(block)
    property_ = _property(block, labour, land, dividend) * lives
    private = _private(block, people, condition, struck) * lives
    market = wage + business - expense + property_ + private
    aid = _policy(block, people, condition, market=market, size=size, land=land, bill=bill)
    return Livelihood(
        wage, business, expense, property_, aid.paid * lives, private, size, land, dividend,
        aid.dibao, aid.dibao_rate, aid.dibao_whole, aid.supported, aid.pensioner,
    )  # fmt: skip


def _good_and_bad_years(block: Block) -> FloatArray:
    """(n, months) how much of the usual wages a year brings: overtime, short weeks, wages paid late."""
    sd = block.preset.number("income.year_sd") * np.sqrt(block.precarity)
    luck = [sd * block.draws.normal("year", block.home, block.span.first + y) - sd**2 / 2 for y in range(block.span.years)]
    return np.repeat(np.exp(np.stack(luck, axis=1)), YEAR, axis=1)


def _land(block: Block) -> FloatArray:
    mean, sd = block.preset.numbers("income.land")
    land = mean * np.exp(sd * block.draws.normal("land", block.home) - sd**2 / 2)
    none = block.draws.uniform("landless", block.home) < block.preset.number("income.landless")
    return np.where(none, 0.0, np.round(np.clip(land, 0.3, 60), 1))


def _production(block: Block, labour: Work, struck: Shocks, land: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Farm and trade by month. A harvest hangs on land, hands, skill, the village's and one's own luck; a disaster takes its share."""
    draws, preset, span = block.draws, block.preset, block.span
    skill = 0.35 * draws.normal("farm skill", block.home) + block.productivity
    luck_sd = preset.number("income.farm_luck_sd")
    drift = np.zeros(block.n)
    business, expense = np.zeros((block.n, span.months)), np.zeros((block.n, span.months))
    for y in range(span.years):
        year, months = span.first + y, slice(y * YEAR, (y + 1) * YEAR)
        hands = labour.idle_hands[:, months].mean(axis=1)
        effort = preset.number("income.farm_alone") + (1 - preset.number("income.farm_alone")) * np.minimum(1.0, hands / 1.5)
        drift = 0.8 * drift + 0.10 * draws.normal("farm drift", block.home, year)
        sd = luck_sd * np.sqrt(block.precarity)
        luck = sd * draws.normal("farm luck", block.home, year) - sd**2 / 2
        gross = preset.number("income.per_mu") * land * effort * np.exp(skill + drift + luck)
        cost = preset.number("income.farm_cost") * preset.number("income.per_mu") * land * effort * np.exp(skill + drift)
        level = block.index[months]
        lost = np.ones((block.n, YEAR))
        hit = struck.struck_month[:, y] - y * YEAR
        lost = np.where((hit >= 0)[:, None] & (np.arange(YEAR) >= hit[:, None]), 1 - struck.harvest_lost[:, y][:, None], lost)
        business[:, months] = gross[:, None] * BUSINESS_SEASON * level * lost
        expense[:, months] = cost[:, None] * EXPENSE_SEASON * level
    trade = (
        struck.has_business
        * preset.number("income.business_gross")
        * np.exp(0.4 * draws.normal("trade", block.home) + block.productivity)
        / YEAR
    )
    time = np.arange(span.months)
    failed = (struck.failed_month >= 0)[:, None] & (time >= struck.failed_month[:, None])
    aftermath = failed & (time < struck.failed_month[:, None] + 14)  # stock and wages still to be paid
    business += trade[:, None] * block.index * np.where(failed, 0.0, 1.0)
    expense += trade[:, None] * block.index * np.where(failed, np.where(aftermath, 0.35, 0.0), 0.45)
    return business, expense


def _dividends(block: Block) -> FloatArray:
    """(n, years) what households that were registered poor have of the village's projects."""
    share = block.draws.uniform("dividend", block.home)
    has = block.exited & (share < block.preset.number("income.dividend_share"))
    level = block.index[DIVIDEND_MONTH::YEAR]
    return np.where(has, block.preset.number("income.dividend") * (0.5 + share), 0.0)[:, None] * level


def _property(block: Block, labour: Work, land: FloatArray, dividend: FloatArray) -> FloatArray:
    """Dividends, and rent of fields that nobody tills, once a year."""
    preset, span = block.preset, block.span
    out = np.zeros((block.n, span.months))
    for y in range(span.years):
        idle = labour.idle_hands[:, y * YEAR : (y + 1) * YEAR].mean(axis=1) < 0.4
        rent = np.where(idle & (block.draws.uniform("lets land", block.home) < 0.5), land * preset.number("income.rent"), 0.0)
        month = y * YEAR + DIVIDEND_MONTH
        out[:, month] = dividend[:, y] + rent * block.index[month]
    return out


def _private(block: Block, people: People, condition: Condition, struck: Shocks) -> FloatArray:
    """What children and kin outside the household send, twice a year; the old without earners live on it, and it can stop unseen."""
    draws, preset, span = block.draws, block.preset, block.span
    mean_old, mean_other = preset.numbers("income.gifts")
    kind = np.exp(0.7 * draws.normal("kindness", block.home) - 0.245)
    has = draws.uniform("has kin", block.home)
    out = np.zeros((block.n, span.months))
    silent = np.zeros(block.n, dtype=np.int64)
    for y in range(span.years):
        year = span.first + y
        old = (people.exists & people.here(y * YEAR) & (year - people.birth >= 62)).sum(axis=1)
        hands = (condition.here[..., y * 4] & (condition.ability[..., y * 4] < WEAK)).sum(axis=1)
        stops = draws.uniform("gifts stop", block.home, year) < preset.number("shocks.gifts_stop") * block.precarity
        silent = np.where(stops, 2, np.maximum(silent - 1, 0))
        amount = np.where((old > 0) & (hands == 0), mean_old * old * (has < 0.92), mean_other * (has < 0.5))
        amount = amount * kind * np.exp(0.2 * draws.normal("gifts", block.home, year) + block.productivity) * np.where(silent > 0, 0.1, 1.0)
        for order, month in enumerate(GIFT_MONTHS):
            out[:, y * YEAR + month] = amount * (0.65, 0.35)[order] * block.index[y * YEAR + month] * struck.sagging[:, y * YEAR + month]
    return out


class _Aid(NamedTuple):
    """What `_policy` finds, as `Livelihood` holds it; `paid` is the policy transfers by month."""

    paid: FloatArray
    dibao: Array
    dibao_rate: FloatArray
    dibao_whole: BoolArray
    supported: BoolArray
    pensioner: BoolArray


def _policy(block: Block, people: People, condition: Condition, *, market: FloatArray, size: Array, land: FloatArray, bill: Bills) -> _Aid:
    """Pensions, subsidies, disability allowances, dibao and extreme-poverty support; dibao hangs on last year's income as it was seen."""
    draws, preset, span = block.draws, block.preset, block.span
    out = np.zeros((block.n, span.months))
    level = block.index
    joins = draws.uniform("joins pension", block.person) < preset.number("policy.pension_share")
    pensioner = np.zeros((block.n, SLOTS, span.years), dtype=np.bool_)
    dibao = np.zeros((block.n, span.years), dtype=np.int64)
    dibao_rate = np.zeros((block.n, span.years))
    dibao_whole = np.zeros((block.n, span.years), dtype=np.bool_)
    whole = block.exited & (draws.uniform("whole household", block.home) < preset.number("policy.dibao_whole"))
    left = exit_year(block, people)
    widened = np.asarray(preset.get("policy.dibao_registered"), dtype=np.float64)
    childless = draws.uniform("childless", block.home) < preset.number("policy.childless")
    first = people.exists & people.here(0)
    old = first & (span.first - people.birth >= 60)
    supported = childless & (first == old).all(axis=1) & (size[:, 0] <= 2)
    on = np.zeros(block.n, dtype=np.bool_)
    for y in range(span.years):
        year, months = span.first + y, slice(y * YEAR, (y + 1) * YEAR)
        here = people.exists & people.here(y * YEAR)
        pensioner[..., y] = joins & here & (year - people.birth >= 61)
        monthly = pensioner[..., y].sum(axis=1) * preset.number("policy.pension")
        severe = here & condition.disabled[..., y * 4] & (people.level <= 2)
        monthly = monthly + severe.sum(axis=1) * preset.number("policy.disability_allowance")
        monthly = monthly + supported * here.sum(axis=1) * preset.number("policy.extreme_support")

        able = here & (condition.ability[..., y * 4] < WEAK)
        unable = here & (condition.ability[..., y * 4] >= LOST)
        before = slice(max(0, y - 1) * YEAR, max(1, y) * YEAR)
        persons = np.maximum(size[:, before].mean(axis=1), 1)
        seen = market[:, before].sum(axis=1) / persons * np.exp(0.2 * draws.normal("means test", block.home, year))
        seen = seen - preset.number("policy.bill_counts") * bill.yearly_oop[:, max(0, y - 1)] / persons
        wider = np.where(block.exited, np.interp(year, widened[:, 0], widened[:, 1]), 1.0)
        line = block.plan.lines(max(year - 1, span.first))[0] * preset.number("policy.dibao_line") * wider
        none_able = ~able.any(axis=1)
        chance = np.where(none_able, preset.number("policy.dibao_unable"), preset.number("policy.dibao_able")) * np.where(
            block.exited, 1.25, 1.0
        )
        enters = (seen < line) & (draws.uniform("dibao", block.home, year) < chance)
        leaves = (seen > 1.4 * line) & (draws.uniform("dibao ends", block.home, year) < 0.5)
        leaves |= draws.uniform("dibao lost", block.home, year) < preset.number("policy.dibao_lost")
        floor = (left >= year) & (year >= preset.number("policy.floor_from"))
        on = ((on & ~leaves) | enters | floor) & ~supported
        dibao_whole[:, y] = on & (whole | floor)
        covered = np.where(
            none_able | dibao_whole[:, y],
            here.sum(axis=1),
            np.maximum(1, np.minimum(unable.sum(axis=1), preset.number("policy.dibao_most"))),
        )
        dibao[:, y] = on * covered
        tiers = preset.numbers("policy.dibao")
        tier = np.where(none_able, tiers[0], np.where(unable.any(axis=1), tiers[1], tiers[2]))
        monthly = monthly + dibao[:, y] * tier
        dibao_rate[:, y] = np.where(dibao[:, y] > 0, tier * level[y * YEAR + 6], 0.0)
        out[:, months] = monthly[:, None] * level[months]
        out[:, y * YEAR + SUBSIDY_MONTH] += land * preset.number("policy.per_mu") * level[y * YEAR + SUBSIDY_MONTH]
    return _Aid(out, dibao, dibao_rate, dibao_whole, supported, pensioner)
