"""Livelihood features: house, water, road, land, and what the household owes."""

from __future__ import annotations

import numpy as np

from features.catalog import Feature, Values, theme
from features.codes import groups
from features.register import NO, YES
from features.seen import Seen

LIVING = (
    "dangerous_house", "house_area", "road_distance", "farmland", "forest", "orchard",
    "water_safe", "tap_water", "electricity", "road_hardened", "sanitary_toilet",
)  # fmt: skip
LENDERS = groups("debts", "lender", ("microcredit", "bank", "private", None), "private", "microcredit")


@theme(
    "livelihood",
    "生产生活条件与债务",
    Feature("dangerous_house", "危房", "flag", 1, "housing"),
    Feature("house_area", "人均住房面积", "m2/person", -1, "housing", per="size", cap=500.0),
    Feature("water_unsafe", "饮水不安全", "flag", 1, "water"),
    Feature("no_tap_water", "未通自来水", "flag", 0, "water"),
    Feature("no_electricity", "未通生活用电", "flag", 1, "housing"),
    Feature("road_not_hardened", "入户路未硬化", "flag", 1, "housing"),
    Feature("road_distance", "与村主干路距离", "km", 1, "housing"),
    Feature("no_sanitary_toilet", "无卫生厕所", "flag", 1, "housing"),
    Feature("farmland", "人均耕地", "mu/person", -1, "industry_failure", per="size", cap=500.0),
    Feature("forest_and_orchard", "人均林地与林果", "mu/person", 0, "industry_failure", per="size", cap=500.0),
    Feature("debt_to_line", "债务余额与贫困线之比", "ratio", 1, "income_level", per="line"),
    Feature("debt_to_income", "债务余额与年纯收入之比", "ratio", 1, "income_level", per="means"),
    Feature("private_debt_to_line", "民间借款与贫困线之比", "ratio", 1, "income_level", per="line"),
    Feature("microcredit_balance", "小额信贷余额", "yuan", 0, "industry_failure"),
)
def livelihood(seen: Seen) -> Values:
    """Living conditions and debts as last known."""
    living, debts = seen["living"], seen["debts"]
    rows = living.row(*(living[name] for name in LIVING))
    dangerous, area, distance, farm, forest, orchard = rows[:6]
    unsafe, untapped, dark, unhardened, unsanitary = YES - rows[6:]
    balance = np.fmax(debts["balance"], NO)
    # no debt row at all is "not known", not "no debt"
    owed, private, micro = debts.total(balance * debts.which(LENDERS), default=np.nan)
    wood = np.where(np.isnan(forest), orchard, forest + np.fmax(orchard, NO))
    return {
        "dangerous_house": dangerous,
        "house_area": area,
        "water_unsafe": unsafe,
        "no_tap_water": untapped,
        "no_electricity": dark,
        "road_not_hardened": unhardened,
        "road_distance": distance,
        "no_sanitary_toilet": unsanitary,
        "farmland": farm,
        "forest_and_orchard": wood,
        "debt_to_line": owed,
        "debt_to_income": owed,
        "private_debt_to_line": private,
        "microcredit_balance": micro,
    }
