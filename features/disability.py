"""Disability features: kind, level and share, and whom in the household it touches."""

from __future__ import annotations

import numpy as np

from features.catalog import Feature, Values, theme
from features.codes import groups
from features.register import YES
from features.seen import Seen
from features.tables import TABLES

MILDEST, NONE = np.array(4.0), np.array(5.0)  # levels of the certificate, and one beyond
KINDS = groups("members", "disability_category", TABLES["members"].column("disability_category").codes, ("mental", "intellect"), "limb")
SEVERE = np.array(2.0)  # levels 1 and 2 are severe, as the disability certificate counts


@theme(
    "disability",
    "残疾",
    Feature("disabled_members", "残疾人数", "persons", 1, "disability"),
    Feature("disabled_share", "残疾人数占比", "share", 1, "disability", per="members"),
    Feature("severe_disabled", "重度残疾人数（一二级）", "persons", 1, "disability"),
    Feature("most_severe_level", "最重残疾等级（1 最重，5 无）", "level", -1, "disability"),
    Feature("mental_or_intellect", "精神或智力残疾人数", "persons", 1, "disability"),
    Feature("limb_disabled", "肢体残疾人数", "persons", 0, "disability"),
    Feature("disabled_of_working_age", "劳动年龄内残疾人数", "persons", 1, "disability"),
    Feature("head_disabled", "户主残疾", "flag", 1, "disability", cap=1.0),
)
def disability(seen: Seen) -> Values:
    """Disabled members who are present."""
    people = seen.people
    table = people.table
    level = table["disability_level"]
    of_any, of_mind, of_limb = table.which(KINDS)
    disabled = of_any | (level >= YES)
    members, severe, mind, limb, of_age, head = table.totals(
        disabled, level <= SEVERE, of_mind, of_limb, disabled & people.of_working_age, disabled & people.head
    )
    # a certificate without a level counts as the mildest
    most_severe = table.lowest(np.where(disabled, np.fmin(level, MILDEST), NONE), default=float(NONE))
    return {
        "disabled_members": members,
        "disabled_share": members,
        "severe_disabled": severe,
        "most_severe_level": most_severe,
        "mental_or_intellect": mind,
        "limb_disabled": limb,
        "disabled_of_working_age": of_age,
        "head_disabled": head,
    }
