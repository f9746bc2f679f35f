"""Some of the survey's households as a register: what each interview said, known at the end of its quarter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from features.register import (
    EMPTY_DTYPES,
    NEVER,
    Array,
    BoolArray,
    FloatArray,
    Indicator,
    Register,
    RegisterInfo,
    TableArrays,
    assemble,
    day,
    empty_table,
)
from features.tables import TABLES, Kind
from training.adapters.eph_people import amount

MONTHS = 3
VILLAGES = "990000"  # county of no country; region and agglomeration stand for township and village
RELATIONS = ("head", "spouse", "child", "child_in_law", "grandchild", "parent", "parent_in_law", "sibling", "other", "other")
EDUCATION = {7: "illiterate", 1: "primary", 2: "primary", 3: "junior", 4: "senior", 5: "college", 6: "bachelor"}
SCHOOL = {
    1: "preschool",
    2: "primary",
    3: "junior",
    4: "senior",
    5: "senior",
    6: "higher_vocational",
    7: "university",
    8: "university",
}
COVERED = (1, 2, 3, 12, 13, 23, 123)  # CH08: any health cover
DISABLED = 6  # CAT_INAC
POLICY_SOURCES = ("V2_M", "V3_M", "V4_M", "V5_M", "V11_M")
PROPERTY_SOURCES = ("V8_M", "V9_M", "V10_M")
LARGEST_WAGE = 200_000.0  # the register's own limit
MISSING = {Kind.FLAG: np.nan, Kind.NUMBER: np.nan, Kind.DATE: NEVER, Kind.MONTH: NEVER}
LEAVER_SAYS_NOTHING = ("birth_year", "dropped_out", "medical_insured", "pension_insured", "pension_receiving")


def quarter_end(number: int) -> dt.date:
    """The last day of a quarter given by its running number (year × 4 + quarter − 1).

    >>> quarter_end(2008 * 4 + 3)
    datetime.date(2008, 12, 31)
    """
    following = number + 1
    return dt.date(following // 4, following % 4 * MONTHS + 1, 1) - dt.timedelta(days=1)


@dataclass(frozen=True)
class Interviews:
    """What the households of one register part said, interview by interview, sorted by (household, quarter).

    Attributes:
        names: (n,) household of each interview.
        number: (n,) its quarter.
        homes: (n) household answers.
        persons: answers of their persons.
        row: (persons,) the interview that each person belongs to.
        wanted: (n,) interviews whose indicators are needed.
        values: (wanted, indicators).
    """

    names: Array
    number: Array
    homes: pd.DataFrame
    persons: pd.DataFrame
    row: Array
    wanted: BoolArray
    values: FloatArray

    @cached_property
    def ids(self) -> Array:
        """The households, sorted."""
        return np.unique(self.names)

    @cached_property
    def household(self) -> Array:
        """(n,) index of each interview's household."""
        return np.asarray(np.searchsorted(self.ids, self.names))

    @cached_property
    def _ends(self) -> Array:
        return np.array([day(quarter_end(n)) for n in range(int(self.number.min()) - 1, int(self.number.max()) + 1)])

    @property
    def known(self) -> Array:
        """(n,) last day of each interview's quarter."""
        return np.asarray(self._ends[self.number - self.number.min() + 1])

    @property
    def begun(self) -> Array:
        """(n,) first day of each interview's quarter."""
        return np.asarray(self._ends[self.number - self.number.min()] + 1)

    @property
    def following(self) -> Array:
        """(n,) the same household's next interview, -1 where there is none."""
        same = self.household[1:] == self.household[:-1]
        return np.asarray(np.r_[np.where(same, np.arange(1, len(self.names)), -1), -1])

    @cached_property
    def said(self) -> dict[str, FloatArray]:
        """The persons' answers by column."""
        return {name: self.persons[name].to_numpy(dtype=np.float64) for name in self.persons.columns if name != "household"}

    @cached_property
    def member(self) -> Array:
        """(persons,) number of the member: one through all interviews."""
        component = self.said["COMPONENTE"].astype(np.int64)
        return np.asarray(np.unique(self.household[self.row].astype(np.int64) * 1000 + component, return_inverse=True)[1])


def register(part: Interviews, indicators: tuple[Indicator, ...]) -> Register:
    """The register of these interviews' households."""
    codes = [part.homes[name].fillna(0).astype(int).astype(str).str.zfill(3).str[-3:] for name in ("REGION", "AGLOMERADO")]
    villages, village = np.unique((VILLAGES + codes[0] + codes[1]).to_numpy().astype(str), return_inverse=True)
    size = part.homes["IX_TOT"].to_numpy(dtype=np.float64)
    tables = {name: empty_table(schema) for name, schema in TABLES.items()}
    tables["households"] = _table(
        "households",
        part.household,
        {
            "village_code": village,
            "registry_status": np.full(len(size), TABLES["households"].column("registry_status").codes.index("ordinary")),
            "sharing_size": size,
            "hukou_size": size,
            "weight": part.homes["PONDERA"].to_numpy(dtype=np.float64),
            "valid_from": part.known,
            "known_on": part.known,
        },
    )
    tables |= {
        "members": _members(part),
        "employment": _spells(part),
        "incomes": _incomes(part),
        "indicators": _indicators(part, len(indicators)),
    }
    texts = {("households", "village_code"): villages.tolist(), ("indicators", "name"): [indicator.name for indicator in indicators]}
    return Register(part.ids, tables, texts, RegisterInfo(indicators=indicators))


def _table(name: str, household: Array, columns: Mapping[str, Array]) -> TableArrays:
    """A register table of these columns; those not given are missing throughout."""
    schema = TABLES[name]
    full = {
        c.name: np.asarray(columns.get(c.name, np.full(len(household), MISSING.get(c.kind, -1))), dtype=EMPTY_DTYPES[c.kind])
        for c in schema.columns
        if c.name != "household_id"
    }
    return assemble(schema, household.astype(np.int32), full)


def _codes(column: str, mapping: Mapping[int, str], answers: FloatArray) -> Array:
    """Answers as codes of a members column; -1 for those not in the mapping."""
    declared = TABLES["members"].column(column).codes
    out = np.full(len(answers), -1, dtype=np.int8)
    for answer, word in mapping.items():
        out[answers == answer] = declared.index(word)
    return out


def _flag(yes: BoolArray, no: BoolArray) -> FloatArray:
    return np.where(yes, 1.0, np.where(no, 0.0, np.nan))


def _indicators(part: Interviews, count: int) -> TableArrays:
    # Every indicator is said again each quarter, also where it is not known: an older answer must not stand for today's.
    when = np.repeat(part.known[part.wanted], count)
    name = np.tile(np.arange(count), int(part.wanted.sum()))
    columns = {"name": name, "value": part.values.ravel(), "valid_from": when, "known_on": when}
    return _table("indicators", np.repeat(part.household[part.wanted], count), columns)


def _members(part: Interviews) -> TableArrays:
    """Members as each interview found them; one who is not found at the household's next interview has left, as far as is known then."""
    c, row, member = part.said, part.row, part.member
    attends = c["CH10"] == 1
    pension = amount(c["V2_M"])
    found = {
        "member_id": member,
        "presence": np.zeros(len(row)),
        "relation_to_head": _codes("relation_to_head", dict(enumerate(RELATIONS, start=1)), c["CH03"]),
        "sex": _codes("sex", {1: "male", 2: "female"}, c["CH04"]),
        "birth_year": part.number[row] // 4 - np.maximum(c["CH06"], 0.0),
        "education": _codes("education", EDUCATION, c["NIVEL_ED"]),
        "school_status": np.where(attends, _codes("school_status", SCHOOL, c["CH12"]), 0),
        "dropped_out": _flag((c["CH06"] >= 6) & (c["CH06"] < 15) & ~attends, attends),
        "labour_ability": _codes("labour_ability", {DISABLED: "lost"}, c["CAT_INAC"]),
        "medical_insured": _flag(np.isin(c["CH08"], COVERED), c["CH08"] == 4),
        "pension_insured": _flag(c["PP07H"] == 1, c["PP07H"] == 2),
        "pension_receiving": _flag(pension > 0, pension == 0),
    }
    after = part.following[row]
    told = pd.MultiIndex.from_arrays([row, member])
    gone = (after >= 0) & (told.get_indexer(pd.MultiIndex.from_arrays([after, member])) < 0)
    left: dict[str, Array] = {name: np.full(int(gone.sum()), -1.0) for name in found}
    left |= {name: np.full(int(gone.sum()), np.nan) for name in LEAVER_SAYS_NOTHING}
    left |= {"member_id": member[gone], "presence": np.ones(int(gone.sum()))}  # 1 is `left`
    when = np.concatenate([part.known[row], part.known[after[gone]]])
    columns = {name: np.concatenate([values, left[name]]) for name, values in found.items()}
    everyone = np.concatenate([part.household[row], part.household[row[gone]]])
    return _table("members", everyone, columns | {"valid_from": when, "known_on": when})


def _spells(part: Interviews) -> TableArrays:
    """Work as it was found: a spell begins with the quarter that first finds it and ends with the one that no longer does."""
    order = np.lexsort((part.number[part.row], part.member))
    member, row = part.member[order], part.row[order]
    works = part.said["ESTADO"][order] == 1
    same = np.r_[False, member[1:] == member[:-1]]
    worked = np.r_[False, works[:-1]] & same
    begins, ends = works & ~worked, ~works & worked
    start = part.begun[row][np.maximum.accumulate(np.where(begins, np.arange(len(member)), 0))]
    codes = TABLES["employment"].column("work_kind").codes
    kind = np.where(part.said["CAT_OCUP"][order] <= 2, codes.index("self_employed"), codes.index("local"))
    wage = part.said["P21"][order]
    told = works | ends
    columns = {
        "member_id": member,
        "start_date": start,
        "end_date": np.where(ends, part.begun[row] - 1, NEVER),
        "work_kind": np.where(works, kind, -1),
        "monthly_wage": np.where(works & (wage > 0), np.minimum(wage, LARGEST_WAGE), np.nan),
        "known_on": part.known[row],
    }
    return _table("employment", part.household[row[told]], {name: values[told] for name, values in columns.items()})


def _incomes(part: Interviews) -> TableArrays:
    """Monthly pesos by source as quarterly rows; what the household's total holds beyond its persons' answers counts as other transfers."""
    c, n = part.said, len(part.names)

    def total(values: Array) -> FloatArray:
        return np.bincount(part.row, weights=values, minlength=n).astype(np.float64)

    own = c["CAT_OCUP"] <= 2
    earned = amount(c["P21"]) + amount(c["TOT_P12"])
    by_source = {
        "wage": total(np.where(own, 0.0, earned)),
        "business": total(np.where(own, earned, 0.0)),
        "property": np.add.reduce([total(amount(c[name])) for name in PROPERTY_SOURCES]),
        "transfer_policy": np.add.reduce([total(amount(c[name])) for name in POLICY_SOURCES]),
    }
    by_source["transfer_private"] = part.homes["ITF"].to_numpy(dtype=np.float64) - np.add.reduce(list(by_source.values()))
    codes = TABLES["incomes"].column("source").codes
    start = np.tile((part.number // 4 - 1970) * 12 + part.number % 4 * MONTHS, len(by_source))
    columns = {
        "source": np.repeat([codes.index(name) for name in by_source], n),
        "period_start": start,
        "period_end": start + MONTHS - 1,
        "amount": np.concatenate([values * MONTHS for values in by_source.values()]),
        "known_on": np.tile(part.known, len(by_source)),
    }
    return _table("incomes", np.tile(part.household, len(by_source)), columns)
