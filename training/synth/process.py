"""What the office does: it sees incomes dimly and late, identifies a few households, helps them, and lets them go again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.register import Array, BoolArray, FloatArray
from training.synth.block import FOREVER, YEAR, Block
from training.synth.condition import WEAK, Condition
from training.synth.labour import Work
from training.synth.livelihood import Livelihood
from training.synth.medical import Bills
from training.synth.population import People
from training.synth.shocks import Shocks

UNSTABLE_EXITED, EDGE_PRONE, SUDDEN_SEVERE = range(3)
BY_HELP, NATURALLY = range(2)
ILLNESS, SCHOOLING, DISABILITY, DISASTER, ACCIDENT, INDUSTRY, UNSTABLE_JOB, NO_LABOUR = range(8)  # risk codes of the register


@dataclass(frozen=True)
class Process:
    """The office's decisions; each household is identified at most once in the simulated years.

    Attributes:
        identified, eliminated: (n,) months, FOREVER where never.
        category, elimination, risk, second_risk: (n,) codes, −1 none.
        help_wage, help_policy: (n, months) yuan that the household has from help after identification.
    """

    identified: Array
    eliminated: Array
    category: Array
    elimination: Array
    risk: Array
    second_risk: Array
    help_wage: FloatArray
    help_policy: FloatArray

    @property
    def helped(self) -> FloatArray:
        """All help by month."""
        return np.asarray(self.help_wage + self.help_policy)


def recent_trouble(block: Block, people: People, labour: Work, struck: Shocks, bill: Bills) -> Array:
    """(n, risks, quarters) trouble that an office could have heard of in each quarter, by risk code."""
    quarters = block.span.quarters
    out = np.zeros((block.n, 8, quarters), dtype=np.bool_)

    def mark(risk: int, row: Array, month: Array) -> None:
        inside = (month >= 0) & (month < block.span.months)
        out[row[inside], risk, month[inside] // 3] = True

    heavy = bill.oop > 5000
    mark(ILLNESS, bill.row[heavy], bill.month[heavy])
    row, slot = np.nonzero(people.exists)
    mark(ACCIDENT, row, people.accident_from[row, slot])
    new = people.disabled_from[row, slot] >= 0
    mark(DISABILITY, row[new], people.disabled_from[row, slot][new])
    lost = labour.spells.lost
    mark(UNSTABLE_JOB, labour.spells.row[lost], labour.spells.end[lost])
    row, year = np.nonzero(struck.struck_month >= 0)
    mark(DISASTER, row, struck.struck_month[row, year])
    mark(INDUSTRY, np.arange(block.n), struck.failed_month)
    died = people.exists & (people.gone_kind == 2) & (block.span.first - people.birth < 60)
    row, slot = np.nonzero(died)
    mark(NO_LABOUR, row, people.gone[row, slot])
    return out


def identify(block: Block, means: Livelihood, condition: Condition, trouble: Array, bill: Bills) -> Process:
    """Quarter by quarter from the preset's first year on: who is identified, helped and let go."""
    draws, preset, span = block.draws, block.preset, block.span
    n = block.n
    identified, eliminated = np.full(n, FOREVER, dtype=np.int32), np.full(n, FOREVER, dtype=np.int32)
    category, elimination, risk, second = (np.full(n, -1, dtype=np.int8) for _ in range(4))
    help_wage, help_policy = np.zeros((n, span.months)), np.zeros((n, span.months))
    base = np.concatenate([np.zeros((n, 1)), np.cumsum(means.net, axis=1)], axis=1)
    time = np.arange(span.months)
    effort = block.villages.effort[block.village]
    first_year = int(preset.number("process.first_year"))
    for quarter in range(max(4, (first_year - span.first) * 4), span.quarters):
        end = quarter * 3 + 2  # the decision rests on the books of the quarter before
        year = span.first + quarter // 4
        poverty, monitoring = block.plan.lines(year)
        size = np.maximum(means.size[:, end], 1)
        last = base[:, end - 2] - base[:, end - 14] + (help_wage + help_policy)[:, end - 14 : end - 2].sum(axis=1)
        seen = last / size * np.exp(preset.number("process.income_error") * draws.normal("seen income", block.home, quarter))
        lives = means.size[:, end] > 0
        lately = np.asarray(trouble[:, :, max(0, quarter - 3) : quarter].any(axis=2))
        anything = lately.any(axis=1)
        chance = preset.number("process.base") * effort * np.where(anything, preset.number("process.trouble"), 1.0)
        chance = chance * np.where(seen < poverty, preset.number("process.under_line"), 1.0)
        chance = chance * np.where(block.exited, preset.number("process.exited"), 1.0)
        low = lives & (seen < monitoring)
        bills_lately = np.bincount(bill.row, weights=bill.oop * ((bill.month > end - 12) & (bill.month <= end - 1)), minlength=n) / size
        sudden = lives & ~low & (bills_lately > preset.number("process.sudden_share") * monitoring)
        chance = np.where(sudden, preset.number("process.sudden") * effort, chance)
        enters = (low | sudden) & (identified == FOREVER) & (draws.uniform("identified", block.home, quarter) < chance)
        rows = np.flatnonzero(enters)
        identified[rows] = end
        category[rows] = np.where(sudden[rows], SUDDEN_SEVERE, np.where(block.exited[rows], UNSTABLE_EXITED, EDGE_PRONE))
        ranked = lately[rows]
        ability = condition.ability[rows][..., quarter]
        able = (condition.here[rows][..., quarter] & (ability <= WEAK)).any(axis=1)
        risk[rows] = np.where(
            sudden[rows], ILLNESS, np.where(ranked.any(axis=1), ranked.argmax(axis=1), np.where(able, UNSTABLE_JOB, NO_LABOUR))
        )
        others = ranked.copy()
        others[np.arange(len(rows)), np.minimum(risk[rows], 7)] = False
        second[rows] = np.where(others.any(axis=1), others.argmax(axis=1), -1)
        # help begins the month after
        later = time[None, :] > end
        strength = 0.5 + draws.uniform("help", block.home[rows])
        post = np.where(able, preset.number("process.help_wage"), 0.0) * strength
        grant = np.where(able, preset.number("process.help_grant"), preset.number("process.help_dibao") * size[rows]) * strength
        help_wage[rows] = later * post[:, None] * block.index
        help_policy[rows] = later * grant[:, None] * block.index
        # and ends, with the risk, when income as seen has stood above the line for long enough
        since = end - identified
        ready = (
            (identified < FOREVER) & (eliminated == FOREVER) & (since >= preset.number("process.least_months")) & (seen > 1.1 * monitoring)
        )
        out = ready & (draws.uniform("eliminated", block.home, quarter) < preset.number("process.eliminates"))
        gone = np.flatnonzero(out)
        eliminated[gone] = end
        elimination[gone] = np.where(help_wage[gone, end] + help_policy[gone, end] > 0, BY_HELP, NATURALLY)
        fades = time[None, :] > end + YEAR
        help_wage[gone] = np.where(fades, 0.0, help_wage[gone])
        help_policy[gone] = np.where(fades, 0.0, help_policy[gone])
    lives_on = means.size > 0
    return Process(identified, eliminated, category, elimination, risk, second, help_wage * lives_on, help_policy * lives_on)


@dataclass(frozen=True)
class Visits:
    """Visits to the door, one a row.

    Attributes:
        row, month: whose and when.
        reason: code of the register.
        probability: with which the household was chosen.
        found: code of the register.
    """

    row: Array
    month: Array
    reason: Array
    probability: FloatArray
    found: Array


ROUTINE, LIST, DEPARTMENT, SELF_REPORT, AUDIT = range(5)


def visits(block: Block, means: Livelihood, office: Process, trouble: Array) -> Visits:
    """Who is visited and why: exited and monitored households by rule, others by lot, by trouble or because they ask."""
    draws, preset, span = block.draws, block.preset, block.span
    effort = block.villages.effort[block.village]
    net = np.concatenate([np.zeros((block.n, 1)), np.cumsum(means.net + office.helped, axis=1)], axis=1)
    rows: list[tuple[Array, ...]] = []
    for quarter in range(span.quarters):
        month = quarter * 3
        lives = means.size[:, month + 2] > 0
        poverty, monitoring = block.plan.lines(span.first + quarter // 4)
        watched = (office.identified < month) & (office.eliminated >= month)
        start = max(0, month - 11)
        income = (net[:, month + 1] - net[:, start]) * YEAR / (month + 1 - start) / np.maximum(means.size[:, month], 1)
        troubled = trouble[:, :, max(0, quarter - 1) : quarter + 1].any(axis=(1, 2))
        at_risk = (income < monitoring) | (troubled & (income < 1.6 * monitoring))
        yearly = np.where(
            watched, 1.0, np.where(block.exited, preset.number("process.visit_exited"), preset.number("process.visit_ordinary"))
        )
        asks = np.where(income < poverty, 0.012, np.where(troubled & at_risk, 0.008, 0.0003))
        reasons: list[tuple[int, FloatArray, BoolArray]] = [
            (ROUTINE, np.minimum(1.0, yearly * np.where(watched, 1.0, effort**0.3)), lives),
            (AUDIT, np.full(block.n, preset.number("process.visit_audit")), lives),
            (DEPARTMENT, np.full(block.n, preset.number("process.visit_push")), lives & troubled),
            (SELF_REPORT, asks, lives),
        ]
        for reason, chance, among in reasons:
            goes = np.flatnonzero(among & (draws.uniform(f"visit {reason}", block.home, quarter) < chance))
            who = block.home[goes]
            judged = draws.uniform(f"found {reason}", who, quarter)
            finds = judged < np.where(at_risk[goes], preset.number("process.finds"), preset.number("process.finds_falsely"))
            absent = draws.uniform(f"absent {reason}", who, quarter) < 0.06
            found = np.where(absent, 2, np.where(finds, 1, 0))
            when = month + np.floor(3 * draws.uniform(f"visit month {reason}", who, quarter)).astype(np.int64)
            known = np.where(reason == SELF_REPORT, np.nan, chance[goes])
            rows.append((goes, when, np.full(len(goes), reason), known, found))
    parts = [np.concatenate(part) for part in zip(*rows, strict=True)]
    return Visits(*parts)
