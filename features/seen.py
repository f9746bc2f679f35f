"""What features look at: the register as known on a date, the lines in force, and the quantities that several themes share."""

from __future__ import annotations

import datetime as dt
from functools import cached_property

import numpy as np

from features.accounts import Accounts, accounts
from features.policy.registry import Policy
from features.register import BoolArray, FloatArray, IntArray, Register, TableView, View

YEAR, MONTH = 365, 30.4375  # days
PROMPTS = ("sudden_expenditure_share", "sudden_income_drop_share")
LONG_AGO = 120.0  # months that stand for "not within memory"
WORKING_AGE = (16, 60)  # labour tables of the field: under 16 is no labour, from 60 on not ordinary labour


def months_since(negative_days: FloatArray) -> FloatArray:
    """Months since the latest event, from the largest negative age in days; `LONG_AGO` where there was none."""
    return np.minimum(-np.where(np.isnan(negative_days), -LONG_AGO * MONTH, negative_days) / MONTH, LONG_AGO)


class Seen(View):
    """A view of the register with the policy in force beside it."""

    def __init__(self, register: Register, as_of: dt.date, policy: Policy) -> None:
        super().__init__(register, as_of)
        self.policy = policy

    @cached_property
    def known_households(self) -> BoolArray:
        """Households that the office knew of on the date."""
        known = np.zeros(self.n, dtype=bool)
        known[self["households"].household] = True
        return known

    @cached_property
    def village(self) -> np.ndarray:
        """(n,) index into the register's village codes; -1 where not known."""
        return np.asarray(self["households"].last(self["households"]["village_code"], default=-1)[0].astype(np.int64))

    @cached_property
    def _by_county(self) -> FloatArray:
        """(values, n) what policy says in each household's county on the date; NaN is not evaluable."""
        codes = self.register.texts.get(("households", "village_code"), [])
        rows = [(*self.policy.lines(self.as_of, code), *(self.policy.value(name, self.as_of, code) for name in PROMPTS)) for code in codes]
        table = np.array([*rows, (None,) * (2 + len(PROMPTS))], dtype=np.float64)  # the last row is for a village not known
        return np.asarray(table[self.village].T)

    @property
    def prompts(self) -> FloatArray:
        """(2, n) shares of a year's income at which an expenditure, or a fall of income, counts as large."""
        return np.asarray(self._by_county[2:])

    @cached_property
    def event_age(self) -> IntArray:
        """Days since each known event."""
        return np.asarray(self.day - self["events"]["occurred_on"])

    @property
    def lines(self) -> FloatArray:
        """(2, n) poverty line and monitoring line of each household's county, yuan a person and year; NaN is not evaluable."""
        return np.asarray(self._by_county[:2])

    @cached_property
    def members(self) -> Present:
        """The members who are present."""
        return Present(self)

    @cached_property
    def size(self) -> FloatArray:
        """Persons who share the budget: as declared, else the present members; NaN where neither is known."""
        declared = self["households"].last(self["households"]["sharing_size"])[0]
        counted = self.members.count
        return np.where(declared > 0, declared, np.where(counted > 0, counted, np.nan))

    @cached_property
    def line(self) -> FloatArray:
        """The household's poverty line: what it needs in a year, yuan; NaN is not evaluable."""
        return np.asarray(self.lines[0] * self.size)

    @cached_property
    def accounts(self) -> Accounts:
        """Income of the last twelve known months and of the twelve before."""
        return accounts(self)

    @cached_property
    def pc_net_income(self) -> FloatArray:
        """Per-capita net income, policy transfers included, of the last twelve known months; yuan a person and year."""
        return self.accounts.net / self.size


class Present:
    """Members who live in the household on the date, with sums by household."""

    def __init__(self, seen: Seen) -> None:
        self.table: TableView = seen["members"]
        self.here: BoolArray = self.table["presence"] <= 0  # present, or not said
        self.age: FloatArray = seen.as_of.year - self.table["birth_year"]

    def totals(self, *which: np.ndarray) -> FloatArray:
        """How many present members satisfy each condition (or sums of numbers), (conditions, n)."""
        return self.table.totals(*which, where=self.here)

    @cached_property
    def count(self) -> FloatArray:
        """Present members by household."""
        return self.table.total(self.here)

    @cached_property
    def working(self) -> FloatArray:
        """Present members of working age by household."""
        return self.table.total(self.of_working_age & self.here)

    @cached_property
    def of_working_age(self) -> BoolArray:
        """Members aged 16 to 59."""
        return np.asarray((self.age >= WORKING_AGE[0]) & (self.age < WORKING_AGE[1]))

    @cached_property
    def able(self) -> BoolArray:
        """Members with full labour: declared so, or of working age, out of school and not declared otherwise."""
        labour = self.table["labour_ability"]
        declared = (labour == 0) | (labour == 1)
        guessed = (labour < 0) & self.of_working_age & (self.table["school_status"] <= 0)
        return np.asarray(declared | guessed)
