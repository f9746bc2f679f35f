"""冲击推演：大病费用、失业、冰雹、提线，写成登记册里多出的行。What a shock would do, written as further rows of a register.

A shock never touches a feature. It adds rows that became known on the day itself, or gives the policy a further dated line; then the one
`features.build` sees what it would see. Incomes are known for months that have passed, so a loss of income is played over the household's
last twelve known months, as corrections of those rows: what the register would say had the shock come a year ago.

Worked example: wages of 3,000 a quarter, two current jobs of 600 and 400 yuan a month. The better one is lost for twelve months: 60 % of
the wages of each of the last four known quarters go, 1,200 a quarter are left. Without a wage on record nothing changes, which is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from features.accounts import YEAR as MONTHS
from features.codes import code
from features.money import grained
from features.policy.bills import UNINSURED, groups
from features.policy.packs import packs_of
from features.policy.registry import Parameter, Policy, Value
from features.policy.reimbursement import new_year, scheme_on, settle
from features.register import EMPTY_DTYPES, MISSING, Array, BoolArray, FloatArray, IntArray, Register, assemble
from features.seen import Seen, persons
from features.sums import add_up
from features.tables import TABLES

LINE = "monitoring_line"
NO_FARM, NO_WAGE, NO_JOB, NO_LINE = (
    "无经营收入记录 no business income on record",
    "无工资收入记录 no wage income on record",
    "有工资收入而无在业工资记录 wages on record, and no current job with a wage",
    "当地无监测线 no monitoring line in force",
)
UNSETTLED = "自付不可算（无报销方案或参保情况未知） self-payment cannot be worked out: no scheme, or not known whether insured"


@dataclass(frozen=True, slots=True)
class Bill:
    """住院费用：每户一笔，按县报销方案结算。A stay in hospital for every household; yuan inside the insurer's list and outside it."""

    amount: float
    outside: float = 0.0


@dataclass(frozen=True, slots=True)
class JobLoss:
    """失业：每户工资最高的一份在业工作停若干月。The best-paid current job of every household is gone for so many months, 1 … 12."""

    months: int = MONTHS


@dataclass(frozen=True, slots=True)
class Hail:
    """农牧灾害：经营收入减少一定比例。Crops or stock are lost: a share (0 … 1) of a year's business income; what was spent stays spent."""

    share: float


@dataclass(frozen=True, slots=True)
class RaisedLine:
    """提高监测线若干元；由其推出的贫困线随之提高。The monitoring line is raised, and a poverty line that follows from it too; yuan."""

    by: float


Shock = Bill | JobLoss | Hail | RaisedLine


@dataclass(frozen=True, slots=True)
class Struck:
    """登记册与政策在冲击之后的样子。A register and a policy as they would be after a shock.

    Attributes:
        register, policy: the changed one, and the other as it was.
        hit: (register,) households of which a row, or whose line, is another one.
        spared: why households of the place are unchanged, with how many; `noted`: what of those hit is not known.
        rests_on: the schemes that settled bills, each with its grade and where it is written.
    """

    register: Register
    policy: Policy
    hit: BoolArray
    spared: Mapping[str, int] = field(default_factory=dict)
    noted: Mapping[str, int] = field(default_factory=dict)
    rests_on: tuple[str, ...] = ()


def strike(seen: Seen, shock: Shock, where: str = "") -> Struck:
    """一处地方遭遇一种冲击。The register and the policy as they would be if a shock struck a place.

    Args:
        seen: the register as known on the day.
        shock: what happens.
        where: area code of a county, township or village, 6 to 12 digits; "" is everywhere.

    Returns:
        a new register or policy; the one seen is left as it is.

    Raises:
        ValueError: an amount, a share or a number of months that no shock can have.
    """
    here = inside(seen, where)
    if isinstance(shock, Bill):
        return _bill(seen, here, shock)
    if isinstance(shock, JobLoss):
        return _job_loss(seen, here, shock)
    if isinstance(shock, Hail):
        return _hail(seen, here, shock)
    return _raised(seen, here, shock)


def inside(seen: Seen, where: str) -> BoolArray:
    """(register,) 当时已知且位于此处的户。Households that were known on the day and live in a place; "" is everywhere."""
    there = np.array([village.startswith(where) for village in codes(seen.register)] + [where == ""])
    known = np.zeros(seen.n, dtype=bool)
    known[seen["households"].household] = True
    return np.asarray(there[seen.village] & known)


def codes(register: Register) -> list[str]:
    """每个村序号的 12 位代码。The 12-digit code behind each village index."""
    return list(register.texts.get(("households", "village_code"), ()))


def with_rows(register: Register, name: str, household: IntArray, columns: Mapping[str, Array]) -> Register:
    """登记册加上若干行。A register with further rows of one table; columns that are not given are blank."""
    table, schema = register.tables[name], TABLES[name]
    merged: dict[str, Array] = {}
    for column in schema.columns:
        if column.name in columns or column.name in table.columns:
            blank = np.full(len(household), MISSING[column.kind])
            added = columns.get(column.name, blank).astype(EMPTY_DTYPES[column.kind])
            merged[column.name] = np.concatenate((table.columns[column.name], added))
    together = np.concatenate((table.household, household)).astype(np.int32)
    return replace(register, tables={**register.tables, name: assemble(schema, together, merged)}, info=replace(register.info, digest=""))


def _event(register: Register, seen: Seen, kind: str, rows: IntArray, **columns: Array) -> Register:
    """One event of a kind for each of these households, known on the day and, unless it is said otherwise, of the day."""
    same = {"event_kind": code("events", "event_kind", kind), "known_on": seen.day, "occurred_on": seen.day}
    return with_rows(register, "events", rows, {name: np.full(len(rows), value) for name, value in same.items()} | columns)


def _bill(seen: Seen, here: BoolArray, shock: Bill) -> Struck:
    """Each bill falls on the last day that the household's incomes reach, so that income and bill are of the same twelve months."""
    if not (0 <= shock.outside <= shock.amount < np.inf):
        raise ValueError("a bill is 0 yuan or more, and no more of it lies outside the list than it is 金额有误")
    rows = np.flatnonzero(here).astype(np.int32)
    last = seen.accounts.last_month[rows]
    ends = (last + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - 1
    happened = np.where(last < 0, seen.day, ends)
    members, patient = seen.people.table, _patients(seen)[rows]
    insured = np.append(members["medical_insured"], np.nan)[patient]
    exited = seen.exited[rows]
    group = np.select(
        [insured == 0, (insured == 1) & (exited == 1), (insured == 1) & (exited == 0)], [UNINSURED, "registered", "ordinary"], ""
    )
    compliant, paid = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    county = np.array([village[:6] for village in codes(seen.register)] + [""])[seen.village[rows]]
    rests_on: dict[str, None] = {}
    for place, on in sorted(set(zip(county.tolist(), happened.tolist(), strict=True))):
        scheme = scheme_on(seen.policy, place, np.datetime64(on, "D").item()) if packs_of(seen.policy).at(place).schemes else None
        if scheme is None:
            continue
        own = (county == place) & (happened == on) & np.isin(group, groups(seen.policy, place))
        count = int(own.sum())
        if not count:
            continue
        bill = np.full(count, shock.amount - shock.outside), np.full(count, shock.outside)
        rests_on[f"{place} {scheme.zh} {scheme.en}, {scheme.start}, {scheme.grade}: {scheme.reference}"] = None
        settled = settle(scheme, group[own], *bill, new_year(scheme, count))
        compliant[own], paid[own] = settled.oop_compliant, settled.oop
    register = _event(
        seen.register,
        seen,
        "illness_bill",
        rows,
        occurred_on=happened,
        member_id=np.append(members["member_id"], -1)[patient],
        amount=np.full(len(rows), shock.amount),
        oop_compliant=grained(compliant),
        oop_self_reported=grained(paid),
    )
    return Struck(register, seen.policy, here, noted=_counted({UNSETTLED: np.isnan(compliant)}), rests_on=tuple(rests_on))


def _patients(seen: Seen) -> Array:
    """Which row of the present members falls ill: the head, else the first; -1 where nobody is on record."""
    household = seen.people.table.household
    patient = np.full(seen.n, -1)
    patient[household[::-1]] = np.arange(len(household))[::-1]
    head = np.flatnonzero(seen.people.head)
    patient[household[head]] = head
    return patient


def _job_loss(seen: Seen, here: BoolArray, shock: JobLoss) -> Struck:
    if not 1 <= shock.months <= MONTHS:
        raise ValueError(f"a job is lost for 1 to {MONTHS} months 月数须在 1 至 {MONTHS} 之间")
    spells = seen["employment"]
    wage = np.where(spells["monthly_wage"] > 0, spells["monthly_wage"], 0.0)
    current = (spells["start_date"] <= seen.day) & (spells["end_date"] > seen.day) & np.isin(persons(spells), persons(seen.people.table))
    current &= wage > 0
    wages, best = add_up(spells.household, wage * current, seen.n), np.full(seen.n, -1)
    working = np.flatnonzero(current)
    rising = working[np.argsort(wage[working], kind="stable")]
    best[spells.household[rising]] = rising
    employed = best >= 0
    share = np.where(employed, wage[best] / np.where(employed, wages, 1.0), 0.0) if len(wage) else np.zeros(seen.n)
    corrected, lost = _less_income(seen, "wage", np.where(here, share, 0.0).astype(np.float64), shock.months)
    hit = lost > 0
    paid = _less_income(seen, "wage", here.astype(np.float64), MONTHS)[1] > 0
    job = best[hit]
    rows = np.flatnonzero(hit).astype(np.int32)
    changed = _event(corrected, seen, "job_loss", rows, member_id=spells["member_id"][job])
    columns = {column.name: spells[column.name][job] for column in TABLES["employment"].columns if column.name != "household_id"}
    columns |= {name: np.full(len(rows), seen.day) for name in ("end_date", "known_on")}
    changed = with_rows(changed, "employment", rows, columns)
    spared = {NO_WAGE: here & ~paid, NO_JOB: here & paid & ~hit}
    return Struck(changed, seen.policy, hit, _counted(spared))


def _hail(seen: Seen, here: BoolArray, shock: Hail) -> Struck:
    if not 0 <= shock.share <= 1:
        raise ValueError("a share lies between 0 and 1 比例须在 0 与 1 之间")
    corrected, lost = _less_income(seen, "business", np.where(here, shock.share, 0.0), MONTHS)
    hit = lost > 0
    rows = np.flatnonzero(hit).astype(np.int32)
    changed = _event(corrected, seen, "disaster", rows, amount=grained(lost[rows]))
    return Struck(changed, seen.policy, hit, _counted({NO_FARM: here & ~hit}))


def _less_income(seen: Seen, source: str, share: FloatArray, months: int) -> tuple[Register, FloatArray]:
    """A share of the income of one source of each household is gone in its last known months; and the yuan that went, (n,).

    A row of a year stands for the year's income wherever in the twelve months it ends.
    """
    rows = seen["incomes"]
    household, start, end = rows.household, rows["period_start"], rows["period_end"]
    last = seen.accounts.last_month[household]
    length = end - start + 1
    overlap = np.clip(np.minimum(end, last) - np.maximum(start, last - months + 1) + 1, 0, None)
    of_the_year = (length >= MONTHS) & (end <= last) & (end > last - MONTHS)
    part = np.where(length >= MONTHS, of_the_year * months / MONTHS, overlap / length)
    gone = np.fmax(rows["amount"], 0.0) * part * share[household]
    gone[(rows["source"] != code("incomes", "source", source)) | (last < 0)] = 0.0
    gone = grained(gone)
    chosen = np.flatnonzero(gone > 0)
    if not len(chosen):
        return seen.register, np.zeros(seen.n)
    columns = {name: rows[name][chosen] for name in ("source", "period_start", "period_end")}
    columns |= {"amount": rows["amount"][chosen] - gone[chosen], "known_on": np.full(len(chosen), seen.day)}
    return with_rows(seen.register, "incomes", household[chosen], columns), add_up(household, gone, seen.n)


def _raised(seen: Seen, here: BoolArray, shock: RaisedLine) -> Struck:
    if not 0 <= shock.by < np.inf:
        raise ValueError("a line is raised by 0 yuan or more 提高额不得为负")
    policy, village = seen.policy, np.array([one[:6] for one in codes(seen.register)] + [""])
    lines = {county: policy.value(LINE, seen.as_of, county) for county in sorted(set(village[seen.village[here]]))}
    added = {
        county: Value(seen.as_of, line + shock.by, f"推演假设，提高 {shock.by:g} 元 a scenario, raised by", "scenario")
        for county, line in lines.items()
        if line is not None
    }
    old = policy.parameters[LINE]
    values = {**old.values} | {county: (*old.values.get(county, ()), value) for county, value in added.items()}
    raised = Parameter(old.name, old.zh, old.en, old.unit, old.max_carry_years, values)
    others = [parameter for name, parameter in policy.parameters.items() if name != LINE]
    changed = Policy([*others, raised], f"{policy.version}+{shock.by:g}", policy.packs)
    hit = here & np.isin(village, list(added))[seen.village]
    return Struck(seen.register, changed, hit, _counted({NO_LINE: here & ~hit}))


def _counted(which: Mapping[str, BoolArray]) -> dict[str, int]:
    return {what: int(households.sum()) for what, households in which.items() if households.any()}
