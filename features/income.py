"""Income features: levels, sources, trend, volatility and the distance to each line, with and without policy transfers."""

from __future__ import annotations

import numpy as np

from features.accounts import POLICY, QUARTERS, SIGNS, SOURCES
from features.catalog import Feature, Values, theme
from features.ratios import ratio, ratios
from features.seen import Seen

WAGE, BUSINESS, EXPENSE = SOURCES.index("wage"), SOURCES.index("business"), SOURCES.index("business_expense")
PROPERTY, PRIVATE = SOURCES.index("property"), SOURCES.index("transfer_private")
EARNS = SIGNS > 0
_TIME = -np.arange(float(QUARTERS))


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
    Feature("latest_quarter_to_line", "最近一季收入（折年）与贫困线之比", "ratio", -1, "income_level"),
    Feature("latest_quarter_to_year", "最近一季收入（折年）与全年之比", "ratio", -1, "income_level"),
    Feature("worst_quarter_to_line", "近八季最低收入（折年）与贫困线之比", "ratio", -1, "income_level"),
    Feature("quarters_below_line", "近八季低于贫困线的季度占比", "share", 1, "income_level"),
    Feature("income_volatility", "季度收入波动", "ratio", 0, "income_level"),
    Feature("income_trend", "季度收入趋势", "share/quarter", -1, "income_level"),
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
    # slope of net income over the quarters, oldest to newest, in shares of the line a quarter
    away = np.where(reported, _TIME - (np.where(reported, _TIME, 0.0).sum(axis=1) / some)[:, None], 0.0)
    slope = (away * filled).sum(axis=1) / np.maximum((away * away).sum(axis=1), 1.0) + mean * 0.0

    gross = np.maximum(now[EARNS], 0.0).sum(axis=0)
    to_line = ratios(
        line,
        net,
        market,
        net_before,
        np.fmin(net, net_before),
        quarter[:, 0],
        worst,
        slope,
        now[WAGE],
        farm,
        now[PROPERTY],
    )
    of_gross = ratios(gross, now[WAGE], now[BUSINESS], now[POLICY], now[PRIVATE])
    # change is measured against the line at least: a fall from 200 to 100 yuan is no halving of a livelihood
    change = ratios(
        np.maximum(net_before, line),
        net - net_before,
        market - market_before,
        now[WAGE] - before[WAGE],
        farm - farm_before,
    )
    return {
        "pc_net_income": seen.pc_net_income,
        "pc_market_income": market / size,
        "income_to_poverty_line": to_line[0],
        "income_to_monitoring_line": ratio(seen.lines[1] * size, net),
        "market_income_to_line": to_line[1],
        "income_before_to_line": to_line[2],
        "income_change": change[0],
        "market_income_change": change[1],
        "lower_year_to_line": to_line[3],
        "latest_quarter_to_line": to_line[4],
        "latest_quarter_to_year": ratio(net, quarter[:, 0]),
        "worst_quarter_to_line": to_line[5],
        "quarters_below_line": np.where(np.isnan(line), np.nan, below),
        "income_volatility": ratio(np.maximum(mean, line), spread),
        "income_trend": to_line[6],
        "income_sources": np.where(np.isnan(net), np.nan, (now[EARNS] > 0).sum(axis=0)),
        "pc_wage_to_line": to_line[7],
        "pc_business_to_line": to_line[8],
        "pc_property_to_line": to_line[9],
        "wage_share": of_gross[0],
        "business_share": of_gross[1],
        "policy_transfer_share": of_gross[2],
        "private_transfer_share": of_gross[3],
        "expense_ratio": ratio(now[BUSINESS], now[EXPENSE]),
        "wage_change": change[2],
        "business_change": change[3],
        "months_covered": book.covered,
        "income_age": np.where(book.last_month >= 0, seen.month - book.last_month, np.nan),
    }
