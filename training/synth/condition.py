"""In what condition each person is, quarter by quarter: at school, ill, disabled, able to work. The truth behind the members table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.register import Array, BoolArray
from training.synth.block import SLOTS, YEAR, Block
from training.synth.population import COLLEGE, HEAD, JUNIOR, PRIMARY, SENIOR, SPOUSE, People

# Codes in the order of the register's lists.
ORDINARY, SKILLED, WEAK, LOST, NONE = range(5)
NO_SCHOOL, PRESCHOOL, IN_PRIMARY, IN_JUNIOR, IN_SENIOR, VOCATIONAL, HIGHER_VOCATIONAL, UNIVERSITY = range(8)


@dataclass(frozen=True)
class Condition:
    """(n, SLOTS, quarters) codes, as they are in the middle month of each quarter.

    Attributes:
        here: lives in the household.
        school: school status code.
        dropped: of compulsory-school age and not at school.
        chronic, serious: ill.
        disabled: has a certificate.
        ability: labour ability code.
        carer: stays at home to nurse somebody.
        relation: relation to the head of that quarter.
    """

    here: BoolArray
    school: Array
    dropped: BoolArray
    chronic: BoolArray
    serious: BoolArray
    disabled: BoolArray
    ability: Array
    carer: BoolArray
    relation: Array

    @property
    def student(self) -> BoolArray:
        """At school."""
        return np.asarray(self.school > PRESCHOOL)


def conditions(block: Block, people: People) -> Condition:
    """The condition of everybody in every quarter."""
    shape = (block.n, SLOTS, block.span.quarters)
    here, dropped, chronic, serious, disabled, carer = (np.zeros(shape, dtype=np.bool_) for _ in range(6))
    school, ability, relation = (np.zeros(shape, dtype=np.int8) for _ in range(3))
    draws, preset = block.draws, block.preset
    drops = draws.uniform("drops out", block.person) < preset.number("population.drops_out")
    academic = draws.uniform("academic", block.person)
    traits = _Traits(block, people)
    nurses = draws.uniform("nursing", block.home) < preset.number("labour.nursing")
    role = people.role.copy()
    head = np.zeros(block.n, dtype=np.int64)
    rows = np.arange(block.n)
    for quarter in range(shape[2]):
        month = quarter * 3 + 1
        year = block.span.first + quarter // 4
        present = people.exists & people.here(month)
        here[..., quarter] = present
        # the school year begins in September: a quarter's age is that of its school year
        age = year - people.birth - (quarter % 4 < 3)
        school[..., quarter], dropped[..., quarter] = _school(age, people.attain, drops, academic)
        chronic[..., quarter] = people.chronic_from <= month
        sick = (people.serious_from <= month) & (people.serious_to > month)
        serious[..., quarter] = sick
        disabled[..., quarter] = people.disabled_from <= month
        hurt = (people.accident_from <= month) & (people.accident_to > month)
        student = school[..., quarter] > PRESCHOOL
        ability[..., quarter] = traits.ability(year - people.birth, student, chronic[..., quarter], sick | hurt, disabled[..., quarter])
        nursing = nurses & (present & (sick | hurt)).any(axis=1)
        candidates = present & (ability[..., quarter] <= WEAK) & ~sick
        first = candidates.argmax(axis=1)
        carer[rows, first, quarter] = nursing & candidates.any(axis=1)
        _succeed(role, head, present, people, year)
        relation[..., quarter] = role
    return Condition(here, school, dropped, chronic, serious, disabled, ability, carer, relation)


def _school(age: Array, attain: Array, drops: BoolArray, academic: Array) -> tuple[Array, BoolArray]:
    """School status by age at the beginning of the school year; dropping out of compulsory school is rare."""
    compulsory = (age >= 6) & (age <= 14)
    dropped = compulsory & drops & (age >= 12)
    senior = np.where(academic < 0.5, IN_SENIOR, VOCATIONAL)
    higher = np.where(attain > COLLEGE, UNIVERSITY, HIGHER_VOCATIONAL)
    status = np.select(
        [
            (age >= 3) & (age < 6),
            compulsory & ~dropped & (age < 12),
            compulsory & ~dropped,
            (age >= 15) & (age < 18) & (attain >= SENIOR),
            (age >= 18) & (age < 21 + (attain > COLLEGE)) & (attain >= COLLEGE),
        ],
        [np.full_like(age, PRESCHOOL), np.full_like(age, IN_PRIMARY), np.full_like(age, IN_JUNIOR), senior, higher],
        NO_SCHOOL,
    )
    return status.astype(np.int8), dropped


class _Traits:
    """What decides a person's labour ability beside age and illness."""

    def __init__(self, block: Block, people: People) -> None:
        draws, preset = block.draws, block.preset
        self.level = people.level
        skilled = np.where(people.attain >= SENIOR, 0.45, np.where(people.attain >= JUNIOR, 0.15, 0.04)) * (people.attain > PRIMARY - 1)
        self.skilled: BoolArray = draws.uniform("skilled", block.person) < skilled
        self.tough = draws.uniform("tough", block.person)
        self.chronic_weak = preset.number("labour.chronic_weak")

    def ability(self, age: Array, student: BoolArray, chronic: BoolArray, struck: BoolArray, disabled: BoolArray) -> Array:
        """Labour ability of everybody: none under 16 and at school; old age, illness and disability weaken it."""
        severe = disabled & (self.level <= 2)
        weak = (disabled & (self.level > 2)) | (chronic & (self.tough < self.chronic_weak)) | ((age >= 60) & (self.tough > 0.15))
        out = np.where(self.skilled, SKILLED, ORDINARY)
        out = np.where(weak | (age >= 60), WEAK, out)
        out = np.where(severe, np.where(self.tough < 0.7, LOST, WEAK), out)
        out = np.where((age >= 68) & (self.tough < 0.8), LOST, out)
        out = np.where(struck, np.where(self.tough < 0.75, LOST, WEAK), out)
        return np.where((age < 16) | student | (age >= 75), NONE, out).astype(np.int8)


# What a relation to the old head becomes when one of the old head's children is the new head.
_AFTER_CHILD = np.array([5, 5, 8, 9, 2, 7, 9, 7, 9, 9], dtype=np.int8)


def _succeed(role: Array, head: Array, present: BoolArray, people: People, year: int) -> None:
    """Where the head has gone the spouse follows, else the oldest adult; relations are told anew."""
    rows = np.arange(len(head))
    vacant = ~present[rows, head] & present.any(axis=1)
    if not vacant.any():
        return
    adult = present & (year - people.birth >= YEAR + 4)
    spouse = (role == SPOUSE) & present
    oldest = np.where(adult, people.birth, 9999).argmin(axis=1)
    heir = np.where(spouse.any(axis=1), spouse.argmax(axis=1), oldest)
    change = np.flatnonzero(vacant & adult.any(axis=1))
    for row in change:
        was = int(role[row, heir[row]])
        if was == 2:  # a child follows its parent
            wives = role[row] == 3
            role[row] = _AFTER_CHILD[role[row]]
            mate = wives & people.married[row] & (people.sex[row] != people.sex[row, heir[row]])
            if mate.any():
                role[row, int(mate.argmax())] = SPOUSE
        elif was == 5:  # a parent follows its child
            role[row] = np.array([9, 3, 4, 9, 4, 1, 9, 9, 2, 9], dtype=np.int8)[role[row]]
        role[row, head[row]] = 9
        role[row, heir[row]] = HEAD
        head[row] = heir[row]
