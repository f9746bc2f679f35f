"""What the register says of the office's own work: monitoring, measures, visits, and what comparisons of data found."""

from __future__ import annotations

import numpy as np

from features.register import NEVER
from training.synth.block import FOREVER, YEAR
from training.synth.condition import WEAK
from training.synth.county import Truth
from training.synth.draws import keys
from training.synth.labour import PUBLIC_POST
from training.synth.process import ACCIDENT, DISABILITY, DISASTER, ILLNESS, INDUSTRY, NO_LABOUR, SCHOOLING, UNSTABLE_JOB
from training.synth.rows import Rows, delay, money, rows, together

(
    HELP_INDUSTRY,
    HELP_JOB,
    HELP_POST,
    HELP_FINANCE,
    HELP_HOUSE,
    HELP_MOVE,
    HELP_LIVING,
    HELP_HEALTH,
    HELP_SCHOOL,
    _,
    _,
    HELP_SECURITY,
    HELP_SOCIAL,
    _,
) = range(14)
# Which help answers which risk (the register's own codes).
ANSWERS = {
    ILLNESS: HELP_HEALTH, SCHOOLING: HELP_SCHOOL, DISABILITY: HELP_SECURITY, DISASTER: HELP_SOCIAL, ACCIDENT: HELP_SOCIAL,
    INDUSTRY: HELP_INDUSTRY, UNSTABLE_JOB: HELP_JOB, NO_LABOUR: HELP_SECURITY,
}  # fmt: skip


def monitoring(truth: Truth) -> Rows:
    """Rows of the monitoring table: one when a household is identified, one more when its risk is declared eliminated."""
    block, office, span, draws = truth.block, truth.office, truth.block.span, truth.block.draws
    row = np.flatnonzero(office.identified < FOREVER)
    who = block.home[row]
    day = span.day(office.identified[row], draws.uniform("identified day", who))
    known = day + delay(block, "identified known", who, 8.0, least=2, most=45)
    over = office.eliminated[row] < FOREVER
    end = span.day(np.where(over, office.eliminated[row], 0), draws.uniform("eliminated day", who))
    ended = np.maximum(end + delay(block, "eliminated known", who, 10.0, least=2, most=60), known + 1)
    made = [
        rows(
            "monitoring", row[chosen], category=office.category[row][chosen], identified_on=day[chosen], eliminated_on=until[chosen],
            elimination_kind=kind[chosen], risk_1=office.risk[row][chosen], risk_2=office.second_risk[row][chosen], known_on=on[chosen],
        )
        for chosen, until, kind, on in (
            (np.ones(len(row), dtype=np.bool_), np.full(len(row), NEVER), np.full(len(row), -1), known),
            (over, end, office.elimination[row], ended),
        )
    ]  # fmt: skip
    return together(made)


def measures(truth: Truth) -> Rows:
    """Rows of the measures table: help that follows identification, and what exited households have by policy."""
    block, office, span, draws = truth.block, truth.office, truth.block.span, truth.block.draws
    made: list[Rows] = []
    # the month after identification; developmental help where somebody can work, else security
    row = np.flatnonzero(office.identified < span.months - 1)
    begin = office.identified[row] + 1
    able = (truth.condition.here[row, :, begin // 3] & (truth.condition.ability[row, :, begin // 3] <= WEAK)).any(axis=1)
    answers = np.array([ANSWERS.get(int(risk), HELP_SOCIAL) for risk in office.risk[row]], dtype=np.int64)
    for order, kind in enumerate((np.where(able, HELP_POST, HELP_SECURITY), answers)):
        again = np.flatnonzero(kind != np.where(able, HELP_POST, HELP_SECURITY)) if order else np.arange(len(row))
        who = block.home[row[again]]
        money_a_year = (office.help_wage if order == 0 else office.help_policy)[row[again], begin[again]] * YEAR
        day = span.day(begin[again], 0.8 * draws.uniform(f"measure day {order}", who))
        over = office.eliminated[row[again]] < span.months - YEAR - 1
        end = np.where(over, span.day(np.where(over, office.eliminated[row[again]] + YEAR, 0)), NEVER)
        known = day + delay(block, f"measure known {order}", who, 10.0, least=1, most=60)
        made.append(
            rows(
                "measures", row[again], measure_kind=kind[again], start_date=day, end_date=NEVER, amount=money(money_a_year), known_on=known
            )
        )
        ends = end < NEVER
        made.append(
            rows(
                "measures", row[again][ends], measure_kind=kind[again][ends], start_date=day[ends], end_date=end[ends],
                amount=money(money_a_year)[ends], known_on=end[ends] + 5,
            )
        )  # fmt: skip
    # by policy: projects, health contracts, public posts of exited households
    project_share = block.preset.number("measures.project_share")
    least, most = block.preset.numbers("measures.project")
    for name, project, share, low, high in (
        ("project", HELP_INDUSTRY, project_share, least, most),
        ("contract", HELP_HEALTH, 0.35, 100.0, 400.0),
    ):
        row = np.flatnonzero(block.exited & (draws.uniform(name, block.home) < share))
        who = block.home[row]
        begin = np.floor(draws.uniform(f"{name} month", who) * min(36, span.months)).astype(np.int64)
        amount = money(low + (high - low) * draws.uniform(f"{name} sum", who), 100)
        day = span.day(begin, draws.uniform(f"{name} day", who))
        made.append(
            rows(
                "measures",
                row,
                measure_kind=project,
                start_date=day,
                end_date=NEVER,
                amount=amount,
                known_on=day + delay(block, f"{name} known", who, 20.0),
            )
        )
    spells = truth.work.spells
    post = (spells.kind == PUBLIC_POST) & (spells.start >= 0)
    row, start = spells.row[post], spells.start[post]
    who = keys(block.hid[row] * 65536 + spells.slot[post] * 4096 + start + (1 << 52))
    day = span.day(start, 0.4 * draws.uniform("post day", who))
    made.append(
        rows(
            "measures",
            row,
            measure_kind=HELP_POST,
            start_date=day,
            amount=money(spells.wage[post] * YEAR),
            known_on=day + delay(block, "post known", who, 15.0),
        )
    )
    return together(made)


COMPARED = ("财政局", "公安交警", "房管局", "市场和质量监督局", "乡镇")
"""Whose data are compared, in the order of the first codes of the register's findings: the five kinds that Ji'an's report names (JA3)."""


def findings(truth: Truth) -> Rows:
    """Rows of the findings table: what comparisons of data found, each once; some turn out, weeks later, not to be so."""
    block, preset, draws, span = truth.block, truth.block.preset, truth.block.draws, truth.block.span
    row = np.flatnonzero((draws.uniform("finding", block.home) < preset.number("comparison.share")) & (truth.means.size[:, 0] > 0))
    who = block.home[row]
    kind = draws.choice("finding kind", who, preset.numbers("comparison.kinds"))
    month = np.floor(draws.uniform("finding month", who) * span.months).astype(np.int64)
    day = span.day(month, draws.uniform("finding day", who))
    known = day + delay(block, "finding known", who, 20.0)
    refuted = draws.uniform("finding refuted", who) < preset.number("comparison.refuted")
    later = known + delay(block, "finding checked", who, 40.0, least=7)
    everybody = np.ones(len(row), dtype=np.bool_)
    table = together(
        [
            rows(
                "findings",
                row[chosen],
                finding=kind[chosen],
                department=kind[chosen],
                found=found,
                valid_from=on[chosen],
                known_on=heard[chosen],
            )
            for chosen, found, on, heard in (
                (everybody, np.ones(len(row), dtype=np.int8), day, known),
                (refuted, np.zeros(int(refuted.sum()), dtype=np.int8), later, later),
            )
        ]
    )
    table.words["department"] = list(COMPARED)
    return table


def visits(truth: Truth) -> Rows:
    """Rows of the visits table."""
    block, draws, seen = truth.block, truth.block.draws, truth.visits
    who = keys(block.hid[seen.row] * 65536 + seen.month * 8 + seen.reason + (1 << 53))
    day = block.span.day(seen.month, draws.uniform("visit day", who))
    known = day + np.floor(12 * draws.uniform("visit known", who)).astype(np.int32)
    return rows(
        "visits", seen.row, visited_on=day, reason=seen.reason, probability=np.round(seen.probability, 4), found=seen.found, known_on=known
    )
