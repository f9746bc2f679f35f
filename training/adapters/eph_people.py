"""What the survey says of a household's people and their work that the register has no table for, as indicators.

Sex, birthplace and marital status stand in the files and are left out: they must not weigh on anybody.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.register import Array, FloatArray, Indicator

PRESENT, ABSENT = 1.0, 2.0  # how the survey writes yes and no


class Sheet:
    """Indicators as they are written down: a declaration and one value a household row."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.declared: list[Indicator] = []
        self.values: list[FloatArray] = []

    def put(  # noqa: PLR0917 - a sheet is written line by line, in one order
        self, name: str, zh: str, values: Array, direction: int = 0, cause: str = "other", unit: str = "persons"
    ) -> FloatArray:
        """Writes one indicator down and hands its values back."""
        column = np.asarray(values, dtype=np.float64)
        self.declared.append(Indicator(name, zh, unit, direction, cause))
        self.values.append(column)
        return column


class People:
    """The persons of the survey beside the household row each belongs to."""

    def __init__(self, persons: pd.DataFrame, place: Array, income: FloatArray, size: FloatArray, median: FloatArray) -> None:
        """Takes the persons with `place`, the household row of each, and the households' income, size and median."""
        self.place = place
        self.rows = len(size)
        self.income, self.size, self.median = np.maximum(income, 1.0), size, median
        column = {name: persons[name].to_numpy(dtype=np.float64) for name in persons.columns if name not in ("household",)}
        self.column = column
        self.age = np.maximum(column["CH06"], 0.0)  # -1 is a child in its first year
        self.relation = column["CH03"]
        self.employed = column["ESTADO"] == 1
        self.unemployed = column["ESTADO"] == 2
        self.adult = self.age >= 18
        level = column["NIVEL_ED"]
        self.education = np.where(level == 7, 0.0, np.where((level >= 1) & (level <= 6), level, np.nan))
        self.kind = column["CAT_OCUP"]
        self.self_employed = self.employed & (self.kind <= 2)
        self.formal = self.employed & (column["PP07H"] == PRESENT)
        self.informal = self.employed & (column["PP07H"] == ABSENT)
        self.wage = amount(column["P21"])
        self.earned = self.wage + amount(column["TOT_P12"])
        self.own = self.earned + amount(column["T_VI"])
        self.skill = column["PP04D_COD"] % 10  # the last digit of the occupation is its qualification
        hours = column["PP3E_TOT"]
        self.hours = np.where(self.employed & (hours > 0) & (hours < 150), hours, 0.0)

    def total(self, values: Array) -> FloatArray:
        """Sum by household row."""
        return np.bincount(self.place, weights=np.asarray(values, dtype=np.float64), minlength=self.rows).astype(np.float64)

    def largest(self, values: FloatArray, empty: float = np.nan) -> FloatArray:
        """Largest known value by household row."""
        out = np.full(self.rows, -np.inf)
        np.fmax.at(out, self.place, np.asarray(values, dtype=np.float64))
        out[np.isinf(out)] = empty
        return out

    def share(self, values: Array) -> FloatArray:
        """Of the household's income, the share that these persons' amounts make up."""
        return np.minimum(self.total(values) / self.income, 1.2)


def amount(values: FloatArray) -> FloatArray:
    """Pesos; a refused or missing answer counts as none."""
    return np.where(values > 0, values, 0.0)


def people(sheet: Sheet, who: People) -> None:
    """Writes down the indicators of age, schooling, work and sources of income."""
    c, employed, age, adult = who.column, who.employed, who.age, who.adult
    workers = who.total(employed)
    some = np.maximum(workers, 1.0)

    def if_any(values: FloatArray) -> FloatArray:
        return np.where(workers > 0, values, np.nan)

    # ages
    sheet.put("under_6", "6岁以下人数", who.total(age < 6), 1, "no_labour")
    sheet.put("infants", "1岁及以下人数", who.total(age <= 1), 1, "no_labour")
    sheet.put("under_14", "14岁以下人数", who.total(age < 14), 1, "no_labour")
    sheet.put("aged_14_17", "14至17岁人数", who.total((age >= 14) & ~adult), 0, "no_labour")
    sheet.put("aged_18_24", "18至24岁人数", who.total(adult & (age < 25)), 0, "no_labour")
    sheet.put("adults", "成年人数", who.total(adult), 0, "no_labour")
    sheet.put("over_64", "65岁及以上人数", who.total(age >= 65), 0, "no_labour")
    sheet.put("mean_age", "平均年龄", who.total(age) / who.size, 0, "no_labour", "years")
    sheet.put("dependent_share", "15岁以下与65岁以上占比", (who.total(age < 15) + who.total(age >= 65)) / who.size, 0, "no_labour", "share")
    sheet.put("spouse", "有配偶同住", who.total(who.relation == 2) > 0, 0, "no_labour", "flag")
    sheet.put("adult_children", "同住成年子女数", who.total((who.relation == 3) & adult), 0, "no_labour")
    sheet.put("grandchildren", "同住孙辈数", who.total(who.relation == 5), 0, "no_labour")
    sheet.put("other_relatives", "其他同住亲属数", who.total(who.relation >= 4), 0, "no_labour")
    # schooling
    known = adult & ~np.isnan(who.education)
    with np.errstate(invalid="ignore", divide="ignore"):
        sheet.put(
            "adult_education",
            "成年人平均学历",
            who.total(np.where(known, who.education, 0)) / who.total(known),
            -1,
            "income_level",
            "level",
        )
    sheet.put("top_education", "成年人最高学历", who.largest(np.where(adult, who.education, np.nan)), -1, "income_level", "level")
    sheet.put(
        "worker_education",
        "在业者平均学历",
        if_any(who.total(np.where(employed, np.nan_to_num(who.education), 0)) / some),
        -1,
        "income_level",
        "level",
    )
    sheet.put("upper_secondary", "高中及以上学历成年人数", who.total(adult & (who.education >= 4)), -1, "income_level")
    sheet.put("tertiary", "大专及以上学历成年人数", who.total(adult & (who.education >= 5)), -1, "income_level")
    sheet.put("primary_unfinished", "小学未毕业成年人数", who.total(adult & (who.education <= 1)), 1, "income_level")
    sheet.put("cannot_read", "不识字成年人数", who.total(adult & (c["CH09"] == ABSENT)), 1, "income_level")
    attends = c["CH10"] == PRESENT
    sheet.put("out_of_school", "6至17岁未在校人数", who.total((age >= 6) & (age < 18) & ~attends), 1, "schooling")
    sheet.put("private_school", "就读私立学校人数", who.total(attends & (c["CH11"] == ABSENT)), -1, "schooling")
    sheet.put("public_school", "就读公立学校人数", who.total(attends & (c["CH11"] == PRESENT)), 0, "schooling")
    # work
    job = "unstable_job"
    sheet.put("employed", "就业人数", workers, -1, job)
    sheet.put("employed_share", "就业人数占比", workers / who.size, -1, job, "share")
    sheet.put("unemployed", "失业人数", who.total(who.unemployed), 1, job)
    sheet.put("long_search", "求职半年以上人数", who.total(who.unemployed & (c["PP10A"] >= 4)), 1, job)
    sheet.put("earners", "有收入人数", who.total(who.own > 0), -1, job)
    sheet.put("hours", "每周总工时", who.total(who.hours), -1, job, "hours/week")
    sheet.put("hours_per_head", "人均每周工时", who.total(who.hours) / who.size, -1, job, "hours/week")
    sheet.put("formal", "缴纳养老保险的雇员数", who.total(who.formal), -1, job)
    sheet.put("formal_share", "缴纳养老保险的雇员占比", who.total(who.formal) / some, -1, job, "share")
    sheet.put("informal", "未缴纳养老保险的雇员数", who.total(who.informal), 1, job)
    sheet.put("self_employed", "自营者人数", who.total(employed & (who.kind == 2)), 0, job)
    sheet.put("employers", "雇主人数", who.total(employed & (who.kind == 1)), -1, job)
    sheet.put("family_workers", "无酬家庭帮工人数", who.total(employed & (who.kind == 4)), 1, job)
    sheet.put("public_sector", "公共部门就业人数", who.total(employed & (c["PP04A"] == 1)), -1, job)
    sheet.put("domestic_service", "家政就业人数", who.total(employed & (c["PP04B1"] == 1)), 1, job)
    sheet.put("temporary", "临时合同人数", who.total(employed & (c["PP07C"] == PRESENT)), 1, job)
    sheet.put("permanent", "长期合同人数", who.total(employed & (c["PP07C"] == ABSENT)), -1, job)
    sheet.put("underemployed", "工时不足人数", who.total(employed & (c["INTENSI"] == 1)), 1, job)
    sheet.put("overworked", "超时工作人数", who.total(employed & (c["INTENSI"] == 3)), 0, job)
    sheet.put("wants_hours", "希望增加工时人数", who.total(employed & (c["PP03G"] == PRESENT)), 1, job)
    sheet.put("seeks_other_job", "在业求职人数", who.total(employed & (c["PP03I"] == PRESENT)), 1, job)
    tenure = np.where(employed & (c["PP07A"] >= 1) & (c["PP07A"] <= 6), c["PP07A"], np.nan)
    sheet.put("longest_job", "最长在职时间档", who.largest(tenure), -1, job, "class")
    sheet.put("shortest_job", "最短在职时间档", -who.largest(-tenure), -1, job, "class")
    sheet.put("new_jobs", "在职半年以内人数", who.total(tenure <= 3), 1, job)
    own_tenure = np.where(employed & (c["PP05H"] >= 1) & (c["PP05H"] <= 6), c["PP05H"], np.nan)
    sheet.put("own_business_age", "自营持续时间档", who.largest(own_tenure), -1, job, "class")
    firm = np.where(employed & (c["PP04C"] >= 1) & (c["PP04C"] <= 12), c["PP04C"], np.nan)
    sheet.put("firm_size", "最大雇主规模档", who.largest(firm), -1, job, "class")
    sheet.put("small_firm", "小规模单位就业人数", who.total(firm <= 5), 1, job)
    sheet.put("bonus", "有年终奖的雇员数", who.total(employed & (c["PP07G4"] == PRESENT)), -1, job)
    sheet.put("paid_leave", "有带薪假的雇员数", who.total(employed & (c["PP07G1"] == PRESENT)), -1, job)
    sheet.put("work_plan", "以工代赈人数", who.total(employed & (c["PP07E"] == PRESENT)), 1, job)
    sheet.put("own_contribution", "自缴养老保险人数", who.total(employed & (c["PP07I"] == PRESENT)), -1, job)
    skill = who.skill
    sheet.put("professionals", "专业岗位人数", who.total(employed & (skill == 1)), -1, job)
    sheet.put("technicians", "技术岗位人数", who.total(employed & (skill == 2)), -1, job)
    sheet.put("operators", "操作岗位人数", who.total(employed & (skill == 3)), 0, job)
    sheet.put("unskilled", "非技能岗位人数", who.total(employed & (skill == 4)), 1, job)
    trade = c["PP04D_COD"] // 1000
    sheet.put("builders", "建筑岗位人数", who.total(employed & (trade == 72)), 1, job)
    sheet.put("sellers", "商业岗位人数", who.total(employed & (trade >= 30) & (trade <= 33)), 0, job)
    sheet.put("drivers", "运输岗位人数", who.total(employed & (trade == 34)), 0, job)
    sheet.put("cleaners", "清洁与家政岗位人数", who.total(employed & ((trade == 55) | (trade == 56))), 1, job)
    sheet.put("factory", "工业岗位人数", who.total(employed & (trade == 80)), 0, job)
    # neither at work nor looking
    idle = c["CAT_INAC"]
    for code, name, zh in (
        (1, "retired", "退休人数"),
        (2, "rentiers", "食利者人数"),
        (4, "homemakers", "操持家务人数"),
        (6, "disabled", "因残不工作人数"),
    ):
        sheet.put(name, zh, who.total(idle == code), 0, "disability" if code == 6 else "no_labour")
    sheet.put("students", "15岁以上学生数", who.total((idle == 3) & (age >= 15)), 0, "schooling")
    sheet.put("idle_adults", "其他不工作成年人数", who.total((idle == 7) & adult), 1, "no_labour")
    sheet.put("no_cover", "无医疗保障人数占比", who.total(c["CH08"] == 4) / who.size, 1, "illness", "share")
    sheet.put(
        "social_insurance", "有社会医疗保险人数占比", who.total(np.isin(c["CH08"], (1, 12, 13, 123))) / who.size, -1, "illness", "share"
    )
    sheet.put(
        "private_insurance", "有商业医疗保险人数占比", who.total(np.isin(c["CH08"], (2, 12, 23, 123))) / who.size, -1, "illness", "share"
    )
    _sources(sheet, who, workers)
    for title, zh, mask in (("head", "户主", who.relation == 1), ("spouse", "配偶", who.relation == 2)):
        _one(sheet, who, mask, title, zh)


def _sources(sheet: Sheet, who: People, workers: FloatArray) -> None:
    """Where the income comes from, and what an hour of work brings."""
    c, employed, level = who.column, who.employed, "income_level"
    labour, hours = who.total(who.earned), who.total(who.hours)
    with np.errstate(invalid="ignore", divide="ignore"):
        per_worker = np.log(0.1 + labour / workers / who.median)
        per_hour = np.log(0.02 + labour / hours * 40 / who.median)
    sheet.put("labour_share", "劳动收入占比", who.share(who.earned), 0, "unstable_job", "share")
    sheet.put(
        "earned_per_worker",
        "每名在业者劳动收入（与中位数之比，对数）",
        np.where(workers > 0, per_worker, np.nan),
        -1,
        "unstable_job",
        "log ratio",
    )
    sheet.put(
        "earned_per_hour",
        "每40工时劳动收入（与中位数之比，对数）",
        np.where((hours > 0) & (labour > 0), per_hour, np.nan),
        -1,
        "unstable_job",
        "log ratio",
    )
    sheet.put(
        "best_wage",
        "最高工资（与中位数之比，对数）",
        np.log1p(who.largest(np.where(employed, who.wage, 0.0), 0.0) / who.median),
        -1,
        "unstable_job",
        "log ratio",
    )
    sheet.put("largest_earner_share", "最高个人收入占比", np.minimum(who.largest(who.own, 0.0) / who.income, 1.2), 0, level, "share")
    for name, zh, which in (
        ("formal_wage_share", "正规雇佣收入占比", who.formal),
        ("informal_wage_share", "非正规雇佣收入占比", who.informal),
        ("own_business_share", "自营收入占比", employed & (who.kind == 2)),
        ("public_wage_share", "公共部门收入占比", employed & (c["PP04A"] == 1)),
    ):
        sheet.put(name, zh, who.share(np.where(which, who.wage, 0.0)), 0, "unstable_job", "share")
    for code, name, zh in (
        ("V2_M", "pension_share", "养老金占比"), ("V3_M", "severance_share", "离职补偿占比"), ("V4_M", "unemployment_share", "失业金占比"),
        ("V5_M", "subsidy_share", "政府补助占比"), ("V8_M", "rent_share", "租金收入占比"), ("V9_M", "profit_share", "经营利润占比"),
        ("V10_M", "interest_share", "利息红利占比"),
        ("V11_M", "scholarship_share", "助学金占比"), ("V12_M", "remittance_share", "亲友汇款占比"),
    ):  # fmt: skip
        sheet.put(name, zh, who.share(amount(c[code])), 0, level, "share")
    sheet.put("pension_per_head", "人均养老金（与中位数之比）", who.total(amount(c["V2_M"])) / who.size / who.median, -1, level, "ratio")
    sheet.put(
        "unearned_per_head", "人均非劳动收入（与中位数之比）", who.total(amount(c["T_VI"])) / who.size / who.median, -1, level, "ratio"
    )


def _one(sheet: Sheet, who: People, mask: Array, title: str, zh: str) -> None:
    """What is known of the head, or of the spouse."""
    c, job, skill = who.column, "unstable_job", who.skill

    def of(values: Array, empty: float = 0.0) -> FloatArray:
        return who.largest(np.where(mask, np.asarray(values, dtype=np.float64), np.nan), empty)

    sheet.put(f"{title}_age", f"{zh}年龄", of(who.age, np.nan), 0, "no_labour", "years")
    sheet.put(f"{title}_education", f"{zh}学历", of(who.education, np.nan), -1, "income_level", "level")
    sheet.put(f"{title}_employed", f"{zh}在业", of(who.employed), -1, job, "flag")
    sheet.put(f"{title}_unemployed", f"{zh}失业", of(who.unemployed), 1, job, "flag")
    sheet.put(f"{title}_formal", f"{zh}正规雇佣", of(who.formal), -1, job, "flag")
    sheet.put(f"{title}_informal", f"{zh}非正规雇佣", of(who.informal), 1, job, "flag")
    sheet.put(f"{title}_self_employed", f"{zh}自营", of(who.employed & (who.kind == 2)), 0, job, "flag")
    sheet.put(f"{title}_retired", f"{zh}退休", of(c["CAT_INAC"] == 1), 0, "no_labour", "flag")
    tenure = np.where(who.employed & (c["PP07A"] >= 1) & (c["PP07A"] <= 6), c["PP07A"], np.nan)
    sheet.put(f"{title}_tenure", f"{zh}在职时间档", of(tenure, np.nan), -1, job, "class")
    sheet.put(
        f"{title}_skill",
        f"{zh}岗位技能档（1最高）",
        of(np.where(who.employed & (skill >= 1) & (skill <= 4), skill, np.nan), np.nan),
        1,
        job,
        "class",
    )
    sheet.put(f"{title}_hours", f"{zh}每周工时", of(who.hours), -1, job, "hours/week")
    sheet.put(f"{title}_income_share", f"{zh}收入占比", np.minimum(of(who.own) / who.income, 1.2), 0, job, "share")
