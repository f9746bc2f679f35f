"""What happens to people over the years: illness, disability, accidents, death, marriage, birth, leaving home."""

from __future__ import annotations

import numpy as np

from features.register import Array, BoolArray, FloatArray
from training.synth.block import FOREVER, QUARTER, SLOTS, YEAR, Block
from training.synth.population import (
    ADULT,
    CHILD,
    CHILD_IN_LAW,
    DIED,
    GRANDCHILD,
    HEAD,
    LEFT,
    SPOUSE,
    People,
    grown_education,
)


def live(block: Block, people: People) -> None:
    """Leads the people of a block through the years, changing `people` in place."""
    draws, preset, span = block.draws, block.preset, block.span
    _born_frail(block, people)
    curves = {
        name: preset.by_age(f"health.{name}") for name in ("chronic_onset", "serious_onset", "disability_onset", "mortality", "accident")
    }
    burden = np.where(block.exited, preset.number("health.exited_factor"), 1.0)[:, None] * block.frailty[:, None]
    for y in range(span.years):
        year, start = span.first + y, y * YEAR
        age = np.clip(year - people.birth, 0, 120)
        here = people.exists & people.here(start)

        fate = _Fate(block, year)
        chronic = people.chronic_from <= start
        onset = fate.strikes("chronic", curves["chronic_onset"][age] * burden, here & ~chronic)
        people.chronic_from = np.where(onset & (people.chronic_from == FOREVER), fate.month("chronic month"), people.chronic_from)
        onset = fate.strikes(
            "serious", curves["serious_onset"][age] * burden * (1 + 0.8 * chronic), here & (people.serious_from == FOREVER)
        )
        begin = fate.month("serious month")
        low, high = preset.numbers("health.serious_months")
        lasts = np.floor(low + (high - low) * draws.uniform("serious length", block.person)).astype(np.int32)
        people.serious_from = np.where(onset, begin, people.serious_from)
        people.serious_to = np.where(onset, begin + lasts, people.serious_to)
        accident = fate.strikes(
            "accident", curves["accident"][age] * np.sqrt(block.precarity)[:, None], here & (people.accident_from == FOREVER)
        )
        begin = fate.month("accident month")
        low, high = preset.numbers("health.accident_months")
        people.accident_from = np.where(accident, begin, people.accident_from)
        people.accident_to = np.where(
            accident,
            begin + np.floor(low + (high - low) * draws.uniform("accident length", block.person)).astype(np.int32),
            people.accident_to,
        )
        crippled = accident & (draws.uniform("accident disables", block.person) < preset.number("health.accident_disables"))
        aged = fate.strikes("disability", curves["disability_onset"][age] * burden, here & (people.disabled_from == FOREVER)) & ~crippled
        _disable(block, people, crippled | aged, np.where(crippled, people.accident_from, fate.month("disability month")), limb=crippled)

        ill = (people.serious_from <= start) & (people.serious_to > start)
        hazard = curves["mortality"][age] * (1 + 0.5 * chronic + preset.number("health.serious_mortality") * ill)
        dies = fate.strikes("death", hazard, here)
        # nobody goes before the register has been opened
        people.gone = np.where(dies, np.maximum(fate.month("death month"), QUARTER), people.gone)
        people.gone_kind = np.where(dies, np.int8(DIED), people.gone_kind)
        _marry(block, people, age, here & ~dies, year)
        _bear(block, people, age, here & ~dies, year)
    _dissolve(block, people)


class _Fate:
    """Whom something strikes in a year, and in which month."""

    def __init__(self, block: Block, year: int) -> None:
        self._block, self._year = block, year

    def strikes(self, name: str, hazard: FloatArray, among: BoolArray) -> BoolArray:
        """(n, SLOTS) those whom it strikes, by a yearly hazard."""
        return np.asarray(among & (self._block.draws.uniform(name, self._block.person, self._year) < hazard))

    def month(self, name: str) -> Array:
        """(n, SLOTS) a month of the year."""
        place = np.floor(YEAR * self._block.draws.uniform(name, self._block.person, self._year))
        return ((self._year - self._block.span.first) * YEAR + place).astype(np.int32)


def _born_frail(block: Block, people: People) -> None:
    """Illness and disability that people already have in the first month."""
    preset, draws = block.preset, block.draws
    age = np.clip(block.span.first - people.birth, 0, 120)
    factor = np.where(block.exited, preset.number("health.exited_factor"), 1.0)[:, None] * block.frailty[:, None]
    has = people.exists & (draws.uniform("chronic at start", block.person) < preset.by_age("health.chronic_prevalence")[age] * factor)
    people.chronic_from[has] = -1
    has = people.exists & (draws.uniform("disabled at start", block.person) < preset.by_age("health.disability_prevalence")[age] * factor)
    _disable(block, people, has, np.full(people.birth.shape, -1, dtype=np.int32), limb=np.zeros_like(has))
    low, high = preset.numbers("health.serious_months")
    span = (low + high) / 2 / YEAR
    has = people.exists & (draws.uniform("serious at start", block.person) < preset.by_age("health.serious_onset")[age] * factor * span)
    left = np.floor(1 + high * draws.uniform("serious left", block.person)).astype(np.int32)
    people.serious_from = np.where(has, np.int32(-1), people.serious_from)
    people.serious_to = np.where(has, left, people.serious_to)


def _disable(block: Block, people: People, which: BoolArray, month: Array, limb: BoolArray) -> None:
    kind = block.draws.choice("disability kind", block.person, block.preset.numbers("health.disability_kinds"))
    level = 1 + block.draws.choice("disability level", block.person, block.preset.numbers("health.disability_levels"))
    people.disabled_from = np.where(which, month, people.disabled_from).astype(np.int32)
    people.disability = np.where(which, np.where(limb, 3, kind), people.disability).astype(np.int8)
    people.level = np.where(which, level, people.level).astype(np.int8)


def _marry(block: Block, people: People, age: Array, here: BoolArray, year: int) -> None:
    """Grown children marry: most daughters leave, about half of the sons bring a wife home. Some leave for other reasons."""
    draws, preset = block.draws, block.preset
    start = (year - block.span.first) * YEAR
    grown = here & ((people.role == CHILD) | (people.role == GRANDCHILD)) & (age >= 21) & (age <= 34)
    moment = np.maximum(start + np.floor(YEAR * draws.uniform("marriage month", block.person, year)), QUARTER).astype(np.int32)
    weds = grown & ~people.married & (draws.uniform("marriage", block.person, year) < preset.number("population.marriage"))
    stays = np.where(people.sex == 0, preset.number("population.son_stays"), preset.number("population.daughter_stays"))
    stay = weds & (draws.uniform("stays", block.person, year) < stays) & (people.used < SLOTS - 1)[:, None]
    move = grown & ~people.married & ~weds & (draws.uniform("moves out", block.person, year) < preset.number("population.moves_out"))
    goes = (weds & ~stay) | move
    people.gone = np.where(goes, moment, people.gone)
    people.gone_kind = np.where(goes, np.int8(LEFT), people.gone_kind)
    rows = np.flatnonzero(stay.any(axis=1))
    if not len(rows):
        return
    chosen = stay[rows].argmax(axis=1)  # one wedding a household and year
    people.married[rows, chosen] = True
    sex = 1 - people.sex[rows, chosen]
    birth = people.birth[rows, chosen] + np.where(sex == 1, 2, -2)
    slot = people.add(rows, birth=birth, sex=sex, role=np.full(len(rows), CHILD_IN_LAW), month=moment[rows, chosen])
    people.married[rows, slot] = True
    people.attain[rows, slot] = grown_education(block, rows, slot, birth)


def _bear(block: Block, people: People, age: Array, here: BoolArray, year: int) -> None:
    """Married women bear children, at most one a household and year."""
    draws, preset = block.draws, block.preset
    start = (year - block.span.first) * YEAR
    minors = (here & (age < 18)).sum(axis=1)
    fertile = here & people.married & (people.sex == 1) & (age >= 20) & (age <= 40)
    fertile &= (people.role == HEAD) | (people.role == SPOUSE) | (people.role == CHILD) | (people.role == CHILD_IN_LAW)
    hazard = (
        preset.by_age("population.fertility")[age]
        * np.take(preset.numbers("population.fertility_by_minors"), np.minimum(minors, 3))[:, None]
    )
    bears = fertile & (draws.uniform("birth", block.person, year) < hazard) & (people.used < SLOTS)[:, None]
    rows = np.flatnonzero(bears.any(axis=1))
    if not len(rows):
        return
    mother = bears[rows].argmax(axis=1)
    own = np.isin(people.role[rows, mother], (HEAD, SPOUSE))
    slot = people.used[rows]
    month = np.minimum(people.birth_month[rows, slot], YEAR - 1)
    sex = (draws.uniform("newborn sex", block.home[rows], year) > 0.53).astype(np.int8)
    role = np.where(own, CHILD, GRANDCHILD)
    people.add(rows, birth=np.full(len(rows), year), sex=sex, role=role, month=start + month)
    people.attain[rows, slot] = grown_education(block, rows, slot, np.full(len(rows), year))


def _dissolve(block: Block, people: People) -> None:
    """When no adult is left the children are taken in elsewhere and the household ends."""
    end = np.full(block.n, FOREVER, dtype=np.int32)
    for month in range(block.span.months):
        grown = people.exists & (block.span.first + month // YEAR - people.birth >= ADULT)
        alone = ~(grown & people.here(month)).any(axis=1)
        end = np.where(alone & (end == FOREVER), month, end)
    late = people.exists & (people.gone > end[:, None])
    people.gone_kind = np.where(late, np.int8(LEFT), people.gone_kind)
    people.gone = np.where(late, end[:, None], people.gone).astype(np.int32)
