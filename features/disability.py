"""Disability features: kind, level and share, and whom in the household it touches."""

from __future__ import annotations

import numpy as np

from features.catalog import Feature, Values, theme
from features.ratios import per
from features.seen import Seen

MILDEST = 4.0
SEVERE = 2  # levels 1 and 2 are severe, as the disability certificate counts


@theme(
    "disability",
    "残疾",
    Feature("disabled_members", "残疾人数", "persons", 1, "disability"),
    Feature("disabled_share", "残疾人数占比", "share", 1, "disability"),
    Feature("severe_disabled", "重度残疾人数（一二级）", "persons", 1, "disability"),
    Feature("most_severe_level", "最重残疾等级（1 最重，5 无）", "level", -1, "disability"),
    Feature("mental_or_intellect", "精神或智力残疾人数", "persons", 1, "disability"),
    Feature("limb_disabled", "肢体残疾人数", "persons", 0, "disability"),
    Feature("disabled_of_working_age", "劳动年龄内残疾人数", "persons", 1, "disability"),
    Feature("head_disabled", "户主残疾", "flag", 1, "disability"),
)
def disability(seen: Seen) -> Values:
    """Disabled members who are present."""
    people = seen.members
    table = people.table
    level, kind = table["disability_level"], table["disability_category"]
    disabled = (level >= 1) | (kind >= 0)
    members, severe, mind, limb, of_age, head = people.totals(
        disabled,
        level <= SEVERE,
        *table.which("disability_category", ("mental", "intellect"), "limb"),
        disabled & people.of_working_age,
        disabled & table.is_code("relation_to_head", "head"),
    )
    # a certificate without a level counts as the mildest
    mildest = table.largest(np.where(disabled & people.here, -np.fmin(level, MILDEST), np.nan), default=-MILDEST - 1.0)
    return {
        "disabled_members": members,
        "disabled_share": per(people.count, members),
        "severe_disabled": severe,
        "most_severe_level": -mildest[0],
        "mental_or_intellect": mind,
        "limb_disabled": limb,
        "disabled_of_working_age": of_age,
        "head_disabled": np.minimum(head, 1.0),
    }
