"""Stands on one day after another, learns from what was known then, answers for every household, and keeps what became of each.

At every origin each contestant is fitted once, without one household in five and without one town. So one fit is judged in three ways:
forward in time (households it was fitted on, a year and more later), in households that it never saw, and in a town that it never saw.
The town is another one at each origin. The same fit answers again one, two and three years later: how fast does it grow old?

Worked example, origin 2021-06-30: fitted to 2019-03-31, calibrated on 2020-03-31 (their outcomes were known on 2021-06-30), judged on
2021-06-30 (falls from July 2021 to June 2022), and again as of 2022-06-30 and 2023-06-30.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from features.register import BoolArray, FloatArray, IntArray, last_full_month
from training.contestants import Answer, field
from training.county import household_groups, known_until, towns
from training.dataset import Dataset, History, collect
from training.fit import DEFAULTS, Settings, TooFewError, fit
from training.labels import shift
from training.splits import Split, TooLittleError, held_out

AGES = (0, 12, 24, 36)
FITTED, NEW_HOUSEHOLD, NEW_TOWN = range(3)
EVALUATIONS_ZH = {
    FITTED: "往后一年（拟合过的户）forward, households it was fitted on",
    NEW_HOUSEHOLD: "未见过的户 households it never saw",
    NEW_TOWN: "未见过的乡镇 a town it never saw",
}
LEAD_QUARTERS = 6
NOWHERE = -1
ROW_FIELDS = ("origin", "age", "household", "town", "seen", "y", "helped", "edge", "lead")
NAMED = ("groups", "rank", "probability")


@dataclass(frozen=True, slots=True)
class Answers:
    """What each contestant said of each household at each origin, and what became of it.

    Attributes:
        origins: the fits, ascending.
        household_id: pseudonyms, in the register's order.
        towns: 9-digit township codes, ascending.
        origin: (n,) index into `origins`.
        age: (n,) months from the origin to the day that was answered for.
        household: (n,) index into `household_id`.
        town: (n,) index into `towns`.
        seen: (n,) FITTED, NEW_HOUSEHOLD or NEW_TOWN.
        y: (n,) 1 where it happened, else 0.
        helped: (n,) helped within the outcome's months.
        edge: (n,) income inside the edge band.
        lead: (n,) months until the register itself showed the household under the line; NaN where it did not happen or never showed.
        groups: (n,) membership by name of a group.
        rank, probability: (n,) by contestant.
        left_out: origins that had too few events to learn from, with why.
    """

    origins: tuple[Split, ...]
    household_id: tuple[str, ...]
    towns: tuple[str, ...]
    origin: IntArray
    age: IntArray
    household: IntArray
    town: IntArray
    seen: IntArray
    y: FloatArray
    helped: BoolArray
    edge: BoolArray
    lead: FloatArray
    groups: Mapping[str, BoolArray]
    rank: Mapping[str, FloatArray]
    probability: Mapping[str, FloatArray]
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.y)

    @property
    def contestants(self) -> tuple[str, ...]:
        """Their names, ours first."""
        return tuple(self.rank)

    @property
    def fresh(self) -> BoolArray:
        """(n,) answers for the origin's own day."""
        return np.asarray(self.age == 0)

    def select(self, rows: BoolArray) -> Answers:
        """Some of the rows."""
        return _with(self, lambda values: values[rows])


def _with(first: Answers, change: Callable[..., Any], *others: Answers) -> Answers:
    """The first answers with every column changed; the change is told that column of the others too."""
    columns: dict[str, Any] = {name: change(*(getattr(part, name) for part in (first, *others))) for name in ROW_FIELDS}
    for kind in NAMED:
        columns[kind] = {name: change(*(getattr(part, kind)[name] for part in (first, *others))) for name in getattr(first, kind)}
    return replace(first, **columns)


def roll(
    history: History,
    splits: Sequence[Split],
    *,
    settings: Settings = DEFAULTS,
    ages: Sequence[int] = AGES,
    force: bool = False,
    field_of: Callable[..., dict[str, Answer]] = field,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Answers:
    """Fits every contestant at every origin and asks it of every household, then and years later.

    Args:
        history: the facts and the outcome; its frames should be kept, each date is asked for many times.
        splits: the origins.
        settings: of our model.
        ages: months after the origin at which the same fit answers again.
        force: fit although an origin has too few events.
        field_of: who takes part.
        progress: called with what is done, how many steps, of how many.

    Raises:
        TooLittleError: no origin had enough events.
    """
    register = history.register
    away = held_out(register.household_id, settings.seed)
    codes = np.array(towns(register))
    names, town_of_village = np.unique(codes, return_inverse=True)
    until, last = known_until(register), max(split.test for split in splits)
    parts: list[Answers] = []
    left_out: list[str] = []
    for number, split in enumerate(splits):
        progress(f"时点 origin {split.test}", number, len(splits))
        town = number % len(names) if len(names) > 1 else NOWHERE
        rows, later = collect(history, split.fit, split.test), collect(history, [split.calibrate], split.test)
        rows = rows.select(~away[rows.household] & (town_of_village[rows.village] != town))
        later = later.select(~away[later.household] & (town_of_village[later.village] != town))
        try:
            fitted = fit(rows, later, settings, force=force)
        except TooFewError as error:
            left_out.append(f"{split.test}: {error}")
            continue
        asked = field_of(rows, fitted, settings.threads)
        for day in [shift(split.test, age) for age in ages if shift(split.test, age) <= last]:
            judged = collect(history, [day], until)
            place = town_of_village[judged.village].astype(np.int32)
            answers = [answer(judged) for answer in asked.values()]
            parts.append(
                Answers(
                    tuple(splits),
                    tuple(register.household_id),
                    tuple(names.tolist()),
                    origin=np.full(len(judged), number, dtype=np.int32),
                    age=np.full(len(judged), last_full_month(day) - last_full_month(split.test), dtype=np.int32),
                    household=judged.household,
                    town=place,
                    seen=np.where(place == town, NEW_TOWN, np.where(away[judged.household], NEW_HOUSEHOLD, FITTED)).astype(np.int32),
                    y=judged.y,
                    helped=judged.helped,
                    edge=judged.edge,
                    lead=_lead(history, day, judged),
                    groups=household_groups(register, judged),
                    rank={answer.model: answer.rank for answer in answers},
                    probability={answer.model: answer.probability for answer in answers},
                )
            )
    progress("完成 done", len(splits), len(splits))
    if not parts:
        raise TooLittleError("没有一个时点有足够的事件 no origin has enough events to learn from:\n" + "\n".join(left_out))
    return replace(_with(parts[0], lambda *columns: np.concatenate(columns), *parts[1:]), left_out=tuple(left_out))


def _lead(history: History, day: dt.date, rows: Dataset) -> FloatArray:
    """Months from a day until the register, as it was known then, first shows the household under the line."""
    out = np.full(len(rows), np.nan)
    place = np.full(len(history.register.household_id), -1)
    place[rows.household] = np.arange(len(rows))
    open_ = rows.y > 0
    until = known_until(history.register)
    for quarter in range(1, LEAD_QUARTERS + 1):
        then = shift(day, 3 * quarter)
        if then > until or not open_.any():
            break
        frame = history.frame(then)
        with np.errstate(invalid="ignore"):
            under = frame.position[frame.facts.pc_net_income < frame.facts.poverty_line]
        found = place[under]
        found = found[found >= 0]
        found = found[open_[found]]
        out[found] = 3.0 * quarter
        open_[found] = False
    return out
