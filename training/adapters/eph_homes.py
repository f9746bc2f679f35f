"""What the survey says of a household as a whole: relative income, how it lived lately, its dwelling, its place; and a quarter ago."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.register import Array, FloatArray
from training.adapters.eph_people import Sheet

FLOOR = 0.02  # of the median: below it an income is as good as none, and logarithms stay finite

LIVED = (
    ("V1", "lived_on_work", "靠工作生活", -1, "unstable_job"), ("V2", "lived_on_pension", "靠养老金生活", 0, "income_level"),
    ("V21", "lived_on_bonus", "领取年终奖", 0, "unstable_job"), ("V22", "lived_on_arrears", "领取补发收入", 0, "income_level"),
    ("V3", "lived_on_severance", "靠离职补偿生活", 1, "unstable_job"), ("V4", "lived_on_unemployment", "靠失业金生活", 1, "unstable_job"),
    ("V5", "lived_on_subsidy", "靠政府补助生活", 1, "income_level"), ("V6", "lived_on_aid", "靠实物救助生活", 1, "income_level"),
    ("V7", "lived_on_neighbours", "靠邻里亲友实物接济", 1, "income_level"), ("V8", "lived_on_rent", "有租金收入", -1, "income_level"),
    ("V9", "lived_on_profit", "有经营利润", -1, "income_level"), ("V10", "lived_on_interest", "有利息红利", -1, "income_level"),
    ("V11", "lived_on_scholarship", "有助学金", 0, "schooling"), ("V12", "lived_on_remittance", "靠亲友汇款", 1, "income_level"),
    ("V13", "spent_savings", "动用积蓄", 0, "income_level"), ("V14", "borrowed_family", "向亲友借款", 1, "income_level"),
    ("V15", "borrowed_bank", "向银行借款", 0, "income_level"), ("V16", "bought_on_credit", "赊购或分期", 0, "income_level"),
    ("V17", "sold_belongings", "变卖物品", 1, "income_level"), ("V18", "other_cash", "其他现金收入", 0, "income_level"),
    ("V19_A", "children_work", "未成年人做工", 1, "schooling"), ("V19_B", "children_beg", "未成年人乞讨", 1, "schooling"),
    ("IV12_1", "near_dump", "邻近垃圾场", 1, "housing"), ("IV12_2", "flood_area", "位于易涝区", 1, "housing"),
    ("IV12_3", "shanty", "位于棚户区", 1, "housing"), ("IV5", "ceiling", "有天花板", -1, "housing"),
    ("II4_1", "own_kitchen", "有厨房", -1, "housing"),
    ("II4_2", "wash_place", "有洗涤间", -1, "housing"), ("II4_3", "garage", "有车库", -1, "housing"),
)  # fmt: skip
DWELLING = (
    ("IV1", (1,), "house", "独栋住房", 0), ("IV1", (2,), "flat", "公寓", -1), ("IV1", (3, 4, 5, 6, 7), "makeshift", "简易住所", 1),
    ("IV4", (1,), "flat_roof", "楼板屋顶", -1), ("IV4", (9,), "shared_roof", "公寓屋顶", 0),
    ("IV6", (1,), "indoor_water", "室内自来水", -1),
    ("IV7", (1,), "public_water", "公共管网供水", 0), ("IV8", (1,), "toilet", "有卫生间", -1),
    ("IV9", (1,), "indoor_toilet", "室内卫生间", -1),
    ("IV10", (1,), "flush", "冲水厕所", -1), ("IV11", (1,), "sewer", "接入下水道", -1),
    ("II9", (1,), "own_toilet", "独用卫生间", -1),
    ("II7", (1,), "owner", "自有房屋与土地", 0), ("II7", (2,), "owner_house", "自有房屋无土地", 1), ("II7", (3,), "tenant", "租住", 0),
    ("II7", (5, 6), "lent_home", "借住", 1), ("II7", (4, 7, 8, 9), "squatter", "其他占住", 1), ("II8", (1,), "piped_gas", "管道燃气", -1),
    ("II8", (2,), "bottled_gas", "瓶装燃气", 1), ("II8", (3, 4, 9), "other_fuel", "其他燃料", 1),
)  # fmt: skip
BEFORE = (
    "employed", "unemployed", "formal", "informal", "self_employed", "hours", "earners", "adult_education",
    "earned_per_worker", "earned_per_hour",
    "head_employed", "head_income_share", "unearned_per_head", "labour_share", "spent_savings", "borrowed_family", "bought_on_credit",
    "lived_on_subsidy", "lived_on_pension", "lived_on_remittance",
)  # fmt: skip
CHANGES = ("employed", "unemployed", "formal", "hours", "earners", "earned_per_worker")


def homes(sheet: Sheet, rows: pd.DataFrame, relative: FloatArray, before: Array) -> None:
    """Writes down the indicators of the household as a whole.

    Args:
        sheet: to write on.
        rows: the survey's households, in the order of the sheet.
        relative: (rows,) income per head ÷ national median of the quarter; NaN not known.
        before: (rows,) where the same household stands one quarter earlier, -1 where it was not asked.
    """
    level = "income_level"
    now = np.log(np.maximum(relative, FLOOR))
    then = np.where(before >= 0, now[before], np.nan)
    sheet.put("relative_income", "人均收入与全国中位数之比（对数）", now, -1, level, "log ratio")
    sheet.put("relative_income_before", "上季人均收入与全国中位数之比（对数）", then, -1, level, "log ratio")
    sheet.put("relative_income_mean", "两季平均相对收入（对数）", np.where(np.isnan(then), now, (now + then) / 2), -1, level, "log ratio")
    sheet.put("relative_income_change", "相对收入较上季变化", now - then, 0, level, "log ratio")
    sheet.put("relative_income_lower", "两季较低相对收入（对数）", np.fmin(now, then), -1, level, "log ratio")
    sheet.put("relative_income_higher", "两季较高相对收入（对数）", np.fmax(now, then), -1, level, "log ratio")
    sheet.put("poor_before", "上季低于相对贫困线", np.where(np.isnan(then), np.nan, then < np.log(0.5)), 1, level, "flag")
    sheet.put("seen_before", "上季受访", before >= 0, 0, level, "flag")
    sheet.put("imputed", "收入部分为插补", _coded(rows, "IDIMPH", 0.0) != 0, 0, level, "flag")
    size = rows["IX_TOT"].to_numpy(dtype=np.float64)
    sheet.put("size_log", "家庭人口（对数）", np.log(size), 1, "no_labour", "log persons")
    for code, name, zh, direction, cause in LIVED:
        sheet.put(name, zh, _yes(rows, code), direction, cause, "flag")
    for code, kinds, name, zh, direction in DWELLING:
        answer = _coded(rows, code)
        sheet.put(name, zh, np.where(np.isnan(answer), np.nan, np.isin(answer, kinds)), direction, "housing", "flag")
    rooms, sleeping = _coded(rows, "II1"), _coded(rows, "II2")
    sheet.put("rooms", "住房间数", np.clip(_coded(rows, "IV2"), 0, 10), -1, "housing", "rooms")
    sheet.put("rooms_per_head", "人均房间数", np.clip(rooms, 1, 10) / size, -1, "housing", "rooms/person")
    sheet.put("bedrooms_per_head", "人均卧室数", np.clip(sleeping, 1, 10) / size, -1, "housing", "rooms/person")
    sheet.put("floor", "地面材料档（1最好）", np.clip(_coded(rows, "IV3"), 1, 4), 1, "housing", "class")
    roof = _coded(rows, "IV4")
    sheet.put("roof", "屋顶材料档（1最好）", np.where(roof < 8, roof, np.nan), 1, "housing", "class")
    for code, name, zh in (("REGION", "region", "地区"), ("AGLOMERADO", "agglomeration", "城市群")):
        place = _coded(rows, code)
        for value in np.unique(place[~np.isnan(place)]):
            sheet.put(f"{name}_{value:.0f}", f"{zh}{value:.0f}", place == value, 0, "other", "flag")


def earlier(sheet: Sheet, before: Array) -> None:
    """Writes down what some indicators were one quarter ago, and how they changed."""
    place = {indicator.name: j for j, indicator in enumerate(sheet.declared)}
    for name in BEFORE:
        was = np.where(before >= 0, sheet.values[place[name]][before], np.nan)
        declared = sheet.declared[place[name]]
        sheet.put(f"{name}_before", f"上季{declared.zh}", was, 0, declared.cause, declared.unit)
        if name in CHANGES:
            sheet.put(f"{name}_change", f"{declared.zh}较上季变化", sheet.values[place[name]] - was, 0, declared.cause, declared.unit)


def _coded(rows: pd.DataFrame, name: str, missing: float = np.nan) -> FloatArray:
    values = rows[name].to_numpy(dtype=np.float64)
    return np.where(np.isnan(values), missing, values)


def _yes(rows: pd.DataFrame, name: str) -> FloatArray:
    answer = rows[name].to_numpy(dtype=np.float64)
    return np.where(answer == 1, 1.0, np.where(answer == 2, 0.0, np.nan))
