"""What the register says of work, income and events: late, rounded, sometimes blank, sometimes never."""

from __future__ import annotations

import datetime as dt

import numpy as np

from features.policy.drawing import SCHOOL_YEAR_MONTH
from features.register import NEVER, Array, FloatArray
from features.tables import INCOME_SOURCES
from training.synth.block import FOREVER, QUARTER, SLOTS, YEAR, Block
from training.synth.condition import HIGHER_VOCATIONAL, IN_SENIOR, UNIVERSITY, VOCATIONAL
from training.synth.county import Truth
from training.synth.draws import Keys, keys
from training.synth.population import DIED
from training.synth.rows import Rows, absolute_month, delay, money, rows, together

SOURCES = tuple(code for code, _ in INCOME_SOURCES)
(BILL, ACCIDENT, DISASTER, JOB_LOSS, DEATH, INDUSTRY, SCHOOL_FEE, HOUSE, WATER, PUSH) = range(10)  # event codes of the register
MOST_EVENTS = 400  # of one household


def employment(truth: Truth) -> Rows:
    """Rows of the employment table: one when a spell is heard of, one more when its end is."""
    block, spells, span, draws = truth.block, truth.work.spells, truth.block.span, truth.block.draws
    who = keys(block.hid[spells.row] * 65536 + spells.slot * 4096 + spells.start + 100 + (1 << 46))

    def told(name: str) -> float:
        return block.preset.number(f"reporting.{name}")

    over = spells.end < FOREVER
    end_month = np.where(over, np.minimum(spells.end, span.months - 1), 0)
    start = span.day(np.maximum(spells.start, -70), 0.45 * draws.uniform("spell day", who))
    end = span.day(end_month, 0.5 + 0.5 * draws.uniform("spell end day", who))
    opening = int(span.day(np.array(0)))
    heard = start + delay(block, "spell delay", who, 35, least=3)
    heard = np.where(spells.start < 0, opening + np.floor(5 + 45 * draws.uniform("spell opening", who)), heard).astype(np.int32)
    forgotten = draws.uniform("end forgotten", who) < told("end_forgotten")
    ended = end + delay(block, "end delay", who, told("end_delay"), least=3) + np.where(forgotten, 240, 0)
    wage = money(spells.wage * np.exp(told("wage_told_sd") * draws.normal("wage as told", who)), 50)
    person = spells.row * SLOTS + spells.slot
    first = ~over | (ended > heard)
    made = [
        rows(
            "employment", spells.row[chosen], member_id=person[chosen], start_date=start[chosen], end_date=last[chosen],
            work_kind=spells.kind[chosen], work_region=spells.region[chosen], monthly_wage=wage[chosen], known_on=known[chosen],
        )
        for chosen, last, known in ((first, np.full(len(end), NEVER), heard), (over, end, ended))
    ]  # fmt: skip
    return together(made)


def incomes(truth: Truth) -> Rows:
    """Rows of the incomes table: by quarter and source, and at least one row for every quarter in which the household was asked."""
    block, preset, draws, span = truth.block, truth.block.preset, truth.block.draws, truth.block.span
    means, office = truth.means, truth.office
    monthly = {
        "wage": means.wage + office.help_wage, "business": means.business, "business_expense": means.expense, "property": means.property_,
        "transfer_policy": means.policy + office.help_policy, "transfer_private": means.private,
    }  # fmt: skip
    quarterly = np.stack([monthly[code].reshape(block.n, span.quarters, QUARTER).sum(axis=2) for code in SOURCES], axis=2)
    bias = preset.number("reporting.income_bias_sd") * draws.normal("income bias", block.home)
    noise = preset.number("reporting.income_noise_sd")
    alive = truth.means.size[:, QUARTER - 1 :: QUARTER] > 0
    known = np.zeros((block.n, span.quarters), dtype=np.int32)
    told = np.zeros_like(quarterly)
    ordinary, exited = preset.numbers("reporting.quarter_missing")
    asked = np.zeros(alive.shape, dtype=np.bool_)
    for quarter in range(span.quarters):
        missing = draws.uniform("quarter missing", block.home, quarter) < np.where(block.exited, exited, ordinary)
        asked[:, quarter] = alive[:, quarter] & ~missing
        after = span.day(np.array((quarter + 1) * QUARTER))
        late = draws.uniform("quarter late", block.home, quarter) < preset.number("reporting.late")
        wait = np.floor(4 + 41 * draws.uniform("quarter known", block.home, quarter))
        wait = wait + late * np.floor(30 + 170 * draws.uniform("how late", block.home, quarter))
        known[:, quarter] = after + wait
        for place, code in enumerate(SOURCES):
            if code == "transfer_policy":  # paid through the bank: known to the yuan
                told[:, quarter, place] = money(quarterly[:, quarter, place], 1)
            else:
                spread = noise * draws.normal(f"told {code}", block.home, quarter)
                told[:, quarter, place] = money(quarterly[:, quarter, place] * np.exp(bias + spread))
    present = (told > 0) & asked[..., None]
    nothing = asked & ~present.any(axis=2)
    present[..., SOURCES.index("business")] |= nothing
    row, period, source = np.nonzero(present)
    amount = told[row, period, source]
    who = keys(block.hid[row] * 4096 + period * 8 + source + (1 << 47))
    blank = draws.uniform("amount blank", who) < preset.number("reporting.cell_blank")
    wrong = (draws.uniform("amount corrected", who) < preset.number("reporting.corrected")) & ~blank
    slip = amount * np.exp(0.5 * draws.normal("slip", who))
    first_month = absolute_month(block, period * QUARTER)
    day = known[row, period]

    def entered(chosen: Array, amounts: FloatArray, on: Array) -> Rows:
        return rows(
            "incomes", row[chosen], source=source[chosen], period_start=first_month[chosen], period_end=first_month[chosen] + QUARTER - 1,
            amount=amounts[chosen], known_on=on[chosen],
        )  # fmt: skip

    everything = np.ones(len(row), dtype=np.bool_)
    later = day + np.floor(15 + 120 * draws.uniform("correction day", who)).astype(np.int32)
    return together(
        [entered(everything, np.where(blank, np.nan, np.where(wrong, money(slip), amount)), day), entered(wrong, amount, later)]
    )


def events(truth: Truth) -> Rows:
    """Rows of the events table: bills, accidents, disasters, job losses, deaths, failed projects, fees, pushes by departments."""
    block, preset, draws, span = truth.block, truth.block.preset, truth.block.draws, truth.block.span
    people, struck = truth.people, truth.shocks
    made = [_bills(truth), _pushes(truth)]

    row, slot = np.nonzero(people.exists & (people.accident_from < span.months))
    seen = draws.uniform("accident seen", block.person[row, slot]) < preset.number("reporting.accident_seen")
    row, slot = row[seen], slot[seen]
    made.append(_event(block, ACCIDENT, row, people.accident_from[row, slot], block.person[row, slot], mean=30, slot=slot))

    spells = truth.work.spells
    who = keys(block.hid[spells.row] * 65536 + spells.slot * 4096 + spells.start + 100 + (1 << 46))
    ordinary, exited = preset.numbers("reporting.job_loss_seen")
    heard = spells.lost & (spells.end >= 0) & (draws.uniform("job loss seen", who) < np.where(block.exited[spells.row], exited, ordinary))
    made.append(
        _event(block, JOB_LOSS, spells.row[heard], spells.end[heard], who[heard], mean=35, slot=spells.slot[heard], late_in_month=True)
    )

    row, slot = np.nonzero(people.exists & (people.gone_kind == DIED) & (people.gone < span.months))
    made.append(_event(block, DEATH, row, people.gone[row, slot], block.person[row, slot], mean=20, slot=slot))

    index = block.index
    row, year = np.nonzero((struck.struck_month >= 0) & (struck.harvest_lost > 0))
    month = struck.struck_month[row, year]
    loss = truth.means.land[row] * preset.number("income.per_mu") * struck.harvest_lost[row, year] * index[month]
    who = keys(block.hid[row] * 64 + year + (1 << 48))
    loss = money(loss * np.exp(0.3 * draws.normal("loss as told", who)), 100)
    told = (draws.uniform("disaster told", who) < 0.8) & (truth.means.size[row, month] > 0)
    made.append(_event(block, DISASTER, row[told], month[told], who[told], mean=15, amount=loss[told]))
    hit = struck.house_hit[row, year] & (truth.means.size[row, month] > 0)
    damage = money(3000 + 15000 * draws.uniform("house loss", who), 100)
    made.append(_event(block, HOUSE, row[hit], month[hit], who[hit], mean=15, amount=damage[hit]))

    row = np.flatnonzero((struck.failed_month >= 0) & (draws.uniform("failure seen", block.home) < 0.5))
    lost = money(preset.number("income.business_gross") * (0.3 + draws.uniform("failure loss", block.home[row])), 1000)
    made.append(_event(block, INDUSTRY, row, struck.failed_month[row], block.home[row], mean=60, amount=lost))
    made += [_fees(truth, y) for y in range(span.years)]

    table = together([part for part in made if len(part)])
    table.columns["event_id"] = np.zeros(len(table), dtype=np.int32)
    table = table.where(np.lexsort((table["event_kind"], table["occurred_on"], table.row)))
    starts = np.flatnonzero(np.r_[True, table.row[1:] != table.row[:-1]])
    place = np.arange(len(table)) - np.repeat(starts, np.diff(np.r_[starts, len(table)]))
    table.columns["event_id"] = np.minimum(place, MOST_EVENTS - 1).astype(np.int32)
    table.words["event_id"] = [f"e{number:03d}" for number in range(1, MOST_EVENTS + 1)]
    return table


def _event(
    block: Block, kind: int, row: Array, month: Array, who: Keys, *,
    mean: float, slot: Array | None = None, amount: FloatArray | None = None, late_in_month: bool = False,
) -> Rows:  # fmt: skip
    place = block.draws.uniform(f"event day {kind}", who)
    day = block.span.day(np.clip(month, 0, block.span.months - 1), 0.5 + 0.5 * place if late_in_month else place)
    known = day + delay(block, f"event delay {kind}", who, mean, least=1)
    table = rows("events", row, event_kind=kind, occurred_on=day, known_on=known)
    if slot is not None:
        table.columns["member_id"] = (row * SLOTS + slot).astype(np.int32)
    if amount is not None:
        table.columns["amount"] = amount
    return table


def _bills(truth: Truth) -> Rows:
    """Hospital bills as the insurer sends them; what the household says it paid is asked of some, and is more."""
    block, preset, draws, bill = truth.block, truth.block.preset, truth.block.draws, truth.bills
    who = keys(block.hid[bill.row] * 65536 + bill.slot * 4096 + bill.month + (1 << 49))
    exited = block.exited[bill.row]
    ordinary_unseen, exited_unseen = preset.numbers("reporting.event_unseen")
    seen = draws.uniform("bill seen", who) >= np.where(exited, exited_unseen, ordinary_unseen)
    asked = draws.uniform("bill asked", who) < np.where(exited, 0.5, 0.2)
    drugs = bill.amount * 0.08 * -np.log(draws.uniform("drugs outside", who)) * (draws.uniform("buys drugs", who) < 0.5)
    told = np.where(asked, money(bill.oop + drugs), np.nan)
    table = _event(block, BILL, bill.row, bill.month, who, mean=30, slot=bill.slot, amount=bill.amount)
    table.columns["oop_compliant"] = bill.oop_compliant
    table.columns["oop_self_reported"] = told
    return table.where(seen)


def _pushes(truth: Truth) -> Rows:
    """The insurance bureau pushes who has paid much this year; once a person and year, known by the fifth of the month after next."""
    block, bill = truth.block, truth.bills
    ordinary, exited = block.preset.numbers("reporting.push_threshold")
    person = bill.row * SLOTS + bill.slot
    year = bill.month // YEAR
    order = np.lexsort((bill.month, year, person))
    group = person[order] * 64 + year[order]
    first = np.r_[True, group[1:] != group[:-1]] if len(group) else np.zeros(0, dtype=np.bool_)
    running = np.cumsum(bill.oop_compliant[order])
    starts = np.flatnonzero(first)
    base = np.repeat(running[starts] - bill.oop_compliant[order][starts], np.diff(np.r_[starts, len(group)]))
    total = running - base
    over = total >= np.where(block.exited[bill.row[order]], exited, ordinary)
    once = over & ~(np.r_[False, over[:-1]] & ~first)
    chosen = order[once]
    who = keys(block.hid[bill.row[chosen]] * 65536 + bill.slot[chosen] * 4096 + bill.month[chosen] + (1 << 51))
    table = _event(block, PUSH, bill.row[chosen], bill.month[chosen], who, mean=10, slot=bill.slot[chosen], late_in_month=True)
    table.columns["oop_compliant"] = np.round(total[once], 1)
    table.columns["known_on"] = table["occurred_on"] + delay(block, "push delay", who, 8.0, least=6)
    return table


def _fees(truth: Truth, y: int) -> Rows:
    """Fees of schooling beyond the compulsory nine years, each September, and what subsidies paid of them: of registered pupils' alone."""
    block, draws, span = truth.block, truth.block.draws, truth.block.span
    month = y * YEAR + SCHOOL_YEAR_MONTH - 1
    school = truth.condition.school[..., month // QUARTER]
    pays = truth.condition.here[..., month // QUARTER] & (school >= IN_SENIOR)
    row, slot = np.nonzero(pays & (draws.uniform("fee seen", block.person, y) < 0.7))
    kind = school[row, slot]
    usual = np.select([kind == IN_SENIOR, kind == VOCATIONAL, kind == UNIVERSITY], [2600.0, 2200.0, 7500.0], 8500.0)
    amount = money(usual * block.index[month] * np.exp(0.3 * draws.normal("fee", block.person[row, slot], y)), 50)
    made = _event(
        block, SCHOOL_FEE, row, np.full(len(row), month), block.person[row, slot] ^ np.uint64(y), mean=40, slot=slot, amount=amount
    )
    vocational, student = (_subsidy(block, name, span.first + y) for name in ("education_help_amount", "student_grant"))
    due = np.select(
        [~block.exited[row], (kind == VOCATIONAL) | (kind == HIGHER_VOCATIONAL), kind == UNIVERSITY], [0.0, vocational, student]
    )
    helped = draws.uniform("roll education_help", block.person[row, slot]) < block.preset.number("policy.benefit_reach")
    made.columns["subsidy"] = np.minimum(due * helped, amount)
    return made


def _subsidy(block: Block, name: str, year: int) -> float:
    """Yuan that a pupil is paid for the school year that begins in a year; nothing where the county has none on record."""
    return block.plan.policy.value(name, dt.date(year, SCHOOL_YEAR_MONTH, 1), block.preset.county) or 0.0
