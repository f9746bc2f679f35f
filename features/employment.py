"""Employment features: who works, where, how steadily and for what wage, and what was lost."""

from __future__ import annotations

import numpy as np

from features.catalog import Feature, Values, theme
from features.ratios import per
from features.register import Array, FloatArray
from features.seen import MONTH, YEAR, Seen, months_since


@theme(
    "employment",
    "就业",
    Feature("workers", "在业人数", "persons", -1, "unstable_job"),
    Feature("workers_share", "在业人数占比", "share", -1, "unstable_job"),
    Feature("dependants_per_worker", "每名在业者负担人数", "persons", 1, "unstable_job"),
    Feature("migrant_workers", "外出务工人数", "persons", 0, "unstable_job"),
    Feature("outside_province_workers", "省外务工人数", "persons", 0, "unstable_job"),
    Feature("post_workers", "公益性或临时岗位人数", "persons", 0, "unstable_job"),
    Feature("months_worked", "近一年劳动年龄人均务工月数", "months", -1, "unstable_job"),
    Feature("longest_tenure", "在业最长持续月数", "months", -1, "unstable_job"),
    Feature("spells_ended", "近一年结束的务工次数", "spells", 1, "unstable_job"),
    Feature("job_losses", "近一年失业次数", "events", 1, "unstable_job"),
    Feature("months_since_job_loss", "距最近失业月数", "months", -1, "unstable_job"),
    Feature("best_wage_to_line", "最高月工资（折年）与户贫困线之比", "ratio", -1, "unstable_job"),
    Feature("mean_wage", "在业者平均月工资", "yuan/month", -1, "unstable_job"),
    Feature("wage_trend", "月工资较上一份工作变化", "share", -1, "unstable_job"),
    Feature("idle_able", "有劳动能力而未在业人数", "persons", 1, "unstable_job"),
    Feature("zero_employment", "有劳动力而无人就业", "flag", 1, "unstable_job"),
)
def employment(seen: Seen) -> Values:
    """Work as known on the date; a spell without an end goes on."""
    spells, people, events, size = seen["employment"], seen.members, seen["events"], seen.size
    day = seen.day
    start, end, wage = spells["start_date"], spells["end_date"], spells["monthly_wage"]
    began, over = start <= day, end <= day  # an unknown end is the day that never comes
    current, past = began & ~over, began & over
    days = np.maximum(np.minimum(end, day) - np.maximum(start, day - YEAR), 0) * began  # whole days: their sum knows no order
    paid = current & (wage >= 0)
    migrant, post = spells.which("work_kind", "migrant", ("public_post", "temporary_post"))
    person = _first_of_person(spells.household, spells["member_id"], current)
    migrant_person = _first_of_person(spells.household, spells["member_id"], current & migrant)
    workers, migrants, away, posts, worked, ended, wages, earners = spells.totals(
        person,  # one person may hold two spells; a worker is counted once
        migrant_person,
        current & spells.is_code("work_region", "outside_province", "abroad"),
        current & post,
        days,
        past & (end > day - YEAR),
        np.where(paid, wage, 0.0),
        paid,
    )
    best, earlier, tenure = spells.largest(
        np.where(current, wage, np.nan), np.where(past, wage, np.nan), np.where(current, (day - start) / MONTH, np.nan)
    )
    lost = events.is_code("event_kind", "job_loss")
    since = seen.event_age
    able, of_age = people.totals(people.able, people.of_working_age)
    return {
        "workers": workers,
        "workers_share": per(size, workers),
        "dependants_per_worker": per(np.maximum(workers, 0.5), size - np.minimum(workers, size), cap=60.0),
        "migrant_workers": migrants,
        "outside_province_workers": away,
        "post_workers": posts,
        "months_worked": per(np.maximum(of_age, 1.0), worked / MONTH, cap=24.0),
        "longest_tenure": np.fmax(tenure, 0.0),
        "spells_ended": ended,
        "job_losses": events.total(lost & (since < YEAR)),
        "months_since_job_loss": months_since(events.largest(np.where(lost, -since, np.nan))[0]),
        "best_wage_to_line": per(seen.line, best * 12.0),
        "mean_wage": per(earners, wages, cap=1e6),
        "wage_trend": per(earlier, best - earlier),
        "idle_able": np.maximum(able - workers, 0.0),
        "zero_employment": ((able > 0) & (workers == 0)).astype(np.float64),
    }


def _first_of_person(household: Array, member: Array, which: Array) -> FloatArray:
    """1 for the first chosen row of each person; rows are sorted by household, then member."""
    rows = which.nonzero()[0]
    out = np.zeros(len(household))
    if len(rows):
        out[rows] = 1.0
        repeated = (member[rows[1:]] == member[rows[:-1]]) & (household[rows[1:]] == household[rows[:-1]])
        out[rows[1:]] -= repeated
    return out
