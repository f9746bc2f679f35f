"""What features look at: the register as known on a date, the lines in force, and the quantities that several themes share."""

from __future__ import annotations

import datetime as dt
from functools import cached_property

import numpy as np

from features.accounts import Accounts, accounts
from features.policy.registry import Policy
from features.register import BoolArray, FloatArray, Register, TableView, View

WORKING_AGE = (16, 60)  # labour tables of the field: under 16 is no labour, from 60 on not ordinary labour


class Seen(View):
    """A view of the register with the policy in force beside it."""

    def __init__(self, register: Register, as_of: dt.date, policy: Policy) -> None:
        super().__init__(register, as_of)
        self.policy = policy

    @cached_property
    def known_households(self) -> BoolArray:
        """Households that the office knew of on the date."""
        return self["households"].count() > 0

    @cached_property
    def village(self) -> np.ndarray:
        """(n,) index into the register's village codes; -1 where not known."""
        return self["households"].last(self["households"]["village_code"], -1).astype(np.int64)

    @cached_property
    def lines(self) -> tuple[FloatArray, FloatArray]:
        """Poverty line and monitoring line of each household's county, yuan a person and year; NaN is not evaluable."""
        codes = self.register.texts.get(("households", "village_code"), [])
        table = np.array(
            [[np.nan if line is None else line for line in self.policy.lines(self.as_of, code)] for code in codes] + [[np.nan, np.nan]]
        )
        chosen = table[self.village]
        return chosen[:, 0], chosen[:, 1]

    @cached_property
    def members(self) -> Present:
        """The members who are present."""
        return Present(self)

    @cached_property
    def size(self) -> FloatArray:
        """Persons who share the budget: as declared, else the present members; NaN where neither is known."""
        declared = self["households"].last(self["households"]["sharing_size"])
        counted = self.members.count
        return np.where(declared > 0, declared, np.where(counted > 0, counted, np.nan))

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
        self._seen = seen

    def total(self, which: np.ndarray) -> FloatArray:
        """How many present members satisfy a condition, by household."""
        return self.table.total(which & self.here)

    @cached_property
    def count(self) -> FloatArray:
        """Present members by household."""
        return self.table.total(self.here)

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
