"""Income features: levels, sources, trend, volatility and the distance to each line, with and without policy transfers."""

from __future__ import annotations

import numpy as np

from features.accounts import POLICY, SIGNS, SOURCES
from features.catalog import Feature, Values, theme
from features.ratios import per
from features.seen import Seen

WAGE, BUSINESS, EXPENSE = SOURCES.index("wage"), SOURCES.index("business"), SOURCES.index("business_expense")
PROPERTY, PRIVATE = SOURCES.index("property"), SOURCES.index("transfer_private")
EARNS = SIGNS > 0


@theme(
    "income",
    "收入",
    Feature("pc_net_income", "人均纯收入", "yuan/person/year", -1, "income_level"),
    Feature("pc_market_income", "人均纯收入（不含政策转移）", "yuan/person/year", -1, "income_level"),
    Feature("income_to_poverty_line", "人均纯收入与贫困线之比", "ratio", -1, "income_level"),
    Feature("income_to_monitoring_line", "人均纯收入与监测线之比", "ratio", -1, "income_level"),
    Feature("market_income_to_line", "不含政策转移的收入与贫困线之比", "ratio", -1, "income_level"),
    Feature("income_before_to_line", "上年人均纯收入与贫困线之比", "ratio", -1, "income_level"),
    Feature("income_change", "收入较上年变化", "share", -1, "income_level"),
    Feature("market_income_change", "不含政策转移的收入较上年变化", "share", -1, "income_level"),
    Feature("lower_year_to_line", "近两年较低年收入与贫困线之比", "ratio", -1, "income_level"),
    Feature("run_rate_to_line", "按最近季度同比推算的年收入与贫困线之比", "ratio", -1, "income_level"),
    Feature("quarter_change", "最近一季收入同比变化与贫困线之比", "ratio", -1, "income_level"),
    Feature("half_year_change", "最近半年收入同比变化与贫困线之比", "ratio", -1, "income_level"),
    Feature("worst_quarter_to_line", "近八季最低收入（折年）与贫困线之比", "ratio", -1, "income_level"),
    Feature("quarters_below_line", "近八季低于贫困线的季度占比", "share", 1, "income_level"),
    Feature("income_volatility", "季度收入波动", "ratio", 0, "income_level"),
    Feature("income_sources", "收入来源数", "sources", -1, "income_level"),
    Feature("pc_wage_to_line", "人均工资性收入与贫困线之比", "ratio", -1, "unstable_job"),
    Feature("pc_business_to_line", "人均经营净收入与贫困线之比", "ratio", -1, "income_level"),
    Feature("pc_property_to_line", "人均财产性收入与贫困线之比", "ratio", -1, "income_level"),
    Feature("wage_share", "工资性收入占比", "share", 0, "unstable_job"),
    Feature("business_share", "经营收入占比", "share", 0, "industry_failure"),
    Feature("policy_transfer_share", "政策转移收入占比", "share", 0, "income_level"),
    Feature("private_transfer_share", "其他转移收入占比", "share", 0, "income_level"),
    Feature("expense_ratio", "经营支出占经营收入", "ratio", 1, "industry_failure"),
    Feature("wage_change", "工资性收入较上年变化", "share", -1, "unstable_job"),
    Feature("business_change", "经营收入较上年变化", "share", -1, "industry_failure"),
    Feature("months_covered", "近一年收入已知月数", "months", 0, "income_level"),
    Feature("income_age", "收入数据距今月数", "months", 0, "income_level"),
)
def income(seen: Seen) -> Values:
    """Income of the last twelve known months beside the lines in force."""
    book, size, line = seen.accounts, seen.size, seen.line
    now, before = book.by_source.T, book.before.T
    net, net_before = book.net, book.net_before
    market, market_before = net - now[POLICY], net_before - before[POLICY]
    farm, farm_before = now[BUSINESS] - now[EXPENSE], before[BUSINESS] - before[EXPENSE]

    quarter = book.quarters * 4.0  # a year's worth
    reported = ~np.isnan(quarter)
    quarters = reported.sum(axis=1)
    some = np.where(quarters > 0, quarters, np.nan)
    filled = np.where(reported, quarter, 0.0)
    mean = filled.sum(axis=1) / np.where(quarters >= 3, quarters, np.nan)
    spread = np.sqrt(np.where(reported, (quarter - mean[:, None]) ** 2, 0.0).sum(axis=1) / some)
    worst = np.where(reported, quarter, np.inf).min(axis=1)
    worst[quarters == 0] = np.nan
    below = (reported & (filled < line[:, None])).sum(axis=1) / some
    # Farm income comes in autumn: a quarter is only ever held against the same quarter of the year before, so that a score
    # does not rise and fall with the calendar.
    quarter_change = quarter[:, 0] - quarter[:, 4]
    half_change = (quarter_change + quarter[:, 1] - quarter[:, 5]) / 2.0

    gross = np.maximum(now[EARNS], 0.0).sum(axis=0)
    # change is measured against the line at least: a fall from 200 to 100 yuan is no halving of a livelihood
    usual = np.maximum(net_before, line)
    return {
        "pc_net_income": seen.pc_net_income,
        "pc_market_income": market / size,
        "income_to_poverty_line": per(line, net),
        "income_to_monitoring_line": per(seen.lines[1] * size, net),
        "market_income_to_line": per(line, market),
        "income_before_to_line": per(line, net_before),
        "income_change": per(usual, net - net_before),
        "market_income_change": per(usual, market - market_before),
        "lower_year_to_line": per(line, np.fmin(net, net_before)),
        "run_rate_to_line": per(line, net + 0.75 * quarter_change),  # the other three quarters change as the latest did
        "quarter_change": per(line, quarter_change),
        "half_year_change": per(line, half_change),
        "worst_quarter_to_line": per(line, worst),
        "quarters_below_line": below + line * 0.0,
        "income_volatility": per(np.maximum(mean, line), spread),
        "income_sources": (now[EARNS] > 0).sum(axis=0) + net * 0.0,
        "pc_wage_to_line": per(line, now[WAGE]),
        "pc_business_to_line": per(line, farm),
        "pc_property_to_line": per(line, now[PROPERTY]),
        "wage_share": per(gross, now[WAGE]),
        "business_share": per(gross, now[BUSINESS]),
        "policy_transfer_share": per(gross, now[POLICY]),
        "private_transfer_share": per(gross, now[PRIVATE]),
        "expense_ratio": per(now[BUSINESS], now[EXPENSE]),
        "wage_change": per(usual, now[WAGE] - before[WAGE]),
        "business_change": per(usual, farm - farm_before),
        "months_covered": book.covered,
        "income_age": np.where(book.last_month >= 0, seen.month - book.last_month, np.nan),
    }
