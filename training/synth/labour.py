"""Who works where, month by month: spells of migrant and local work, how they end, and what they pay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.register import Array, BoolArray, FloatArray
from training.synth.block import FOREVER, YEAR, Block
from training.synth.condition import WEAK, Condition
from training.synth.population import COLLEGE, SENIOR, People

MIGRANT, LOCAL, WORKSHOP, PUBLIC_POST, TEMPORARY, SELF_EMPLOYED = range(6)
TOWNSHIP, COUNTY, PROVINCE, OUTSIDE, ABROAD = range(5)
NOT_WORKING = np.int8(-1)
_NEAR_HOME = np.array([LOCAL, WORKSHOP, PUBLIC_POST, SELF_EMPLOYED, TEMPORARY])  # in the presets' order


@dataclass(frozen=True)
class Spells:
    """All spells of work in the block, in no order.

    Attributes:
        row, slot: whose.
        start, end: first month and last month; end is FOREVER while it goes on. Starts may lie before the first simulated month.
        kind, region: codes of the register.
        wage: yuan a month, net of living costs away from home, at the level of the starting month.
        lost: ended against the person's will and hard to replace.
    """

    row: Array
    slot: Array
    start: Array
    end: Array
    kind: Array
    region: Array
    wage: FloatArray
    lost: BoolArray


@dataclass(frozen=True)
class Work:
    """What came of it.

    Attributes:
        wage: (n, months) wages that reach the household, yuan.
        busy: (n, SLOTS, years) months worked.
        seeking: (n, SLOTS, years) belongs to the labour force: able, of working age, and in work or looking for it.
        idle_hands: (n, months) able persons at home, for the farm.
        earners: (n, months) persons in wage work.
        spells: the spells.
    """

    wage: FloatArray
    busy: Array
    seeking: BoolArray
    idle_hands: Array
    earners: Array
    spells: Spells


def work(block: Block, people: People, condition: Condition, remitted: FloatArray) -> Work:
    """Leads everybody of working age through jobs.

    Args:
        block: the households.
        people: their members.
        condition: whether they can work.
        remitted: (n, months) share of migrants' wages that reaches the household.

    Returns:
        wages by month and the spells.
    """
    draws, preset, span = block.draws, block.preset, block.span
    worker = _Workers(block, people)
    shape = people.birth.shape
    kind = np.full(shape, NOT_WORKING)
    started = np.zeros(shape, dtype=np.int32)
    pay = np.zeros(shape)
    stuck = np.zeros(shape, dtype=np.bool_)  # lost a job and finds no other easily
    wage = np.zeros((block.n, span.months))
    busy = np.zeros((*shape, span.years), dtype=np.int8)
    seeking = np.zeros((*shape, span.years), dtype=np.bool_)
    hands = np.zeros((block.n, span.months), dtype=np.int8)
    earners = np.zeros((block.n, span.months), dtype=np.int8)
    ended: list[tuple[Array, ...]] = []
    leaving = preset.numbers("labour.leave")
    bad_share, stuck_factor = preset.number("labour.bad_end"), preset.number("labour.stuck")
    on_leave, on_start = block.epidemic
    season = preset.numbers("labour.season")
    can = np.zeros(shape, dtype=np.bool_)
    eager = worker.eagerness(span.first, condition, 0)
    for month in range(-1, span.months):
        quarter, year = max(month, 0) // 3, span.first + max(month, 0) // YEAR
        if month % 3 == 0 or month < 0:
            can = (condition.ability[..., quarter] <= WEAK) & ~condition.carer[..., quarter] & (year - people.birth < 72)
            eager = worker.eagerness(year, condition, quarter)
        able = can & people.exists & people.here(max(month, 0))
        at_work = kind >= 0
        if month < 0:  # who is at work when the story begins, and for how long
            draw = draws.uniform("works at start", block.person)
            begins = able & (draw < preset.number("labour.at_start") / worker.unsteady**0.1) & (eager > 0)
            since = -1 - np.floor(40 * draws.uniform("spell at start", block.person) ** 2).astype(np.int32)
        else:
            leave = np.minimum(0.9, leaving[kind] * worker.unsteady * on_leave[month] * at_work)
            draw = draws.uniform("leave", block.person, month)
            ends = at_work & (~able | (draw < leave))
            if ends.any():
                bad = ends & able & (draw < leave * np.minimum(0.9, bad_share * worker.unsteady**0.5))
                stuck |= bad
                row, slot = np.nonzero(ends)
                ended.append((row, slot, started[ends], np.full(len(row), month - 1), kind[ends], pay[ends], bad[ends]))
                kind[ends] = NOT_WORKING
            # where nobody earns, those who would rather stay at home look for work too
            need = np.where(at_work.any(axis=1), 0.0, preset.number("labour.need"))[:, None]
            finds = np.maximum(eager, need) * np.where(stuck, stuck_factor, 1.0) * season[month % YEAR] * on_start[month]
            begins = able & (kind < 0) & ~ends & (draws.uniform("find work", block.person, month) < finds)
            since = np.full(shape, month, dtype=np.int32)
        row, slot = np.nonzero(begins)
        if len(row):
            new_kind = worker.kind_of_work(row, slot, year, month)
            kind[row, slot] = new_kind
            started[row, slot] = since[row, slot]
            pay[row, slot] = worker.wage(row, slot, new_kind, year=year, ability=condition.ability[row, slot, quarter], month=month)
            stuck[row, slot] = False
        if month >= 0:
            at_work = kind >= 0
            share = np.where(kind == MIGRANT, remitted[:, month, None], 1.0)
            wage[:, month] = (pay * at_work * share).sum(axis=1) * block.index[month]
            busy[..., month // YEAR] += at_work
            seeking[..., month // YEAR] |= at_work | (able & (eager > 0) & (month % YEAR == 8))
            hands[:, month] = (able & (kind != MIGRANT)).sum(axis=1)
            earners[:, month] = at_work.sum(axis=1)
    going = kind >= 0
    row, slot = np.nonzero(going)
    ended.append((row, slot, started[going], np.full(len(row), FOREVER), kind[going], pay[going], np.zeros(len(row), dtype=np.bool_)))
    row, slot, start, end, kinds, paid, lost = (np.concatenate(parts) for parts in zip(*ended, strict=True))
    level = block.index[np.maximum(start, 0)]
    spells = Spells(row, slot, start, end, kinds.astype(np.int8), worker.region(row, slot, kinds, start), paid * level, lost)
    working_age = (people.birth[..., None] <= np.arange(span.years) + span.first - 16) & (
        people.birth[..., None] > np.arange(span.years) + span.first - 60
    )
    return Work(wage, busy, seeking & working_age, hands, earners, spells)


class _Workers:
    """What decides who finds which work and for what wage."""

    def __init__(self, block: Block, people: People) -> None:
        self.block, self.people = block, people
        draws, preset = block.draws, block.preset
        talent = draws.normal("talent", block.person)
        sd = preset.number("labour.unsteady_sd")
        own = np.exp(sd * (0.8 * draws.normal("unsteady", block.person) - 0.6 * talent) - sd**2 / 2)
        schooled = np.where(people.attain >= COLLEGE, 0.6, np.where(people.attain >= SENIOR, 0.8, 1.0))
        self.unsteady: FloatArray = own * block.precarity[:, None] * schooled
        schooling = preset.numbers("labour.wage_by_education")[people.attain]
        self.level: FloatArray = preset.number("labour.talent_sd") * talent + block.productivity[:, None] + schooling
        self.level = self.level - preset.number("labour.women_earn_less") * people.sex
        self.bent: FloatArray = draws.uniform("will to work", block.person)
        self.taste: FloatArray = draws.uniform("taste for migration", block.person)

    def eagerness(self, year: int, condition: Condition, quarter: int) -> FloatArray:
        """Monthly chance of finding work: low for women with small children, the weak and the old; nil for those who do not look for it."""
        preset, people = self.block.preset, self.people
        age = year - people.birth
        small = ((age < 4) & people.here(quarter * 3)).any(axis=1, keepdims=True)
        looks = np.where(people.sex == 1, np.where(small, 0.45, preset.number("labour.women_work")), preset.number("labour.men_work"))
        looks = (
            looks
            * np.where(age >= 60, 0.35, 1.0)
            * np.where(condition.ability[..., quarter] == WEAK, preset.number("labour.weak_work"), 1.0)
        )
        chance = preset.number("labour.find") * np.exp(-0.02 * np.maximum(age - 40, 0)) * np.exp(0.6 * self.level)
        return np.asarray(np.where(self.bent < looks, np.minimum(chance, 0.8), 0.0))

    def kind_of_work(self, row: Array, slot: Array, year: int, month: int) -> Array:
        """Which kind of work is found: migration is for the younger, posts and workshops for exited households' weaker hands."""
        block, people = self.block, self.people
        who = block.person[row, slot]
        age = year - people.birth[row, slot]
        far = (
            block.preset.number("labour.migrate")
            * np.exp(-0.045 * np.maximum(age - 38, 0))
            * np.where(people.sex[row, slot] == 1, 0.8, 1.0)
        )
        rest = block.draws.uniform("kind of work", who, month)
        near, helped = (
            _NEAR_HOME[np.minimum(np.searchsorted(np.cumsum(block.preset.numbers(f"labour.near_home.{status}")), rest, side="right"), 4)]
            for status in ("ordinary", "exited")
        )
        away = self.taste[row, slot] * 0.8 + 0.2 * block.draws.uniform("away", who, month) < far
        return np.where(away, MIGRANT, np.where(block.exited[row], helped, near)).astype(np.int8)

    def wage(self, row: Array, slot: Array, kind: Array, *, year: int, ability: Array, month: int) -> FloatArray:
        """Monthly wage at the level of mid-2021."""
        block = self.block
        age = year - self.people.birth[row, slot]
        base = np.log(block.preset.numbers("labour.wage"))[kind]
        spread = block.preset.number("labour.spell_sd") * block.draws.normal("spell wage", block.person[row, slot], month + 1)
        weak = np.where(ability == WEAK, np.log(block.preset.number("labour.weak_wage")), 0.0)
        fixed = (kind == PUBLIC_POST) | (kind == TEMPORARY)
        level = np.where(fixed, 0.0, self.level[row, slot] + spread - 0.012 * np.maximum(age - 50, 0) + weak)
        return np.asarray(np.exp(base + level))

    def region(self, row: Array, slot: Array, kind: Array, start: Array) -> Array:
        """Where the work is."""
        far = self.taste[row, slot]
        draw = (far * 7919 + start * 0.618) % 1.0
        away = np.where(draw < 0.2, PROVINCE, np.where(draw < 0.998, OUTSIDE, ABROAD))
        near = np.where(draw < 0.55, TOWNSHIP, COUNTY)
        return np.where(kind == MIGRANT, away, near).astype(np.int8)
