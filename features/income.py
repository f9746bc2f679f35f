"""Income features: levels, sources, trend, volatility and the distance to each line, with and without policy transfers."""

from __future__ import annotations

import numpy as np

from features.accounts import POLICY, SIGNS, SOURCES
from features.catalog import Feature, Values, theme
from features.register import NO, UNKNOWN
from features.seen import Seen

WAGE, BUSINESS, EXPENSE = SOURCES.index("wage"), SOURCES.index("business"), SOURCES.index("business_expense")
PROPERTY, PRIVATE = SOURCES.index("property"), SOURCES.index("transfer_private")
EARNS = np.flatnonzero(SIGNS > 0)


@theme(
    "income",
    "收入",
    Feature("pc_net_income", "人均纯收入", "yuan/person/year", -1, "income_level"),
    Feature("pc_market_income", "人均纯收入（不含政策转移）", "yuan/person/year", -1, "income_level"),
    Feature("income_to_poverty_line", "人均纯收入与贫困线之比", "ratio", -1, "income_level", per="line"),
    Feature("income_to_monitoring_line", "人均纯收入与监测线之比", "ratio", -1, "income_level", per="upper_line"),
    Feature("market_income_to_line", "不含政策转移的收入与贫困线之比", "ratio", -1, "income_level", per="line"),
    Feature("income_before_to_line", "上年人均纯收入与贫困线之比", "ratio", -1, "income_level", per="line"),
    Feature("income_change", "收入较上年变化", "share", -1, "income_level", per="usual"),
    Feature("market_income_change", "不含政策转移的收入较上年变化", "share", -1, "income_level", per="usual"),
    Feature("lower_year_to_line", "近两年较低年收入与贫困线之比", "ratio", -1, "income_level", per="line"),
    Feature("run_rate_to_line", "按最近季度同比推算的年收入与贫困线之比", "ratio", -1, "income_level", per="line"),
    Feature("quarter_change", "最近一季收入同比变化与贫困线之比", "ratio", -1, "income_level", per="line"),
    Feature("half_year_change", "最近半年收入同比变化与贫困线之比", "ratio", -1, "income_level", per="line"),
    Feature("worst_quarter_to_line", "近八季最低收入（折年）与贫困线之比", "ratio", -1, "income_level", per="line"),
    Feature("quarters_below_line", "近八季低于贫困线的季度占比", "share", 1, "income_level", per="quarters"),
    Feature("income_volatility", "季度收入波动", "ratio", 0, "income_level", per="usual_quarter"),
    Feature("income_sources", "收入来源数", "sources", -1, "income_level"),
    Feature("pc_wage_to_line", "人均工资性收入与贫困线之比", "ratio", -1, "unstable_job", per="line"),
    Feature("pc_business_to_line", "人均经营净收入与贫困线之比", "ratio", -1, "income_level", per="line"),
    Feature("pc_property_to_line", "人均财产性收入与贫困线之比", "ratio", -1, "income_level", per="line"),
    Feature("wage_share", "工资性收入占比", "share", 0, "unstable_job", per="gross"),
    Feature("business_share", "经营收入占比", "share", 0, "industry_failure", per="gross"),
    Feature("policy_transfer_share", "政策转移收入占比", "share", 0, "income_level", per="gross"),
    Feature("private_transfer_share", "其他转移收入占比", "share", 0, "income_level", per="gross"),
    Feature("expense_ratio", "经营支出占经营收入", "ratio", 1, "industry_failure", per="turnover"),
    Feature("wage_change", "工资性收入较上年变化", "share", -1, "unstable_job", per="usual"),
    Feature("business_change", "经营收入较上年变化", "share", -1, "industry_failure", per="usual"),
    Feature("months_covered", "近一年收入已知月数", "months", 0, "income_level"),
    Feature("income_age", "收入数据距今月数", "months", 0, "income_level"),
)
def income(seen: Seen) -> Values:
    """Income of the last twelve known months beside the lines in force."""
    book, size, line = seen.accounts, seen.size, seen.line
    nets, years = book.nets, book.years.transpose(2, 0, 1)  # (this year and the one before, n), (source, year, n)
    markets, farms, wages = nets - years[POLICY], years[BUSINESS] - years[EXPENSE], years[WAGE]
    net, market, farm, now = nets[0], markets[0], farms[0], years[:, 0]
    earned = now.take(EARNS, axis=0)
    gross, sources = np.add.reduce((np.maximum(earned, NO), earned > NO), axis=1)
    # change is measured against the line at least: a fall from 200 to 100 yuan is no halving of a livelihood
    usual = np.maximum(nets[1], line)
    change, market_change, farm_change, wage_change = (both[0] - both[1] for both in (nets, markets, farms, wages))

    quarter = book.quarters * 4.0  # a year's worth
    reported = ~np.isnan(quarter)
    total, quarters, below = np.add.reduce((np.where(reported, quarter, NO), reported, quarter < line[:, None]), axis=2)
    enough = np.where(quarters >= 3.0, quarters, UNKNOWN)
    mean = total / enough
    spread = np.sqrt(np.add.reduce(np.where(reported, (quarter - mean[:, None]) ** 2, NO), axis=1) / enough)
    worst = np.fmin.reduce(quarter, axis=1)
    # Farm income comes in autumn: a quarter is only ever held against the same quarter of the year before, so that a score
    # does not rise and fall with the calendar.
    quarter_change = quarter[:, 0] - quarter[:, 4]
    half_change = (quarter_change + quarter[:, 1] - quarter[:, 5]) / 2.0

    return {
        "pc_net_income": seen.pc_net_income,
        "pc_market_income": market / size,
        "income_to_poverty_line": net,
        "income_to_monitoring_line": net,
        "market_income_to_line": market,
        "income_before_to_line": nets[1],
        "income_change": change,
        "market_income_change": market_change,
        "lower_year_to_line": np.fmin(net, nets[1]),
        "run_rate_to_line": net + 0.75 * quarter_change,  # the other three quarters change as the latest did
        "quarter_change": quarter_change,
        "half_year_change": half_change,
        "worst_quarter_to_line": worst,
        "quarters_below_line": below + line * NO,
        "income_volatility": spread,
        "income_sources": sources + net * NO,
        "pc_wage_to_line": now[WAGE],
        "pc_business_to_line": farm,
        "pc_property_to_line": now[PROPERTY],
        "wage_share": now[WAGE],
        "business_share": now[BUSINESS],
        "policy_transfer_share": now[POLICY],
        "private_transfer_share": now[PRIVATE],
        "expense_ratio": now[EXPENSE],
        "wage_change": wage_change,
        "business_change": farm_change,
        "months_covered": book.covered,
        "income_age": book.age,
        "upper_line": seen.lines[1] * size,
        "usual": usual,
        "quarters": quarters,
        "usual_quarter": np.maximum(mean, line),
        "gross": gross,
        "turnover": now[BUSINESS],
    }
