"""What features look at: the register as known on a date, the lines in force, and the quantities that several themes share."""

from __future__ import annotations

import datetime as dt
from functools import cached_property

import numpy as np

from features.accounts import Accounts, accounts
from features.codes import code, groups
from features.policy.registry import PROMPTS, REACHES, Policy
from features.register import NO, UNKNOWN, YES, Array, BoolArray, FloatArray, IntArray, Register, TableView, View
from features.tables import TABLES

YEAR, MONTH = np.array(365, dtype=np.int32), np.array(30.4375)  # days
LONG_AGO = np.array(120.0)  # months that stand for "not within memory"
WORKING_AGE = np.array(16.0), np.array(60.0)  # labour tables of the field: under 16 is no labour, from 60 on not ordinary labour


_NOWHERE = np.array(-1.0)
_EXITED = np.array([float(code == "exited") for code in TABLES["households"].column("registry_status").codes] + [np.nan])


class Seen(View):
    """A view of the register with the policy in force beside it; of each household, (n,), NaN not known or not evaluable.

    Attributes:
        village: index into the register's village codes; -1 not known.
        exited: 1 exited from poverty, 0 ordinary.
        exit_year: year of leaving poverty.
        relocated: 1 where the household was relocated.
        lines: (2, n) poverty line and monitoring line of the household's county, yuan a person and year.
        prompts: (2, n) shares of a year's income at which an expenditure, or a fall of income, counts as large.
        recency: months that the last known month of income may lie back, for rules to go by it.
        finding_recency: days for which the finding of a visit holds.
        stable_months: months over which income must be stable.
        people: the members who are present.
        size: persons who share the budget: as declared, else the present members.
        line: the household's poverty line: what it needs in a year, yuan.
    """

    exited: FloatArray
    exit_year: FloatArray
    relocated: FloatArray

    def __init__(self, register: Register, as_of: dt.date, policy: Policy) -> None:
        super().__init__(register, as_of)
        self.policy = policy
        own = self["households"]
        village, declared, self.exited, self.exit_year, self.relocated = own.row(
            own["village_code"], own["sharing_size"], _EXITED.take(own["registry_status"]), own["exit_year"], own["relocated"]
        )
        self.village: IntArray = np.fmax(village, _NOWHERE).astype(np.int32)
        in_force = [policy.numbers(as_of, code) for code in register.texts.get(("households", "village_code"), ())]
        by_village = np.array([*in_force, (np.nan,) * (2 + len(PROMPTS) + len(REACHES))])  # the last row is for a village not known
        by_county = by_village.T.take(self.village, axis=1)
        self.lines, self.prompts = by_county[:2], by_county[2 : -len(REACHES)]
        self.recency, self.finding_recency, self.stable_months = by_county[-len(REACHES) :]
        self.people = Present(self)
        counted = self.people.count
        self.size: FloatArray = np.where(declared > NO, declared, np.where(counted > NO, counted, UNKNOWN))
        self.line: FloatArray = self.lines[0] * self.size

    @cached_property
    def events(self) -> Happened:
        """What befell the household."""
        return Happened(self)

    @cached_property
    def members_a_year_ago(self) -> TableView:
        """The members as they were known a year before."""
        return self.register.at(self.as_of - dt.timedelta(days=int(YEAR)))["members"]

    @cached_property
    def place_a_year_ago(self) -> IntArray:
        """Which row of them is of each member who is present now; -1 where it has none."""
        return row_of_each(self.people.table, self.members_a_year_ago)

    @cached_property
    def accounts(self) -> Accounts:
        """Income of the last twelve known months and of the twelve before."""
        return accounts(self)

    @cached_property
    def monitored(self) -> FloatArray:
        """1 where the household is identified as monitored and not eliminated, as known on the date."""
        decisions = self["monitoring"]
        under_way = (decisions["identified_on"] <= self.day) & (decisions["eliminated_on"] > self.day)
        monitored: FloatArray = np.minimum(decisions.total(under_way), YES)
        return monitored

    @property
    def pc_net_income(self) -> FloatArray:
        """Per-capita net income, policy transfers included, of the last twelve known months; yuan a person and year."""
        return self.accounts.net / self.size

    @property
    def wholes(self) -> dict[str, FloatArray]:
        """What features of several themes are a part of, by the name under which they declare it.

        `means` is what the household lives on in a year, its line at least: what a bill or a debt is held against.
        """
        means = np.maximum(self.accounts.net, self.line)
        return {"line": self.line, "size": self.size, "members": self.people.count, "means": means}


_PRESENT, _NO_PUPIL = code("members", "presence", "present"), code("members", "school_status", "none")
_HEAD = groups("members", "relation_to_head", "head")
_LABOUR = groups("members", "labour_ability", ("ordinary", "skilled"), None, "weak")


class Present:
    """Members who live in the household on the date, with sums by household."""

    def __init__(self, seen: Seen) -> None:
        members = seen["members"]
        self.table: TableView = members.only(members["presence"] <= _PRESENT)  # present, or not said
        self.age: FloatArray = seen.as_of.year - self.table["birth_year"]
        self.of_working_age: BoolArray = (self.age >= WORKING_AGE[0]) & (self.age < WORKING_AGE[1])
        self.head: BoolArray = self.table.which(_HEAD)[0]
        full, unsaid, self.weak = self.table.which(_LABOUR)
        # full labour: declared so, or of working age, out of school and not declared otherwise
        self.able: BoolArray = full | (unsaid & self.of_working_age & (self.table["school_status"] <= _NO_PUPIL))
        self.count, self.working, self.able_count = self.table.totals(np.ones(len(self.table)), self.of_working_age, self.able)

    @cached_property
    def certified(self) -> FloatArray:
        """1 for members with a disability certificate on record, 0 for all others."""
        return certified(self.table).astype(np.float64)


def certified(members: TableView) -> BoolArray:
    """Who has a disability certificate on record: a category, a level, or both. Where nothing is on record there is none."""
    return np.asarray((members["disability_category"] >= 0) | ~np.isnan(members["disability_level"]))


def persons(rows: TableView) -> Array:
    """A number of its own for each member of each household, by which rows of two tables meet; ascending, as rows of a register are."""
    key: Array = (rows.household.astype(np.int64) << 32) + (rows["member_id"] + 1)  # one who is not named is -1
    return key


def row_of_each(rows: TableView, members: TableView) -> IntArray:
    """Which row of the members is of the person whom each row of a table names; -1 where none is."""
    who, those = persons(rows), persons(members)
    place = those.searchsorted(who)
    return np.where(np.append(those, -1).take(place) == who, place, -1).astype(np.int32)


SHOCKS = ("accident", "disaster", "death", "industry_failure", "house_damage", "water_failure", "job_loss")
BILLS = ("illness_bill", "outpatient_bill")
_CODES = TABLES["events"].column("event_kind").codes
KINDS = (*_CODES, "bill", "shock")
ILLNESS_BILL, JOB_LOSS, SCHOOL_FEE, BILL, SHOCK = (
    KINDS.index(kind) for kind in ("illness_bill", "job_loss", "school_fee", "bill", "shock")
)
_KINDS = groups("events", "event_kind", *_CODES, BILLS, SHOCKS)
_YEARS = YEAR * np.array([[[1]], [[2]], [[3]]], dtype=np.int32)


class Happened:
    """What befell the household as known on the date: each event, and by kind of event (`KINDS`; last any of `BILLS` and of `SHOCKS`).

    Attributes:
        age: (events,) days since.
        of_kind: (kinds, events) which are of it.
        this_year: (events,) within one year.
        recent: (3, kinds, events) which of those lie within one, two and three years.
        cost: (events,) yuan in all; a blank is nothing.
        compliant: (events,) yuan that the household paid of a bill as the insurer counts it.
        paid: (events,) the same, or the household's own word where it is higher: drugs outside the list never reach the insurer.
        loss: (events,) yuan that the household itself bore: what it paid of a bill, of fees what subsidies are known to have left, and the
            whole of anything else.
        counts: (3, kinds, n) events within one, two and three years.
        costs: (kinds, n) what those of one year cost in all, yuan.
        months_since: (kinds, n) months since the latest; `LONG_AGO` where there was none.
    """

    def __init__(self, seen: Seen) -> None:
        self._members = seen["members"]
        self.table = table = seen["events"]
        self.age: IntArray = seen.day - table["occurred_on"]
        self.of_kind = table.which(_KINDS)
        self.cost: FloatArray = np.fmax(table["amount"], NO)
        self.compliant: FloatArray = np.fmax(table["oop_compliant"], NO)
        self.paid: FloatArray = np.fmax(self.compliant, table["oop_self_reported"])
        left = np.fmax(self.cost - np.where(self.of_kind[SCHOOL_FEE], np.fmax(table["subsidy"], NO), NO), NO)
        self.loss: FloatArray = np.where(self.of_kind[BILL], self.paid, left)
        within = self.age < _YEARS
        self.this_year: BoolArray = within[0, 0]
        self.recent: BoolArray = self.of_kind & within
        counted = self.recent.reshape(3 * len(KINDS), len(table))
        sums = table.totals(counted, self.recent[0] * self.cost).reshape(4, len(KINDS), seen.n)
        self.counts, self.costs = sums[:3], sums[3]
        self.months_since = np.fmin(table.lowest(np.where(self.of_kind, self.age, UNKNOWN)) / MONTH, LONG_AGO)

    @cached_property
    def school_status(self) -> FloatArray:
        """(events,) the code of the school of the person whom an event names; NaN where it names nobody on record, or that is blank."""
        schools = np.append(self._members["school_status"].astype(np.float64), UNKNOWN)
        found: FloatArray = schools.take(row_of_each(self.table, self._members))
        return np.where(found < NO, UNKNOWN, found)

    @cached_property
    def net_amount(self) -> FloatArray:
        """(events,) yuan that subsidies have left of the amount; NaN where one of the two is not known."""
        net: FloatArray = np.maximum(self.table["amount"] - self.table["subsidy"], NO)
        return net
