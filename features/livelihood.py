"""Livelihood features: house, water, road, land, and what the household owes."""

from __future__ import annotations

import numpy as np

from features.catalog import Feature, Values, theme
from features.ratios import per
from features.seen import Seen

LIVING = (
    "dangerous_house", "house_area", "water_safe", "tap_water", "electricity", "road_hardened", "road_distance", "sanitary_toilet",
    "farmland", "forest", "orchard",
)  # fmt: skip


@theme(
    "livelihood",
    "生产生活条件与债务",
    Feature("dangerous_house", "危房", "flag", 1, "housing"),
    Feature("house_area", "人均住房面积", "m2/person", -1, "housing"),
    Feature("water_unsafe", "饮水不安全", "flag", 1, "water"),
    Feature("no_tap_water", "未通自来水", "flag", 0, "water"),
    Feature("no_electricity", "未通生活用电", "flag", 1, "housing"),
    Feature("road_not_hardened", "入户路未硬化", "flag", 1, "housing"),
    Feature("road_distance", "与村主干路距离", "km", 1, "housing"),
    Feature("no_sanitary_toilet", "无卫生厕所", "flag", 1, "housing"),
    Feature("farmland", "人均耕地", "mu/person", -1, "industry_failure"),
    Feature("forest_and_orchard", "人均林地与林果", "mu/person", 0, "industry_failure"),
    Feature("debt_to_line", "债务余额与贫困线之比", "ratio", 1, "income_level"),
    Feature("debt_to_income", "债务余额与年纯收入之比", "ratio", 1, "income_level"),
    Feature("private_debt_to_line", "民间借款与贫困线之比", "ratio", 1, "income_level"),
    Feature("microcredit_balance", "小额信贷余额", "yuan", 0, "industry_failure"),
)
def livelihood(seen: Seen) -> Values:
    """Living conditions and debts as last known."""
    living, debts = seen["living"], seen["debts"]
    dangerous, area, safe, tap, power, road, distance, toilet, farm, forest, orchard = living.last(*(living[name] for name in LIVING))
    balance = np.fmax(debts["balance"], 0.0)
    known = np.where(debts.count() > 0, 0.0, np.nan)  # no debt row at all is "not known", not "no debt"
    owed, private, micro = known + debts.totals(balance, *(balance * lent for lent in debts.which("lender", "private", "microcredit")))
    wood = np.where(np.isnan(forest), orchard, forest + np.fmax(orchard, 0.0))
    return {
        "dangerous_house": dangerous,
        "house_area": per(seen.size, area, cap=500.0),
        "water_unsafe": 1.0 - safe,
        "no_tap_water": 1.0 - tap,
        "no_electricity": 1.0 - power,
        "road_not_hardened": 1.0 - road,
        "road_distance": distance,
        "no_sanitary_toilet": 1.0 - toilet,
        "farmland": per(seen.size, farm, cap=500.0),
        "forest_and_orchard": per(seen.size, wood, cap=500.0),
        "debt_to_line": per(seen.line, owed),
        "debt_to_income": per(np.maximum(seen.accounts.net, seen.line), owed),
        "private_debt_to_line": per(seen.line, private),
        "microcredit_balance": micro,
    }
