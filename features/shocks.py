"""Shock features: disasters, accidents, deaths, failed projects: kind, recency, and size against what the household needs."""

from __future__ import annotations

from features.catalog import Feature, Values, theme
from features.seen import KINDS, SHOCK, Seen

DISASTER, ACCIDENT, DEATH, INDUSTRY_FAILURE, HOUSE_DAMAGE, WATER_FAILURE, DEPARTMENT_PUSH = (
    KINDS.index(kind) for kind in ("disaster", "accident", "death", "industry_failure", "house_damage", "water_failure", "department_push")
)


@theme(
    "shocks",
    "冲击",
    Feature("shocks_year", "近一年冲击次数", "events", 1, "other"),
    Feature("shocks_three_years", "近三年冲击次数", "events", 1, "other"),
    Feature("months_since_shock", "距最近冲击月数", "months", -1, "other"),
    Feature("disasters_year", "近一年自然灾害次数", "events", 1, "disaster"),
    Feature("disaster_loss_to_line", "近一年灾害损失与贫困线之比", "ratio", 1, "disaster", per="line"),
    Feature("accidents_year", "近一年意外事故次数", "events", 1, "accident"),
    Feature("accident_loss_to_line", "近一年事故损失与贫困线之比", "ratio", 1, "accident", per="line"),
    Feature("deaths_three_years", "近三年成员死亡", "events", 1, "no_labour"),
    Feature("industry_failures", "近两年产业项目失败次数", "events", 1, "industry_failure"),
    Feature("house_damage", "近一年住房损毁", "events", 1, "housing"),
    Feature("water_failures", "近一年供水中断", "events", 1, "water"),
    Feature("department_pushes", "近一年部门推送次数", "events", 1, "other"),
)
def shocks(seen: Seen) -> Values:
    """Events of the last years as known on the date."""
    within_one, within_two, within_three = seen.events.counts
    costs = seen.events.costs
    return {
        "shocks_year": within_one[SHOCK],
        "shocks_three_years": within_three[SHOCK],
        "months_since_shock": seen.events.months_since[SHOCK],
        "disasters_year": within_one[DISASTER],
        "disaster_loss_to_line": costs[DISASTER],
        "accidents_year": within_one[ACCIDENT],
        "accident_loss_to_line": costs[ACCIDENT],
        "deaths_three_years": within_three[DEATH],
        "industry_failures": within_two[INDUSTRY_FAILURE],
        "house_damage": within_one[HOUSE_DAMAGE],
        "water_failures": within_one[WATER_FAILURE],
        "department_pushes": within_one[DEPARTMENT_PUSH],
    }
