"""Named formulas of policy: numbers that a file cannot draw from one table, each with the clause that defines it.

Income is counted over twelve months and per head of those who share the budget; see `features.accounts` for the months that count. Unlike
a model, which makes do with what is known, rules go by income of which all twelve months are known and the last of them is recent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from features.accounts import POLICY
from features.accounts import YEAR as MONTHS
from features.codes import code, groups
from features.money import to_fen
from features.policy.span import Span
from features.register import NO, Array, BoolArray, FloatArray, TableView
from features.seen import BILL, SCHOOL_FEE, Seen, certified, persons
from features.tables import CHILD_UNTIL, MEASURES, MONITORING_RISKS, RISKS, TABLES

Formula = Callable[[Seen], FloatArray | Span]


class Answered(NamedTuple):
    """Kinds of help that answer a risk, and whether a source says that these are all: what is from memory may have left some out."""

    kinds: Collection[str]
    complete: bool


Answering = Mapping[str, Answered]
"""To each risk what answers it; a risk to which nothing but a proposal gives an answer is not among them."""
_COSTLY = groups("events", "event_kind", ("accident", "disaster", "school_fee", "house_damage", "industry_failure"))
_LASTING = groups("employment", "work_kind", ("migrant", "local", "workshop", "public_post", "self_employed"), None)
_PRESENT = code("members", "presence", "present")
_LEVEL = TABLES["members"].column("disability_level")
_SEVEREST, _MILDEST = (np.nan if bound is None else bound for bound in (_LEVEL.low, _LEVEL.high))
_RISKS, _MEASURES = ([code for code, _ in codes] for codes in (RISKS, MEASURES))
_RISK, _ABSENT = code("visits", "found", "risk"), code("visits", "found", "absent")


def _of_today(seen: Seen, income: FloatArray) -> FloatArray:
    """Income where its twelve months are all known and reach close to the date; NaN where one is missing or they ended long ago."""
    accounts = seen.accounts
    return np.where((accounts.covered >= MONTHS) & (accounts.age <= seen.recency), income, np.nan)


def pc_net_income(seen: Seen) -> FloatArray:
    """Per-capita net income of the last twelve known months, transfers included: wages, business, property and transfers less expenses."""
    return _of_today(seen, seen.pc_net_income)


def pc_market_income(seen: Seen) -> FloatArray:
    """The same without policy transfers."""
    own: FloatArray = to_fen(seen.accounts.net - seen.accounts.by_source[:, POLICY])
    return _of_today(seen, own / seen.size)


def dibao_income(seen: Seen) -> Span:
    """Per-capita income as dibao counts it: all that is earned, and of the policy transfers, which are not told apart, none or all."""
    return Span.between(pc_market_income(seen), pc_net_income(seen))


def net_income(seen: Seen) -> FloatArray:
    """Net income of the household in the last twelve known months, yuan."""
    return _of_today(seen, seen.accounts.net)


def reference_income(seen: Seen) -> Span:
    """Net income and insurance claims of twelve months, less what the household paid of bills of these months as the insurer counts it."""
    events, last = seen.events, seen.accounts.last_month[seen.events.table.household]
    ago = last - events.table["occurred_on"].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    counts = (ago >= 0) & (ago < MONTHS)  # the months of which the income is, whatever the day of the month
    paid, unsettled = np.where(events.of_kind[BILL], events.compliant, NO), events.of_kind[BILL] & np.isnan(events.table["oop_compliant"])
    least, most, claims = events.table.totals(paid * counts, _at_most(paid, unsettled, counts), np.fmax(events.table["claim"], NO) * counts)
    means = net_income(seen) + claims
    return Span.between(to_fen(means - most), to_fen(means - least))


def income_fall(seen: Seen) -> FloatArray:
    """Share by which net income fell against the year before; negative where it rose, not evaluable where there was none."""
    now, before = seen.accounts.nets
    fall: FloatArray = 1.0 - _of_today(seen, now) / np.where(before > 0, before, np.nan)
    return fall


def rigid_expenditure_share(seen: Seen) -> Span:
    """Share of a year's net income that medical self-payment and losses of twelve months took; none is known under an income of nothing.

    A bill that is not settled may have been paid in full, and fees whose subsidy is blank not at all; a bill or a loss without an amount
    may have taken any share.
    """
    events, net = seen.events, net_income(seen)
    bill, table = events.of_kind[BILL], events.table
    unsettled, without_amount = bill & np.isnan(table["oop_compliant"]), np.isnan(table["amount"])
    unknown = without_amount & (unsettled | table.which(_COSTLY)[0])
    largest = np.where(unsettled, np.maximum(events.loss, events.cost), events.loss)  # nobody pays more of a bill than the bill
    surely = events.this_year & ~(events.of_kind[SCHOOL_FEE] & np.isnan(table["subsidy"]))
    least, most = table.totals(events.loss * surely, _at_most(largest, unknown, events.this_year))
    income = np.where(net > 0, net, np.nan)
    return Span.between(to_fen(least) / income, to_fen(most) / income)


def _at_most(amount: FloatArray, unknown: BoolArray, counts: BoolArray) -> FloatArray:
    """Amounts of events at their most: of those that are not known, any."""
    return np.where(counts, np.where(unknown, np.inf, amount), 0.0)


def poverty_line(seen: Seen) -> FloatArray:
    """The poverty line in force: the national standard, else the monitoring line by its multiple."""
    line: FloatArray = seen.lines[0]
    return line


def monitoring_line(seen: Seen) -> FloatArray:
    """The monitoring line in force."""
    line: FloatArray = seen.lines[1]
    return line


def exited(seen: Seen) -> FloatArray:
    """1 for a household that has left poverty, 0 for an ordinary one."""
    return seen.exited


def monitored(seen: Seen) -> FloatArray:
    """1 where identified as monitored and not eliminated."""
    return seen.monitored


def exit_year(seen: Seen) -> FloatArray:
    """Year of leaving poverty."""
    return seen.exit_year


def exits_this_year(seen: Seen) -> FloatArray:
    """1 where people expect that the household leaves poverty this year, 0 in a later one; NaN: nobody says, or the year has passed."""
    own = seen["households"]
    (expected,) = own.row(own["expected_exit_year"])
    return np.where(expected >= seen.as_of.year, np.where(expected == seen.as_of.year, 1.0, 0.0), np.nan)


def relocated(seen: Seen) -> FloatArray:
    """1 for a relocated household."""
    return seen.relocated


def size(seen: Seen) -> FloatArray:
    """Persons who share the budget."""
    return seen.size


def stable_workers(seen: Seen) -> Span:
    """Members who have work on the date that is no temporary post, each counted once; who has left the household does not count."""
    spells, members = seen["employment"], seen["members"]
    gone = _among(spells, members, members["presence"] > _PRESENT)
    current = (spells["start_date"] <= seen.day) & (spells["end_date"] > seen.day) & ~gone
    stable, unsaid = spells.which(_LASTING)
    return Span(*(_counted(spells, current & which, seen.n) for which in (stable, stable | unsaid)))


def _identified_on(seen: Seen) -> FloatArray:
    """The day on which the household was last identified as monitored; NaN where it never was."""
    decisions = seen["monitoring"]
    return decisions.highest(np.where(decisions["identified_on"] <= seen.day, decisions["identified_on"], np.nan))


def months_since_identification(seen: Seen) -> FloatArray:
    """Whole months since the household was last identified as monitored; NaN where it never was."""
    latest = _identified_on(seen)
    days = np.where(np.isnan(latest), 0, latest).astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int64)
    into = (days - days.astype("datetime64[M]")).astype(np.int64)
    today = np.datetime64(seen.as_of)
    this_month, day_of_month = today.astype("datetime64[M]").astype(np.int64), (today - today.astype("datetime64[M]")).astype(np.int64)
    return np.where(np.isnan(latest), np.nan, this_month - months - (into > day_of_month))


def half_year_income(seen: Seen) -> FloatArray:
    """Per-capita net income of the lowest quarter of the months that must be stable, two of a half year, as if it went on for a year."""
    quarters = seen.accounts.quarters
    wanted = np.ceil(seen.stable_months * 4 / MONTHS)
    lowest: FloatArray = np.where(np.arange(quarters.shape[1]) < wanted[:, None], quarters, np.inf).min(axis=1)
    lowest = np.where((wanted > 0) & (wanted <= quarters.shape[1]), lowest, np.nan)
    return _of_today(seen, to_fen(lowest * 4) / seen.size)


def newly_disabled(seen: Seen) -> Span:
    """Present members with a certificate on record who had none on record a year ago; of whom nothing was known then, any."""
    now, then = certified(seen.people.table), _then(seen, certified(seen.members_a_year_ago))
    return _present(seen, now & (then == 0), now & (then != 1))


def worsened_disability(seen: Seen) -> Span:
    """Present members whose certificate bears a lower level, which is a more severe one, than a year ago; a blank may be any level."""
    now, before = seen.people.table["disability_level"], seen.members_a_year_ago
    then, had = _then(seen, before["disability_level"]), _then(seen, certified(before))
    perhaps = np.where(np.isnan(now), _SEVEREST, now) < np.where(np.isnan(then), _MILDEST, then)
    return _present(seen, now < then, certified(seen.people.table) & (had != 0) & perhaps)


def newly_ill(seen: Seen) -> Span:
    """Present members with a serious illness on record who were known to have none a year ago; a blank may be either. Of children none."""
    ill, was, asked = seen.people.table["serious_illness"], _then(seen, seen.members_a_year_ago["serious_illness"]), _asked(seen)
    new = (ill == 1) & (was == 0)
    return _present(seen, new, new | (ill != 0) & (was != 1) & asked)


def on_dibao(seen: Seen) -> Span:
    """Present members on dibao. Of children it is not held: they have what the others have, and children alone may have it."""
    return _on(seen, "dibao")


def on_extreme_support(seen: Seen) -> Span:
    """Present members on extremely-poor support, in the same way."""
    return _on(seen, "extreme_poverty_support")


def _on(seen: Seen, benefit: str) -> Span:
    people, asked = seen.people.table, _asked(seen)
    on, alone = people[benefit], (people.total(asked) == 0)[people.household]
    return _present(seen, on == 1, (on == 1) | np.isnan(on) & (asked | alone))


def left_dibao(seen: Seen) -> Span:
    """Present members not on dibao who were on it a year ago, as known then; of a household not known then, any. Children have none."""
    return _left(seen, "dibao")


def left_extreme_support(seen: Seen) -> Span:
    """Present members not on extremely-poor support who were on it a year ago, in the same way."""
    return _left(seen, "extreme_poverty_support")


def _left(seen: Seen, benefit: str) -> Span:
    """Who has a benefit no longer. Whoever joined a household that was known a year ago did not leave it there."""
    before = seen.members_a_year_ago
    on, was = seen.people.table[benefit], _then(seen, before[benefit])
    known = before.total(np.ones(len(before)))[seen.people.table.household] > 0
    left = (on == 0) & (was == 1)
    return _present(seen, left, left | (on != 1) & (was != 0) & ((seen.place_a_year_ago >= 0) | ~known) & _asked(seen))


def _then(seen: Seen, column: Array) -> FloatArray:
    """What a column of the members a year ago said of each member who is present now; NaN where it said nothing."""
    return np.append(column.astype(np.float64), np.nan).take(seen.place_a_year_ago)


def _asked(seen: Seen) -> BoolArray:
    """Of which present members health and benefits are held: of children they are not."""
    return ~(seen.people.age < CHILD_UNTIL)


def _present(seen: Seen, certainly: BoolArray, perhaps: BoolArray) -> Span:
    """How many of the present members are certainly meant, and how many may be; any number where no member is on record."""
    low, high = seen.people.table.totals(certainly, perhaps)
    return Span(low, np.where(seen.people.count > 0, high, np.inf))


def _among(rows: TableView, others: TableView, which: BoolArray) -> BoolArray:
    """Which rows are of a person of whom a chosen one of the others is; mostly none is chosen, and for one household to look is dear."""
    if not np.count_nonzero(which):
        return np.zeros(len(rows), dtype=bool)
    who, those = persons(rows), persons(others)[which]
    found: BoolArray = those.take(those.searchsorted(who), mode="clip") == who
    return found


def _counted(rows: TableView, chosen: BoolArray, n: int) -> FloatArray:
    """Persons of the chosen rows by household, each counted once."""
    who = persons(rows)[chosen]
    first = who[1:] != who[:-1]
    return np.bincount(np.concatenate((who[:1], who[1:][first])) >> 32, minlength=n).astype(np.float64)


def not_held(seen: Seen) -> FloatArray:
    """What no register holds is not known of anybody."""
    return np.full(seen.n, np.nan)


def risk_confirmed(seen: Seen) -> FloatArray:
    """1 where whoever went there last found a risk that still holds, or it is monitored; 0 where none was found; NaN: nobody looked."""
    return np.where(seen.monitored > 0, 1.0, _found_last(seen, np.full(seen.n, -np.inf)))


def risk_found(seen: Seen) -> FloatArray:
    """What whoever went there last since the identification found, while that holds: 1 a risk, 0 none; NaN: nobody looked."""
    return _found_last(seen, _identified_on(seen))


def _found_last(seen: Seen, since: FloatArray) -> FloatArray:
    """What the last visit since a day of each household found, while that holds: 1 a risk, 0 none; NaN: there was no such visit.

    A visit that met nobody says nothing; after one whose finding is blank it is not known what was found last.
    """
    visits = seen["visits"]
    since = np.maximum(since, seen.day - seen.finding_recency + 1)
    went = (visits["visited_on"] >= since[visits.household]) & (visits["visited_on"] <= seen.day) & (visits["found"] != _ABSENT)
    # of two visits of a day the one counts that found a risk, then the one that does not say what it found
    weight = np.where(visits["found"] == _RISK, 2.0, np.where(visits["found"] < 0, 1.0, 0.0))
    latest = visits.highest(np.where(went, visits["visited_on"] * 3.0 + weight, np.nan))
    found: FloatArray = np.array([0.0, np.nan, 1.0, np.nan])[np.where(np.isnan(latest), 3, latest % 3).astype(int)]
    return found


def targeted_measures(seen: Seen, answering: Answering) -> Span:
    """Measures of help that answer a risk written down at the last identification and were begun since; any number where there was none.

    Where no first risk was written down, or a risk to which no source gives all answers, every measure may be meant.
    """
    given, decisions, latest = seen["measures"], seen["monitoring"], _identified_on(seen)
    since = (given["start_date"] >= latest[given.household]) & (given["start_date"] <= seen.day)
    answers = np.zeros((len(_RISKS) + 1, len(_MEASURES)), dtype=bool)  # the last row is for no risk
    for risk, answer in answering.items():
        answers[_RISKS.index(risk)] = [kind in answer.kinds for kind in _MEASURES]
    open_ = np.append([risk not in answering or not answering[risk].complete for risk in _RISKS], False)
    last = decisions["identified_on"] == latest[decisions.household]
    of, risks = decisions.household[last], np.stack([decisions[name][last] for name in MONITORING_RISKS])
    answered, any_ = np.zeros((seen.n, len(_MEASURES)), dtype=bool), np.zeros(seen.n, dtype=bool)
    answered[of] = answers[risks].any(axis=0)
    any_[of] = open_[risks].any(axis=0) | (risks[0] < 0)
    sure = answered[given.household, given["measure_kind"]]
    low, high = given.totals(since & sure, since & (sure | any_[given.household]))
    return Span(low, np.where(np.isnan(latest), np.inf, high))


FORMULAS: dict[str, Formula] = {
    formula.__name__: formula
    for formula in (
        pc_net_income, pc_market_income, net_income, reference_income, income_fall, rigid_expenditure_share, poverty_line, monitoring_line,
        exited, monitored, exit_year, exits_this_year, relocated, size, stable_workers, months_since_identification, half_year_income,
        dibao_income, newly_disabled, left_dibao, risk_confirmed, risk_found, not_held,
        worsened_disability, newly_ill, left_extreme_support, on_dibao, on_extreme_support,
    )
}  # fmt: skip


def formulas(answering: Answering) -> Mapping[str, Formula]:
    """All formulas by name, for a county in which this help answers these risks."""
    return FORMULAS | {targeted_measures.__name__: partial(targeted_measures, answering=answering)}
