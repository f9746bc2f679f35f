"""Policy cases as officials write them, in `tests/policy_cases`: a household, a county, a day, and what the policy must answer.

A case shows only what matters. All else is that of the plain household in `defaults.yaml`; a row of a table is known on the day on which
it was true, an event is a bill of the first member on the day of the case, and `income` is yuan a person and year: a number for the last
twelve months, or a list for the last quarters, the earliest first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import Field

from features.policy.condition import tests
from features.policy.entitlement import Owed
from features.policy.judgement import Judgement
from features.policy.registry import Policy
from features.policy.rules import POPULATIONS
from features.policy.shipped import read
from features.policy.source import Said, Tree
from features.register import Register, RegisterInfo, last_full_month
from features.seen import Seen
from features.tables import TABLES
from tests.features import generated

FOLDER = Path(__file__).parents[2] / "policy_cases"
LONG_AGO = dt.date(2010, 1, 1)
TOWN_AND_VILLAGE = "100001"
HAPPENS = ("occurred_on", "visited_on", "start_date")
"""Columns of days that are the day of the case where nothing else is said."""
Answers = dict[str, dict[str, str | None]]
WORDS = ("no", "yes", None)
KINDS = ("triggers", "gaps", "cohorts", "blockers", "exclusions")
Household = dict[str, Any]


Bounds = float | None | list[float]


class Owing(Said):
    """What is owed of one benefit: a number, null for not evaluable, or the least and the most; what is not named is not looked at.

    Attributes:
        due, gets, lacks: persons.
        due_yuan, gets_yuan, lacks_yuan: yuan a year.
        clause: a part of the reference it must rest on.
        because: exactly these are not known.
    """

    due: Bounds = None
    gets: Bounds = None
    lacks: Bounds = None
    due_yuan: Bounds = None
    gets_yuan: Bounds = None
    lacks_yuan: Bounds = None
    clause: str = ""
    because: list[str] = Field(default_factory=list)


class Rewarded(Said):
    """What a reward comes to on the day of the case, for so many persons, or on top of a base."""

    persons: int = 1
    base: float | None = None
    yuan: float | None


class Billed(Said):
    """A hospital bill of a registered patient on the day of the case: what each layer pays of it, and what remains."""

    in_list: float
    outside: float = 0
    paid: dict[str, float] = Field(default_factory=dict)
    left_in_list: float | None = None
    left: float | None = None


class Expected(Said):
    """What must be answered; what is not named is not looked at.

    Attributes:
        triggers, gaps, cohorts, blockers, exclusions: exactly those that hold, each with a part of the reference it must rest on.
        open: by kind, exactly those that cannot be evaluated, each with the fact or parameter that is not known.
        category: its code, `none`, `refer`, or null; `clause` it rests on, `alias` it goes by, and `because` of what it is not evaluable.
        classes: by system, the class with its clause, or null.
        measures: by class or gap, the help that goes with it.
        entitlements: by rule, what is owed, received and lacking.
        facts: of the household: a number, null, or the least and the most.
        help: exactly the kinds of help that are proposed.
        verified: by section of what the county verifies, whether it is on record; null: no table holds it.
        grade: of the rules that hold, of whatever kind is expected.
        values: parameters on the day; `yearly`: what they come to in a year; null: not evaluable.
        checks: what the county says of values: true, false or null.
        undefined: exactly what the county names and does not define.
        bills: of one patient of a group, in their order; `windows`, `batches`: of kinds of help.
        rewards: by name, what is paid.
    """

    triggers: dict[str, str] | None = None
    gaps: dict[str, str] | None = None
    cohorts: dict[str, str] | None = None
    blockers: dict[str, str] | None = None
    exclusions: dict[str, str] | None = None
    open: dict[str, dict[str, str]] = Field(default_factory=dict)
    category: str | None = None
    clause: str = ""
    alias: str = ""
    because: list[str] = Field(default_factory=list)
    classes: dict[str, dict[str, str] | None] = Field(default_factory=dict)
    measures: dict[str, list[str]] = Field(default_factory=dict)
    entitlements: dict[str, Owing] = Field(default_factory=dict)
    facts: dict[str, Bounds] = Field(default_factory=dict)
    help: list[str] | None = None
    verified: dict[str, bool | None] = Field(default_factory=dict)
    grade: str = ""
    values: dict[str, float | None] = Field(default_factory=dict)
    yearly: dict[str, float | None] = Field(default_factory=dict)
    checks: dict[str, bool | None] = Field(default_factory=dict)
    undefined: list[str] | None = None
    bills: list[Billed] = Field(default_factory=list)
    windows: dict[str, str | None] = Field(default_factory=dict)
    batches: dict[str, list[str]] = Field(default_factory=dict)
    rewards: dict[str, Rewarded] = Field(default_factory=dict)


class Written(Said):
    """One case of a file."""

    case: str
    county: str = ""
    date: dt.date | None = None
    household: Household = Field(default_factory=dict)
    expect: Expected


class Village(Said):
    """A village of so many households, and so many of them that count: the tiers it must be in, each with words of its reference."""

    case: str
    households: int
    counted: int
    tiers: dict[str, str]


class File(Said):
    """A file of cases about one thing; its county, date and household are those of its cases, where they do not say otherwise."""

    about: str
    county: str
    date: dt.date
    household: Household = Field(default_factory=dict)
    cases: list[Written] = Field(default_factory=list)
    villages: list[Village] = Field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Case:
    """A case with where it stands."""

    place: str
    name: str
    county: str
    date: dt.date
    household: Household
    expect: Expected


@cache
def policy() -> Policy:
    """The shipped policy, and the made-up counties of the cases."""
    return read(counties=FOLDER / "counties")


def cases() -> list[Case]:
    """All cases of all files."""
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.name == "defaults.yaml":
            continue
        file = File.model_validate(_read(path.name))
        tree = Tree(yaml.compose(path.read_text(encoding="utf-8")))
        for at, case in enumerate(file.cases):
            place = f"{path.name}:{tree.find(('cases', at))[1]}"
            whole = file.household | case.household
            found.append(Case(place, case.case, case.county or file.county, case.date or file.date, whole, case.expect))
    return found


def village_cases() -> list[tuple[str, Village]]:
    """All cases of villages, each with its county."""
    files = [File.model_validate(_read(path.name)) for path in sorted(FOLDER.glob("*.yaml")) if path.name != "defaults.yaml"]
    return [(file.county, case) for file in files for case in file.villages]


@cache
def _read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def rows(household: Household, county: str, date: dt.date, name: str = "a") -> generated.Rows:
    """The register rows of a household as a case says it."""
    defaults = _read("defaults.yaml")
    said = defaults["household"] | household
    top = {key: value for key, value in said.items() if key not in TABLES and key not in ("income", "status")}
    top |= {"registry_status": said["status"], "village_code": county + TOWN_AND_VILLAGE}
    tables: dict[str, list[dict[str, Any]]] = {"households": [top], "incomes": _incomes(said.get("income"), said, date)}
    for table in TABLES:
        if table in said:
            given = said[table] if isinstance(said[table], list) else [said[table]]
            usual = defaults["rows"].get(table, {})
            numbered = [{"member_id": str(at + 1)} if table == "members" else {} for at in range(len(given))]
            tables[table] = [usual | number | row for number, row in zip(numbered, given, strict=True)]
    return {table: [_whole(table, row, date) | {"household_id": name} for row in tables.get(table, ())] for table in TABLES}


def _whole(table: str, row: Mapping[str, Any], date: dt.date) -> dict[str, Any]:
    """A row with every cell of its table."""
    cells = {column.name: row.get(column.name) for column in TABLES[table].columns}
    if unknown := set(row) - set(cells):
        raise KeyError(f"{table} has no column {sorted(unknown)}")
    for name in HAPPENS:
        if name in cells and name not in row:
            cells[name] = date
    if "valid_from" in cells and cells["valid_from"] is None:
        cells["valid_from"] = LONG_AGO
    if cells["known_on"] is None:
        days = [cells[name] for name in ("valid_from", "identified_on", *HAPPENS) if cells.get(name)]
        cells["known_on"] = min(max([LONG_AGO, *days]), date)
    return cells


def _incomes(income: float | Sequence[float | None] | None, household: Household, date: dt.date) -> list[dict[str, Any]]:
    """Wages a person and year, as rows of the whole household up to the last full month."""
    if income is None:
        return []
    months, amounts = (12, [income]) if isinstance(income, (int, float)) else (3, list(income))
    end = last_full_month(date)
    out = []
    for back, amount in enumerate(reversed(amounts)):
        last = end - back * months
        period = {"period_start": _month(last - months + 1), "period_end": _month(last)}
        whole = None if amount is None else amount * household["sharing_size"] * months / 12
        out.append({"source": "wage", "amount": whole, "known_on": LONG_AGO, **period})
    return out


def _month(month: int) -> str:
    return f"{1970 + month // 12}-{month % 12 + 1:02}"


def register(*households: generated.Rows) -> Register:
    """A register of the rows of some households, each of another name."""
    return generated.register(generated.joined(*households), RegisterInfo(synthetic=False))


def judged(held: Register, date: dt.date) -> Judgement:
    """What the policy of the cases says of a register on a date."""
    return Judgement(Seen(held, date, policy()), policy())


@cache
def judged_alone(case: Case) -> Judgement:
    """What the policy says of a case's household, by itself in a register."""
    return judged(register(rows(case.household, case.county, case.date)), case.date)


def answers(judgement: Judgement) -> list[Answers]:
    """Every answer about each household: by kind and rule `yes`, `no` or None, and beside them the category and the classes."""
    found: list[Answers] = [{} for _ in range(judgement.seen.n)]
    for kind in KINDS:
        for rules, rows, words in judgement.tables(kind):
            ids = [rule.id for rule in rules]
            for row, column in zip(rows.tolist(), np.where(np.isnan(words), 2, words).astype(int).T.tolist(), strict=True):
                found[row][kind] = {name: WORDS[word] for name, word in zip(ids, column, strict=True)}
    for rule, rows, owed in judgement.owed():
        for row in rows.tolist():
            found[row].setdefault("entitlements", {})[rule.id] = _lacking(owed, row)
    for row, told in enumerate(found):
        told.setdefault("entitlements", {})
        told["category"] = {"": judgement.category(row)}
        told["classes"] = {system: None if rule is None else rule.id for system, rule in judgement.classes(row).items()}
    return found


def _lacking(owed: Owed, row: int) -> str | None:
    """Whether somebody lacks the whole of a benefit."""
    return "yes" if owed.lacks.low[row] > 0 else "no" if owed.lacks.high[row] == 0 else None


def unknowns(judgement: Judgement, rule: Any, row: int = 0) -> set[str]:
    """The facts and parameters for want of which a rule cannot be evaluated."""
    tried = judgement.tell(rule, row)["tests"][1 if rule.population in POPULATIONS else 0 :]
    names = set()
    for test, came_out in zip(tests(rule.when), tried, strict=True):
        threshold = test.comparison[1]
        if came_out["holds"] is None:
            names.add(test.fact if came_out["threshold"] is not None else getattr(threshold, "of", threshold))
    return names
