"""Employment features: who works, where, how steadily and for what wage, and what was lost."""

from __future__ import annotations

import numpy as np

from features.catalog import Feature, Values, theme
from features.codes import groups
from features.register import NO, UNKNOWN, YES, BoolArray, TableView
from features.seen import JOB_LOSS, MONTH, YEAR, Seen
from features.tables import TABLES

KINDS = groups(
    "employment", "work_kind", (*TABLES["employment"].column("work_kind").codes, None), "migrant", ("public_post", "temporary_post")
)
AWAY = groups("employment", "work_region", ("outside_province", "abroad"))


@theme(
    "employment",
    "就业",
    Feature("workers", "在业人数", "persons", -1, "unstable_job"),
    Feature("workers_share", "在业人数占比", "share", -1, "unstable_job", per="size"),
    Feature("dependants_per_worker", "每名在业者负担人数", "persons", 1, "unstable_job", per="carriers", cap=60.0),
    Feature("migrant_workers", "外出务工人数", "persons", 0, "unstable_job"),
    Feature("outside_province_workers", "省外务工人数", "persons", 0, "unstable_job"),
    Feature("post_workers", "公益性或临时岗位人数", "persons", 0, "unstable_job"),
    Feature("months_worked", "近一年劳动年龄人均务工月数", "months", -1, "unstable_job", per="hands", cap=24.0),
    Feature("longest_tenure", "在业最长持续月数", "months", -1, "unstable_job"),
    Feature("spells_ended", "近一年结束的务工次数", "spells", 1, "unstable_job"),
    Feature("job_losses", "近一年失业次数", "events", 1, "unstable_job"),
    Feature("months_since_job_loss", "距最近失业月数", "months", -1, "unstable_job"),
    Feature("best_wage_to_line", "最高月工资（折年）与户贫困线之比", "ratio", -1, "unstable_job", per="line"),
    Feature("mean_wage", "在业者平均月工资", "yuan/month", -1, "unstable_job", per="earners", cap=1e6),
    Feature("wage_trend", "月工资较上一份工作变化", "share", -1, "unstable_job", per="earlier"),
    Feature("idle_able", "有劳动能力而未在业人数", "persons", 1, "unstable_job"),
    Feature("zero_employment", "有劳动力而无人就业", "flag", 1, "unstable_job"),
)
def employment(seen: Seen) -> Values:
    """Work as known on the date; a spell without an end goes on."""
    spells, people, events, size = seen["employment"], seen.people, seen.events, seen.size
    day, year_ago = seen.day, seen.day - YEAR
    start, end, wage = spells["start_date"], spells["end_date"], spells["monthly_wage"]
    began, over = start <= day, end <= day  # an unknown end is the day that never comes
    current, past = began > over, began & over
    days = np.maximum(np.minimum(end, day) - np.maximum(start, year_ago), 0)  # whole days: their sum knows no order
    paid = current & (wage >= NO)
    working, migrant, post = current & spells.which(KINDS)
    workers, migrants, away, posts, worked, ended, wages, earners = spells.totals(
        *_once_a_person(spells, working, migrant),  # one person may hold two spells; a worker is counted once
        current & spells.which(AWAY)[0],
        post,
        days,
        past & (end > year_ago),
        np.where(paid, wage, NO),
        paid,
    )
    best, earlier = spells.highest(np.where(current, wage, UNKNOWN)), spells.highest(np.where(past, wage, UNKNOWN))
    tenure = spells.highest(np.where(current, (day - start) / MONTH, UNKNOWN))
    return {
        "workers": workers,
        "workers_share": workers,
        "dependants_per_worker": size - np.minimum(workers, size),
        "migrant_workers": migrants,
        "outside_province_workers": away,
        "post_workers": posts,
        "months_worked": worked / MONTH,
        "longest_tenure": np.fmax(tenure, NO),
        "spells_ended": ended,
        "job_losses": events.counts[0, JOB_LOSS],
        "months_since_job_loss": events.months_since[JOB_LOSS],
        "best_wage_to_line": best * 12.0,
        "mean_wage": wages,
        "wage_trend": best - earlier,
        "idle_able": np.maximum(people.able_count - workers, NO),
        "zero_employment": (people.able_count > NO) & (workers == NO),
        "carriers": np.maximum(workers, 0.5),
        "hands": np.maximum(people.working, YES),
        "earners": earners,
        "earlier": earlier,
    }


def _once_a_person(spells: TableView, *which: BoolArray) -> tuple[BoolArray, ...]:
    """Truths of the rows as truths of persons, each at a person's first row; rows are sorted by household, then member."""
    household, member = spells.household, spells["member_id"]
    another = np.empty(len(member), dtype=bool)
    another[:1] = True
    another[1:] = (member[1:] != member[:-1]) | (household[1:] != household[:-1])
    first = another.nonzero()[0]
    if len(first) == len(member):
        return which
    once = np.zeros((len(which), len(member)), dtype=bool)
    once[:, first] = np.logical_or.reduceat(which, first, axis=1)
    return tuple(once)
