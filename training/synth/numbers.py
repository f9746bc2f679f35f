"""Numbers for people who do not exist: household numbers, and 18-digit member numbers that no real person can have.

A member number looks like a resident identity number (GB 11643): area 990000, which is no area, then date of birth, three digits whose
last tells the sex, and the check digit. Within each cell of a thousand households the members born in one year with one sex are numbered
through, and each cell has its own range of numbers, so blocks need not know of one another. Beyond 1.6 million households numbers come
again, in other households.
"""

from __future__ import annotations

import numpy as np

from features.register import Array
from training.synth.block import CELL, SLOTS, Block
from training.synth.population import People

PREFIX = "990000"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
_DAYS, _SERIALS = 28, 500
_COMBINATIONS = 12 * _DAYS * _SERIALS
_RANGE = 100  # members of one cell born in one year with one sex: about 20 are expected
_STRIDE = 79_979  # prime: neighbours in a range get dates far apart


def check_digit(first_17: str) -> str:
    """The eighteenth character of an identity number.

    >>> check_digit("99000019491231002")
    '6'
    """
    return CHECKS[sum(int(digit) * weight for digit, weight in zip(first_17, WEIGHTS, strict=True)) % 11]


def household_numbers(block: Block) -> list[str]:
    """The households' numbers, like 990000-0001234."""
    return [f"{PREFIX}-{number:07d}" for number in block.hid.tolist()]


def member_numbers(block: Block, people: People) -> tuple[list[str], Array, Array]:
    """The members' numbers.

    Returns:
        numbers by `row * SLOTS + slot` ("" for empty slots); (n, SLOTS) month and day of birth that the numbers state.
    """
    exists = people.exists
    row, slot = np.nonzero(exists)
    birth, sex = people.birth[row, slot].astype(np.int64), people.sex[row, slot].astype(np.int64)
    cell = block.hid[row] // CELL
    group = (cell * 10_000 + birth) * 2 + sex
    order = np.argsort(group, kind="stable")  # rows ascend by household and slot already
    ordered = group[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]]
    rank = np.empty(len(row), dtype=np.int64)
    starts = np.flatnonzero(first)
    rank[order] = np.arange(len(row)) - np.repeat(starts, np.diff(np.r_[starts, len(row)]))
    place = ((cell * _RANGE + rank) * _STRIDE) % _COMBINATIONS
    month, rest = place // (_DAYS * _SERIALS), place % (_DAYS * _SERIALS)
    day, serial = rest // _SERIALS, (rest % _SERIALS) * 2 + (1 - sex)  # odd is male
    digits = np.empty((len(row), 18), dtype=np.uint8)
    stated = np.stack([np.full(len(row), 990000), birth, month + 1, day + 1, serial])
    at = 0
    for values, width in zip(stated, (6, 4, 2, 2, 3), strict=True):
        for place_value in range(width - 1, -1, -1):
            digits[:, at] = (values // 10**place_value) % 10
            at += 1
    check = (digits[:, :17].astype(np.int64) * np.array(WEIGHTS)).sum(axis=1) % 11
    text = digits + np.uint8(ord("0"))
    text[:, 17] = np.frombuffer(CHECKS.encode(), dtype=np.uint8)[check]
    numbers = np.full(block.n * SLOTS, "", dtype="<U18")
    numbers[row * SLOTS + slot] = np.ascontiguousarray(text).view("S18").ravel().astype("<U18")
    months, days = np.zeros(exists.shape, dtype=np.int8), np.ones(exists.shape, dtype=np.int8)
    months[row, slot], days[row, slot] = month, day + 1
    return numbers.tolist(), months, days
