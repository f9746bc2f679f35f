"""Shock features: disasters, accidents, deaths, failed projects: kind, recency, and size against what the household needs."""

from __future__ import annotations

import numpy as np

from features.catalog import Feature, Values, theme
from features.ratios import per
from features.seen import YEAR, Seen, months_since

SHOCKS = ("accident", "disaster", "death", "industry_failure", "house_damage", "water_failure", "job_loss")


@theme(
    "shocks",
    "冲击",
    Feature("shocks_year", "近一年冲击次数", "events", 1, "other"),
    Feature("shocks_three_years", "近三年冲击次数", "events", 1, "other"),
    Feature("months_since_shock", "距最近冲击月数", "months", -1, "other"),
    Feature("disasters_year", "近一年自然灾害次数", "events", 1, "disaster"),
    Feature("disaster_loss_to_line", "近一年灾害损失与贫困线之比", "ratio", 1, "disaster"),
    Feature("accidents_year", "近一年意外事故次数", "events", 1, "accident"),
    Feature("accident_loss_to_line", "近一年事故损失与贫困线之比", "ratio", 1, "accident"),
    Feature("deaths_three_years", "近三年成员死亡", "events", 1, "no_labour"),
    Feature("industry_failures", "近两年产业项目失败次数", "events", 1, "industry_failure"),
    Feature("house_damage", "近一年住房损毁", "events", 1, "housing"),
    Feature("water_failures", "近一年供水中断", "events", 1, "water"),
    Feature("department_pushes", "近一年部门推送次数", "events", 1, "other"),
)
def shocks(seen: Seen) -> Values:
    """Events of the last years as known on the date."""
    events = seen["events"]
    year, three_years = seen.event_age < YEAR, seen.event_age < 3 * YEAR
    shock, disaster, accident, death, failure, house, water, push = events.which(
        "event_kind", SHOCKS, "disaster", "accident", "death", "industry_failure", "house_damage", "water_failure", "department_push"
    )
    loss = np.fmax(events["amount"], 0.0) * year
    recent, past, disasters, disaster_loss, accidents, accident_loss, deaths, failures, damage, dry, pushes = events.totals(
        shock & year,
        shock & three_years,
        disaster & year,
        loss * disaster,
        accident & year,
        loss * accident,
        death & three_years,
        failure & (seen.event_age < 2 * YEAR),
        house & year,
        water & year,
        push & year,
    )
    return {
        "shocks_year": recent,
        "shocks_three_years": past,
        "months_since_shock": months_since(events.largest(np.where(shock, -seen.event_age, np.nan))[0]),
        "disasters_year": disasters,
        "disaster_loss_to_line": per(seen.line, disaster_loss),
        "accidents_year": accidents,
        "accident_loss_to_line": per(seen.line, accident_loss),
        "deaths_three_years": deaths,
        "industry_failures": failures,
        "house_damage": damage,
        "water_failures": dry,
        "department_pushes": pushes,
    }
