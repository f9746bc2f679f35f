"""What a policy file can say: facts of a household, tests of them, and rules made of tests. No rule number stands anywhere else.

Worked example. Two entries of a file:

    facts:
      out_of_school: {zh: 失学辍学成员, en: …, unit: persons, count: members, where: {dropped_out: true}}
    triggers:
      - id: dropout
        when: {fact: out_of_school, at_least: 1}
        …

A fact is a number of each household on a date. A test holds it against a number, or against a dated parameter by its name. What is not
known makes a fact uncertain, not zero: of two children, one in school and of one nothing on record, `out_of_school` lies between 0 and 1,
so the test is neither passed nor failed but cannot be evaluated; had the first dropped out, it would be passed whatever the second does.
"""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from features.policy.amount import Graded, TopUp
from features.policy.condition import Condition
from features.policy.declared import (
    Amount,
    Cell,
    Date,
    Fact,
    Grade,
    Name,
    Number,
    Period,
    Range,
    Section,
    Text,
    check_cells,
    ends_after_its_start,
)
from features.policy.scheme import Scheme
from features.policy.source import Said
from features.tables import BENEFITS, CATEGORIES, MEASURES, RISKS, TABLES, Kind

Population = Literal["all", "exited", "ordinary", "monitored"]


def _one_of(codes: tuple[tuple[str, str], ...], what: str = "there is no {} 没有此代码") -> AfterValidator:
    known = [code for code, _ in codes]

    def check(word: str) -> str:
        if word not in known:
            raise ValueError(f"{what.format(word)}; there are {', '.join(known)}")
        return word

    return AfterValidator(check)


Risk = Annotated[str, _one_of(RISKS)]
Measure = Annotated[str, _one_of(MEASURES)]
CategoryCode = Annotated[str, _one_of(CATEGORIES)]


class Rule(Said):
    """A statement of policy about a household: when it holds, since when, and where that is written."""

    id: Name
    zh: Text
    en: Text
    when: Condition
    population: Population = "all"
    reference: Text
    grade: Grade
    start: Date | None = Field(default=None, alias="from")
    until: Date | None = None

    _days_in_order = field_validator("until")(ends_after_its_start)

    def in_force(self, date: dt.date) -> bool:
        """Whether the rule holds on a date; `until` is the first day on which it does not."""
        return (self.start is None or self.start <= date) and (self.until is None or date < self.until)


class Trigger(Rule):
    """A department's data call for a visit: no status, a clue.

    Attributes:
        profile: the set of rules that a county chooses it with.
        department: who sends the data.
        risk: the risk word of the clue.
        period: a household has one open clue for each risk and period.
        measures: the help that answers it, where that of its risk would not.
    """

    profile: Name
    department: Text
    risk: Risk
    period: Period
    measures: list[Measure] = Field(default_factory=list)


class Category(Rule):
    """One of the categories of monitored households, for a household whose risk people have confirmed. The first that holds is it."""

    id: CategoryCode
    aliases: list[str] = Field(default_factory=list)


class Gap(Rule):
    """Something that is guaranteed and lacking, and what closes it."""

    measures: list[Measure] = Field(min_length=1)


class Class(Rule):
    """A class of a county's own system, and the kind of help that goes with it. Of each system the first that holds is the class."""

    system: Name
    measures: list[Measure] = Field(default_factory=list)


class Cohort(Rule):
    """A group that a county keeps a ledger of; a household may stand in several."""


RECEIVED = {column.name: column.zh for column in TABLES["members"].columns if column.kind is Kind.FLAG} | dict(BENEFITS)
"""By what it is told whether somebody receives a benefit: a yes-no column of members, or a kind of the benefits table."""
A_YEAR = {"yuan/person/year": 1, "yuan/person/month": 12, "yuan/month": 12}
"""Units in which an amount may stand, and how often it is paid in a year."""


class Entitlement(Rule):
    """A regular benefit that members are owed (应享待遇), what it comes to, and by what it is told whether they receive it.

    Attributes:
        whom: which members of a household for which the condition holds.
        received: a yes-no column of members, or a kind of the benefits table.
        amount: of each of them: a parameter, the least and the most of two, one for each grade, or what is missing to a line; None: it is
            not told anywhere.
        instead_of: benefits that a household does not have beside it, so that what is lacking in all is never both.
    """

    whom: Annotated[dict[str, Cell], AfterValidator(partial(check_cells, "members"))] = Field(default_factory=dict)
    received: Annotated[Name, _one_of(tuple(RECEIVED.items()), "nothing tells who receives {} 无从得知是否享受")]
    instead_of: list[Name] = Field(default_factory=list)
    amount: Name | Annotated[list[Name], Field(min_length=2, max_length=2)] | Graded | TopUp | None = None

    @property
    def parameters(self) -> list[str]:
        """The parameters that its amount rests on."""
        if isinstance(self.amount, TopUp):
            return [self.amount.to]
        if isinstance(self.amount, Graded):
            return self.amount.parameters
        return [self.amount] if isinstance(self.amount, str) else list(self.amount or ())


class Blocker(Rule):
    """What stands against ending the monitoring of a household."""


class Exclusion(Rule):
    """A finding on which somebody must write a note; it changes no status, hides no household and is no input of the model.

    Attributes:
        profile: the set that a county chooses it with; None for a county's own.
        department: who compares the data; "" where the source does not say.
    """

    profile: Name | None = None
    department: str = ""


class Step(Said):
    """A stretch of days of a reward: what is paid then, or by which share what is due anyway is raised, and at most how much."""

    until: Date
    amount: Amount | None = None
    uplift: Amount | None = None
    cap: Amount | None = None

    @model_validator(mode="after")
    def _says_one(self) -> Step:
        if (self.amount is None) == (self.uplift is None):
            raise ValueError("give exactly one of amount, uplift 须且只须写一项")
        return self


class Reward(Said):
    """One-off money that depends on the day on which something is done. It is no income, least of all a stable one.

    Attributes:
        start: the first day, None where it is not told.
        steps: in their order; `until` is the first day on which a step no longer holds, and after the last of them nothing is added.
        cap: yuan that are paid at most, on days of which no step says otherwise.
    """

    zh: Text
    en: Text
    unit: Literal["yuan/person", "yuan/household"]
    start: Date | None = Field(default=None, alias="from")
    steps: list[Step] = Field(min_length=1)
    cap: Amount | None = None
    reference: Text
    grade: Grade

    @model_validator(mode="after")
    def _in_order(self) -> Reward:
        days = [step.until for step in self.steps]
        if days != sorted(set(days)):
            raise ValueError("days of steps must ascend without repeats 日期须递增且不重复")
        if self.start is not None and days[0] <= self.start:
            raise ValueError("the first step ends before the reward begins 首步须晚于起始日")
        if len({step.amount is None for step in self.steps}) > 1:
            raise ValueError("either all steps have an amount or all an uplift 各步须同为金额或同为比例")
        return self


class VillageTier(Said):
    """A tier of villages, by the share of their households that count; a village may be in several.

    Attributes:
        share: between which bounds the share lies, 0.05 being five per cent; `at_least` is 以上, `more_than` 超过 or 高于.
    """

    id: Name
    zh: Text
    en: Text
    share: Range
    reference: Text
    grade: Grade

    @model_validator(mode="after")
    def _is_a_share(self) -> VillageTier:
        bounds = [bound for bound in self.share.model_dump().values() if bound is not None]
        if not all(0 <= bound <= 1 for bound in bounds):
            raise ValueError("a share lies between 0 and 1, 0.05 being five per cent 比例须在 0–1")
        return self


class Villages(Said):
    """How a county tells its villages apart.

    Attributes:
        incidence: the yes-no fact that says whether a household counts.
        tiers: what follows from the share of those that do.
    """

    incidence: Name
    zh: Text
    en: Text
    reference: Text
    grade: Grade
    tiers: list[VillageTier] = Field(min_length=1)

    def of(self, counted: int, households: int) -> list[VillageTier]:
        """The tiers of a village in which so many of its households count."""
        share = counted / households if households else 0.0
        return [tier for tier in self.tiers if tier.share.holds(share)]


class Help(Said):
    """A kind of help.

    Attributes:
        developmental: lets people earn; else it secures.
    """

    zh: Text
    en: Text
    developmental: bool
    reference: Text
    grade: Grade


class Answer(Said):
    """Kinds of help of which one at least is due, and where that is written.

    Attributes:
        afterwards: kinds that are no less of an answer where the risk is to be eliminated, though nobody is offered them for it before.
    """

    any: list[Measure] = Field(min_length=1)
    afterwards: list[Measure] = Field(default_factory=list)
    reference: Text
    grade: Grade


class Group(Said):
    """A county's own word for some kinds of help: the window that serves them, or the batch that they stand in."""

    zh: Text
    en: Text
    measures: list[Measure]
    reference: Text
    grade: Grade


class Verification(Said):
    """What a county verifies of every household, section by section; one of which a section is blank is not verified."""

    zh: Text
    en: Text
    reference: Text
    grade: Grade
    sections: dict[Name, Section] = Field(min_length=1)


class Undefined(Said):
    """Something that a county names and does not define. It has no content here until the county gives it one."""

    zh: Text
    en: Text
    reference: Text
    content: list[str] = Field(default_factory=list)


class Check(Said):
    """Two dated values of which a county says that the one is not under the other: told by date, and of no household.

    Attributes:
        parameter: the one.
        at_least: the other.
    """

    id: Name
    zh: Text
    en: Text
    parameter: Name
    at_least: Name
    reference: Text
    grade: Grade


class Dated(Said):
    """A value and the day from which it holds; null says that there is none, whatever a wider region says."""

    start: Date = Field(alias="from")
    value: Number | None
    grade: Grade
    reference: Text

    @model_validator(mode="after")
    def _found_or_not(self) -> Dated:
        if self.value is not None and self.grade == "none":
            raise ValueError("grade none is for what was not found: value null 未查到的写 null")
        return self


class Pack(Said):
    """What one file says: the nation's rules, or a county's own beside them.

    Attributes:
        answers: to each risk the kinds of help of which one at least is due.
        able, unable: what a household that can work, and one that cannot, is offered where nothing else of that kind is called for.
        rewards: one-off money, by the day on which something is done.
        undefined: what is named somewhere and defined nowhere.
        checks: what is said of values, not of households.
    """

    facts: dict[Name, Fact] = Field(default_factory=dict)
    triggers: list[Trigger] = Field(default_factory=list)
    categories: list[Category] = Field(default_factory=list)
    gaps: list[Gap] = Field(default_factory=list)
    classes: list[Class] = Field(default_factory=list)
    cohorts: list[Cohort] = Field(default_factory=list)
    blockers: list[Blocker] = Field(default_factory=list)
    exclusions: list[Exclusion] = Field(default_factory=list)
    entitlements: list[Entitlement] = Field(default_factory=list)
    measures: dict[Measure, Help] = Field(default_factory=dict)
    answers: dict[Risk, Answer] = Field(default_factory=dict)
    rewards: dict[Name, Reward] = Field(default_factory=dict)
    able: Answer | None = None
    unable: Answer | None = None
    undefined: dict[Name, Undefined] = Field(default_factory=dict)
    checks: list[Check] = Field(default_factory=list)


RULES = ("triggers", "categories", "gaps", "classes", "cohorts", "blockers", "exclusions", "entitlements")
"""The parts of a pack that are lists of rules."""


class Ground(Said):
    """Why a county uses a set of triggers or findings: its own text, or a proposal where no text says so."""

    reference: Text
    grade: Grade


class Overlay(Pack):
    """What a county (or a province) has of its own, and which of the nation's sets of triggers and findings it uses.

    Attributes:
        region: its area code.
        profiles: the sets of triggers and findings in use; None leaves those of the wider region.
        grounds: on what the choice of a set rests, where the set itself does not say so; answers show it with every rule of the set.
        parameters: its own values of the nation's parameters.
        windows: where people are served, and for which kinds of help.
        batches: other names under which kinds of help go in the county.
        villages: tiers of villages; None leaves those of the wider region.
        verification: what it verifies of every household; None leaves that of the wider region.
        schemes: how insurances pay a hospital bill, by their first days; none leaves those of the wider region.
    """

    region: Annotated[str, Field(pattern=r"^(CN|[0-9]{2}|[0-9]{4}|[0-9]{6})$")]
    zh: Text
    en: Text
    profiles: list[Name] | None = None
    grounds: dict[Name, Ground] = Field(default_factory=dict)
    parameters: dict[Name, list[Dated]] = Field(default_factory=dict)
    windows: dict[Name, Group] = Field(default_factory=dict)
    batches: dict[Name, Group] = Field(default_factory=dict)
    villages: Villages | None = None
    verification: Verification | None = None
    schemes: list[Scheme] = Field(default_factory=list)
