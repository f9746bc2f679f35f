"""A block of households that are simulated together, and what every step of the simulation needs of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.policy.registry import Policy
from features.register import Array, BoolArray, FloatArray
from training.synth.draws import Draws, Keys, keys
from training.synth.preset import Preset

SLOTS = 10  # persons that a household can have had over the years; nobody's place is given to another
YEAR = 12
QUARTER = 3
CELL = 1000  # households whose members' numbers are made together; blocks hold whole cells
FOREVER = np.int32(2**30)  # a month that never comes
FIRST_TOWN, FIRST_VILLAGE = 901, 201


@dataclass(frozen=True)
class Span:
    """The simulated years. Months and quarters are counted from January of the first."""

    first: int
    last: int

    @property
    def years(self) -> int:
        """How many years."""
        return self.last - self.first + 1

    @property
    def months(self) -> int:
        """How many months."""
        return self.years * YEAR

    @property
    def quarters(self) -> int:
        """How many quarters."""
        return self.years * 4

    @cached_property
    def month_starts(self) -> Array:
        """First day of each month from six years before the first to two after the last, as days since 1970-01-01."""
        months = np.arange(f"{self.first - 6}-01", f"{self.last + 3}-01", dtype="datetime64[M]")
        return months.astype("datetime64[D]").astype(np.int32)

    def day(self, month: Array, within: Array | float = 0.0) -> Array:
        """A day in a month: `within` in [0, 1) is the place in it. Days since 1970-01-01."""
        place = np.asarray(month) + 6 * YEAR
        start = self.month_starts[place]
        return np.asarray(start + (within * (self.month_starts[place + 1] - start)).astype(np.int32), dtype=np.int32)

    @property
    def end_day(self) -> int:
        """The last day of the last year, as days since 1970-01-01."""
        return dt.date(self.last, 12, 31).toordinal() - dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Plan:
    """What is to be simulated: which county, how many households, which years, from which seed."""

    preset: Preset
    households: int
    span: Span
    seed: int
    dirt: float
    policy: Policy

    @cached_property
    def exited(self) -> int:
        """How many of the households are exited ones."""
        return int(np.floor(self.households * self.preset.number("county.exited_share") + 1e-9))

    def lines(self, year: int) -> tuple[float, float]:
        """Poverty line and monitoring line at the end of a year; yuan a person and year."""
        lines = self.policy.lines(dt.date(year, 12, 31), self.preset.county)
        if lines.poverty is None or lines.monitoring is None:
            raise ValueError(f"the synthetic line table does not reach {year}")
        return lines.poverty, lines.monitoring


class Block:
    """Households `start` … `stop`−1 of the county with the latent traits that nobody can observe.

    Attributes:
        hid: (n,) number of each household in the county.
        home, person: keys to draw with, (n,) and (n, SLOTS).
        exited: (n,) formerly registered poor.
        village: (n,) number of the village.
    """

    def __init__(self, plan: Plan, start: int, stop: int) -> None:
        self.plan = plan
        self.preset = plan.preset
        self.span = plan.span
        self.draws = Draws(plan.seed)
        self.hid = np.arange(start, stop, dtype=np.int64)
        self.n = len(self.hid)
        self.home: Keys = keys(self.hid)
        self.person: Keys = keys(self.hid[:, None] * 64 + np.arange(SLOTS) + (1 << 40))
        share = self.preset.number("county.exited_share")
        self.exited: BoolArray = np.floor((self.hid + 1) * share + 1e-9) > np.floor(self.hid * share + 1e-9)
        self.village: Array = self.draws.choice("village", self.home, self.villages.weight)

    @cached_property
    def villages(self) -> Villages:
        """The county's villages; the same in every block."""
        return Villages(self.plan)

    @cached_property
    def productivity(self) -> FloatArray:
        """(n,) lasting log productivity of the household's labour."""
        own = self.draws.normal("productivity", self.home) * self.preset.number("income.household_sd")
        return np.asarray(own + self.villages.productivity[self.village] - self.exited * self.preset.number("income.exited_gap"))

    @cached_property
    def precarity(self) -> FloatArray:
        """(n,) how exposed to losses: multiplies the hazards of losing work and income; lower productivity goes with more of it."""
        z = self.draws.normal("precarity", self.home)
        tilt = self.draws.normal("productivity", self.home)
        link = self.preset.number("income.precarity_link")
        mixed = -link * tilt + np.sqrt(1 - link**2) * z
        sd = self.preset.number("income.precarity_sd")
        return np.asarray(np.exp(sd * mixed - sd**2 / 2))

    @cached_property
    def frailty(self) -> FloatArray:
        """(n,) how prone to illness: multiplies the hazards of falling ill."""
        sd = self.preset.number("health.frailty_sd")
        return np.exp(sd * self.draws.normal("frailty", self.home) - sd**2 / 2)

    @cached_property
    def index(self) -> FloatArray:
        """(months,) level of wages and prices, 1 in the middle of 2021."""
        growth = self.preset.number("income.growth")
        month = np.arange(self.span.months) + (self.span.first - 2021) * YEAR - 6
        return np.asarray((1 + growth) ** (month / YEAR))

    @cached_property
    def epidemic(self) -> tuple[FloatArray, FloatArray]:
        """(months,) factors on losing work and on finding it in months of an epidemic."""
        leave, start = np.ones(self.span.months), np.ones(self.span.months)
        for month, on_leave, on_start in self.preset.get("labour.epidemic"):
            place = (int(month[:4]) - self.span.first) * YEAR + int(month[5:]) - 1
            if 0 <= place < self.span.months:
                leave[place], start[place] = on_leave, on_start
        return leave, start


def village_codes(preset: Preset) -> list[str]:
    """The codes of a county's made-up villages, township by township."""
    villages, townships = int(preset.number("county.villages")), int(preset.number("county.townships"))
    township = np.arange(villages) * townships // villages
    order = np.arange(villages) - np.searchsorted(township, township)
    return [f"{preset.county}{FIRST_TOWN + town}{FIRST_VILLAGE + place}" for town, place in zip(township, order, strict=True)]


class Villages:
    """Made-up villages in made-up townships: size, wealth, zeal of their officials, and what strikes them in which year."""

    def __init__(self, plan: Plan) -> None:
        preset, draws, span = plan.preset, Draws(plan.seed), plan.span
        self.count = int(preset.number("county.villages"))
        who = keys(np.arange(self.count) + (1 << 50))
        self.weight: FloatArray = np.exp(0.35 * draws.normal("village size", who))
        self.productivity: FloatArray = preset.number("income.village_sd") * draws.normal("village productivity", who)
        self.effort: FloatArray = np.exp(preset.number("process.effort_sd") * draws.normal("village effort", who))
        self.remote: FloatArray = draws.uniform("village remoteness", who)
        thirst = draws.uniform("village water", who).argsort().argsort()
        self.unsafe_water: BoolArray = thirst < round(self.count * preset.number("living.unsafe_villages"))
        self.codes: list[str] = village_codes(preset)
        # one disaster a village and year at most: its month, and the share of the harvest that it takes where it strikes
        shape = (self.count, span.years)
        self.disaster_month: Array = np.full(shape, -1, dtype=np.int32)
        self.disaster_loss: FloatArray = np.zeros(shape)
        for y in range(span.years):
            year = span.first + y
            struck = draws.uniform("disaster", who, year) < preset.number("shocks.village_year")
            season = draws.choice("disaster month", who, preset.numbers("shocks.season"), year)
            low, high = preset.numbers("shocks.harvest_loss")
            self.disaster_month[:, y] = np.where(struck, y * YEAR + season, -1)
            self.disaster_loss[:, y] = struck * (low + (high - low) * draws.uniform("disaster loss", who, year))
