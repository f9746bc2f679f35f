"""Structure features: who lives together, who can work, who learns, and the household's registry past."""

from __future__ import annotations

import numpy as np

from features.catalog import Feature, Leak, Values, theme
from features.codes import code, groups
from features.register import NO, UNKNOWN, YES
from features.seen import SCHOOL_FEE, YEAR, Seen

PAYING = groups("members", "school_status", ("senior", "vocational", "higher_vocational", "university"))
FEMALE = groups("members", "sex", "female")
ILLITERATE = code("members", "education", "illiterate")  # the lowest
ADULT, OLD = np.array(16.0), np.array(60.0)  # compulsory schooling ends; pension and old-age rules begin
FEE_YEARS = 1.5  # school is paid once a year, sooner or later in it


@theme(
    "structure",
    "家庭结构",
    Feature("household_size", "共享收支人口", "persons", 0, "no_labour"),
    Feature("children", "16岁以下人数", "persons", 0, "no_labour"),
    Feature("elderly", "60岁及以上人数", "persons", 0, "no_labour"),
    Feature("dependency_ratio", "被抚养人与劳动年龄人数之比", "ratio", 1, "no_labour", per="labour", cap=60.0),
    Feature("able_members", "有劳动能力人数", "persons", -1, "no_labour"),
    Feature("able_share", "有劳动能力人数占比", "share", -1, "no_labour", per="members"),
    Feature("weak_members", "弱劳动力或半劳动力人数", "persons", 0, "no_labour"),
    Feature("no_labour_household", "整户无劳动力", "flag", 1, "no_labour", per="members_known"),
    Feature("elderly_alone", "独居或仅有老人", "flag", 1, "no_labour", per="members_known"),
    Feature("single_person", "单人户", "flag", 0, "no_labour", per="members_known"),
    Feature("single_parent", "有子女而只有一名成年人", "flag", 1, "no_labour", per="members_known"),
    Feature("head_age", "户主年龄", "years", 0, "no_labour"),
    Feature("head_female", "户主为女性", "flag", 0, "other", Leak.PROTECTED, cap=1.0),
    Feature("best_education", "成年人最高文化程度（0–5）", "level", -1, "income_level"),
    Feature("mean_education", "成年人平均文化程度（0–5）", "level", -1, "income_level", per="educated"),
    Feature("illiterate_adults", "文盲或半文盲成年人数", "persons", 1, "income_level"),
    Feature("pupils_paying", "非义务教育阶段在校人数", "persons", 1, "schooling"),
    Feature("school_cost_to_line", "年均学费支出与贫困线之比（近一年半）", "ratio", 1, "schooling", per="school_need"),
    Feature("dropouts", "失学辍学人数", "persons", 1, "schooling"),
    Feature("pension_receivers", "领取养老金人数", "persons", -1, "no_labour"),
    Feature("elderly_without_pension", "60岁以上未领取养老金人数", "persons", 1, "no_labour"),
    Feature("exited_household", "脱贫户", "flag", 0, "income_level"),
    Feature("years_since_exit", "脱贫年数", "years", 0, "income_level"),
    Feature("relocated_household", "易地搬迁户", "flag", 0, "housing"),
    Feature("dibao_members", "享受低保人数", "persons", 0, "income_level", Leak.STATUS_PROXY),
)
def structure(seen: Seen) -> Values:
    """Composition of the present members."""
    people, events = seen.people, seen.events
    table, age, count = people.table, people.age, people.count
    learned, pension = table["education"], table["pension_receiving"]
    grown, old = age >= ADULT, age >= OLD
    schooled = grown & (learned >= ILLITERATE)
    # a household of which no member is known is unknown, not empty
    (
        elderly, adults, children, able, weak, dependants, female_head, educated, education, illiterate, pupils, dropouts, pensioners,
        unpensioned, dibao,
    ) = table.totals(
        old, grown, age < ADULT, people.able, people.weak, ~people.of_working_age, people.head & table.which(FEMALE)[0], schooled,
        schooled * learned, schooled & (learned == ILLITERATE), table.which(PAYING)[0], table["dropped_out"] == YES, pension == YES,
        old & (pension == NO), table["dibao"] == YES, default=np.nan,
    )  # fmt: skip
    head_age, best = table.highest(np.where(people.head, age, UNKNOWN)), table.highest(np.where(schooled, learned, UNKNOWN))
    fees = events.cost * (events.of_kind[SCHOOL_FEE] & (events.age < FEE_YEARS * YEAR))
    return {
        "household_size": seen.size,
        "children": children,
        "elderly": elderly,
        "dependency_ratio": dependants,
        "able_members": able,
        "able_share": able,
        "weak_members": weak,
        "no_labour_household": able + weak == NO,
        "elderly_alone": elderly == count,
        "single_person": count == YES,
        "single_parent": (adults == YES) & (children > NO),
        "head_age": head_age,
        "head_female": female_head,
        "best_education": best,
        "mean_education": education,
        "illiterate_adults": illiterate,
        "pupils_paying": pupils,
        "school_cost_to_line": events.table.total(fees),
        "dropouts": dropouts,
        "pension_receivers": pensioners,
        "elderly_without_pension": unpensioned,
        "exited_household": seen.exited,
        "years_since_exit": seen.as_of.year - seen.exit_year,
        "relocated_household": seen.relocated,
        "dibao_members": dibao,
        "members_known": count > NO,
        "labour": np.maximum(people.working, 0.5),
        "educated": educated,
        "school_need": FEE_YEARS * seen.line,
    }
