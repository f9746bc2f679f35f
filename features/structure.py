"""Structure features: who lives together, who can work, who learns, and the household's registry past."""

from __future__ import annotations

import numpy as np

from features.catalog import Feature, Leak, Values, theme
from features.ratios import per
from features.seen import YEAR, Seen

ADULT, OLD = 16, 60  # compulsory schooling ends; pension and old-age rules begin


@theme(
    "structure",
    "家庭结构",
    Feature("household_size", "共享收支人口", "persons", 0, "no_labour"),
    Feature("children", "16岁以下人数", "persons", 0, "no_labour"),
    Feature("elderly", "60岁及以上人数", "persons", 0, "no_labour"),
    Feature("dependency_ratio", "被抚养人与劳动年龄人数之比", "ratio", 1, "no_labour"),
    Feature("able_members", "有劳动能力人数", "persons", -1, "no_labour"),
    Feature("able_share", "有劳动能力人数占比", "share", -1, "no_labour"),
    Feature("weak_members", "弱劳动力或半劳动力人数", "persons", 0, "no_labour"),
    Feature("no_labour_household", "整户无劳动力", "flag", 1, "no_labour"),
    Feature("elderly_alone", "独居或仅有老人", "flag", 1, "no_labour"),
    Feature("single_person", "单人户", "flag", 0, "no_labour"),
    Feature("single_parent", "有子女而只有一名成年人", "flag", 1, "no_labour"),
    Feature("head_age", "户主年龄", "years", 0, "no_labour"),
    Feature("head_female", "户主为女性", "flag", 0, "other", Leak.PROTECTED),
    Feature("best_education", "成年人最高文化程度（0–5）", "level", -1, "income_level"),
    Feature("mean_education", "成年人平均文化程度（0–5）", "level", -1, "income_level"),
    Feature("illiterate_adults", "文盲或半文盲成年人数", "persons", 1, "income_level"),
    Feature("pupils_paying", "非义务教育阶段在校人数", "persons", 1, "schooling"),
    Feature("school_cost_to_line", "年均学费支出与贫困线之比（近一年半）", "ratio", 1, "schooling"),
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
    people = seen.members
    table, age, households, fees = people.table, people.age, seen["households"], seen["events"]
    learned, pension = table["education"], table["pension_receiving"]
    schooled = (age >= ADULT) & (learned >= 0)
    head = table.is_code("relation_to_head", "head") & people.here
    count, working = people.count, people.working
    known = np.where(count > 0, 0.0, np.nan)  # a household of which no member is known is unknown, not empty
    (
        elderly, grown, children, able, weak, female_head, educated, education, illiterate, pupils, dropouts, pensioners,
        unpensioned, dibao,
    ) = people.totals(
        age >= OLD, age >= ADULT, age < ADULT, people.able, table.is_code("labour_ability", "weak"),
        head & table.is_code("sex", "female"), schooled, schooled * learned, schooled & (learned == 0),
        table.is_code("school_status", "senior", "vocational", "higher_vocational", "university"),
        table["dropped_out"] == 1, pension == 1, (age >= OLD) & (pension == 0), table["dibao"] == 1,
    ) + known  # fmt: skip
    head_age, best = table.largest(np.where(head, age, np.nan), np.where(schooled & people.here, learned, np.nan))
    status = households["registry_status"]
    exited, exit_year, relocated = households.last(
        np.where(status < 0, np.nan, status == 0), households["exit_year"], households["relocated"]
    )
    fee = fees.is_code("event_kind", "school_fee") & (seen.event_age < 1.5 * YEAR)
    return {
        "household_size": seen.size,
        "children": children,
        "elderly": elderly,
        "dependency_ratio": per(np.maximum(working, 0.5), count - working + known, cap=60.0),
        "able_members": able,
        "able_share": per(count, able),
        "weak_members": weak,
        "no_labour_household": (able + weak == 0) + known,
        "elderly_alone": (elderly == count) + known,
        "single_person": (count == 1) + known,
        "single_parent": ((grown == 1) & (children > 0)) + known,
        "head_age": head_age,
        "head_female": np.minimum(female_head, 1.0),
        "best_education": best,
        "mean_education": per(educated, education),
        "illiterate_adults": illiterate,
        "pupils_paying": pupils,
        "school_cost_to_line": per(1.5 * seen.line, fees.total(np.fmax(fees["amount"], 0.0) * fee)),
        "dropouts": dropouts,
        "pension_receivers": pensioners,
        "elderly_without_pension": unpensioned,
        "exited_household": exited,
        "years_since_exit": seen.as_of.year - exit_year,
        "relocated_household": relocated,
        "dibao_members": dibao,
    }
