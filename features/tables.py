"""The register's tables: the one source for validation, array encoding, data dictionary and Excel template.

Every table is long and every row is dated twice: `known_on` says when the office knew it, the table's own columns say when it was true.
A row is never overwritten: a later `known_on` for the same fact is a correction, a later `valid_from` of the same thing is a change.

Worked example: member M1 was able to work (valid_from 2019-01-01, known 2019-01-20) and lost that in an accident (valid_from 2021-06-05,
known 2021-08-01). On 2021-07-01 the register still says "able": that is what a list of that day could have known.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a column's cells are written and held."""

    ID = "id"  # text that identifies a household or a member; replaced by a keyed pseudonym when read
    TEXT = "text"  # other text identifiers and codes; "001" stays "001"
    CATEGORY = "category"  # one of the declared values
    FLAG = "flag"  # yes or no; blank is "not known", which is not "no"
    NUMBER = "number"
    DATE = "date"  # YYYY-MM-DD
    MONTH = "month"  # YYYY-MM


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its Chinese header, what may stand in it and its unit.

    Attributes:
        aliases: other words that are read as one of its codes, each with that code.
        whole: a number without decimals, such as persons or years.
    """

    name: str
    zh: str
    kind: Kind
    unit: str = ""
    required: bool = False
    values: tuple[tuple[str, str], ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    low: float | None = None
    high: float | None = None
    whole: bool = False
    doc: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        """The allowed category codes, in their stored order."""
        return tuple(code for code, _ in self.values)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the register.

    Attributes:
        entity: columns that, with the household, name the thing a row speaks of. Rows of one entity supersede each other.
        valid: the column that says from when a row is true; None where rows of one entity are only corrections of one another.
    """

    name: str
    zh: str
    doc: str
    entity: tuple[str, ...]
    valid: str | None
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column of that name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")


def _c(name: str, zh: str, kind: Kind, **more: object) -> Column:
    return Column(name, zh, kind, **more)  # type: ignore[arg-type]


_HOUSEHOLD = _c(
    "household_id",
    "户编号",
    Kind.ID,
    required=True,
    doc="The household's number in the source; held as a keyed pseudonym.",
)
_KNOWN = _c(
    "known_on",
    "知悉日期",
    Kind.DATE,
    required=True,
    doc="The day on which the office knew this row. Nothing later than as_of is ever used.",
)
_VALID = _c("valid_from", "生效日期", Kind.DATE, required=True, doc="The day from which the row is true.")
_MEMBER = _c(
    "member_id",
    "成员编号",
    Kind.ID,
    required=True,
    doc="The member's number in the source (18-digit numbers stay text); held as a pseudonym.",
)
_MEMBER_OPTIONAL = _c("member_id", "成员编号", Kind.ID, doc="The member concerned, where it is one member.")

RELATIONS = (
    ("head", "户主"), ("spouse", "配偶"), ("child", "之子/之女"), ("child_in_law", "之儿媳/之女婿"), ("grandchild", "之孙/之外孙"),
    ("parent", "之父/之母"), ("parent_in_law", "之公婆/之岳父母"), ("grandparent", "之祖父母"), ("sibling", "之兄弟姐妹"), ("other", "其他"),
)  # fmt: skip
EDUCATION = (
    ("illiterate", "文盲或半文盲"), ("primary", "小学"), ("junior", "初中"), ("senior", "高中"), ("college", "大专"), ("bachelor", "本科及以上"),
)  # fmt: skip
SCHOOL = (
    ("none", "不在校"), ("preschool", "学前"), ("primary", "小学"), ("junior", "初中"), ("senior", "普通高中"), ("vocational", "中职"),
    ("higher_vocational", "高职高专"), ("university", "本科及以上"),
)  # fmt: skip
LABOUR = (
    ("ordinary", "普通劳动力"), ("skilled", "技能劳动力"), ("weak", "弱劳动力或半劳动力"), ("lost", "丧失劳动力"), ("none", "无劳动力"),
)  # fmt: skip
DISABILITY = (
    ("sight", "视力"), ("hearing", "听力"), ("speech", "言语"), ("limb", "肢体"), ("intellect", "智力"), ("mental", "精神"), ("multiple", "多重"),
)  # fmt: skip
RISKS = (
    ("illness", "因病"), ("schooling", "因学"), ("disability", "因残"), ("disaster", "因自然灾害"), ("accident", "因意外事故"),
    ("industry_failure", "因产业项目失败"), ("unstable_job", "因务工就业不稳"), ("no_labour", "缺劳动力"), ("housing", "因安全住房"),
    ("water", "因安全饮水"), ("other", "其他"),
)  # fmt: skip
MONITORING_RISKS = tuple(f"risk_{place}" for place in range(1, 6))  # columns of the national system, the gravest first
INCOME_SOURCES = (
    ("wage", "工资性收入"), ("business", "生产经营性收入"), ("business_expense", "生产经营性支出"), ("property", "财产性收入"),
    ("transfer_policy", "政策转移性收入"), ("transfer_private", "其他转移性收入"),
)  # fmt: skip
MEASURES = (
    ("industry", "产业帮扶"), ("employment", "就业帮扶"), ("public_post", "公益岗位帮扶"), ("finance", "金融帮扶"), ("housing", "住房安全保障"),
    ("relocation", "搬迁"), ("living_conditions", "生产生活条件改善"), ("health", "健康帮扶"), ("education", "教育帮扶"),
    ("compulsory_education", "义务教育保障"), ("water", "饮水安全保障"), ("security", "综合保障"), ("social", "社会帮扶"),
    ("infrastructure", "基础设施建设"),
)  # fmt: skip
BENEFITS = (
    ("disability_living", "困难残疾人生活补贴"), ("disability_nursing", "重度残疾人护理补贴"), ("education_help", "雨露计划"),
    ("education_supplement", "县级助学补助"), ("county_supplement", "低保特困县级提标"),
)  # fmt: skip
NAMES_OF_2020 = (("脱贫监测户", "unstable_exited"), ("边缘户", "edge_prone"))
TIERS = (("a", "A等"), ("b", "B等"), ("c", "C等"))
CATEGORIES = (
    ("unstable_exited", "脱贫不稳定户"),
    ("edge_prone", "边缘易致贫户"),
    ("sudden_severe", "突发严重困难户"),
    ("poverty_prevention", "防止返贫致贫对象"),
)

FINDINGS = (
    ("public_payroll", "财政供养人员"), ("private_car", "购有小轿车"), ("commercial_house", "购有商品房"), ("private_business", "私营企业主"),
    ("village_cadre", "村干部"), ("luxury_fit_out", "住房豪华装修"), ("large_machine", "购有大型机械"), ("state_firm", "大型国有企业职工"),
    ("company_head", "企业或合作社负责人"), ("contractor", "承包工程或长期雇工"), ("long_absence", "长期外出"), ("study_abroad", "自费出国留学"),
    ("commercial_pension", "自费购买商业养老保险"),
)  # fmt: skip

CHILD_UNTIL = 14  # of people under 14 the law protects everything; the register holds birth year, school and insurance only
_YUAN = 1e7  # no household bill, balance or yearly income of this field is larger: beyond it a cell is a slip of the keyboard

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "households", "户", "Who the household is and where. A new row when its status, village or size changes.", (), "valid_from",
            (
                _HOUSEHOLD,
                _c("village_code", "行政村代码", Kind.TEXT, required=True, doc="12 digits: county 6, township 9, village 12; text."),
                _c("registry_status", "户类型", Kind.CATEGORY, required=True, values=(("exited", "脱贫户"), ("ordinary", "一般农户"))),
                _c("exit_year", "脱贫年度", Kind.NUMBER, unit="year", low=2000, high=2035, whole=True, doc="Year of leaving poverty; exited households only."),
                _c("expected_exit_year", "预计脱贫年度", Kind.NUMBER, unit="year", low=2000, high=2035, whole=True, doc="In which year people expect a registered household to leave poverty: entered by them and never worked out. For rules; never a feature of the model."),
                _c("relocated", "是否易地搬迁户", Kind.FLAG),
                _c("lives_in_both", "是否两头跑", Kind.FLAG, doc="Relocated, and living now in the old place and now in the new one, as people found it. For rules; never a feature of the model."),
                _c("hukou_size", "户籍人口", Kind.NUMBER, unit="persons", low=1, high=30, whole=True),
                _c("sharing_size", "共享收支人口", Kind.NUMBER, unit="persons", low=1, high=30, whole=True, doc="Persons who share the budget: the divisor of per-capita income. Without it the present members are counted."),
                _c("wishes_heard_on", "群众意愿核实日期", Kind.DATE, doc="The day on which the family was asked for its wishes; what it wished is not held. Blank: not asked. For rules; never a feature of the model."),
                _c("weight", "权重", Kind.NUMBER, low=0, high=1e6, doc="How many households of the county this one stands for; sampled registers only."),
                _VALID, _KNOWN,
            ),
        ),
        Table(
            "members", "成员", "What a member is: age, health, schooling, labour. Of children under 14 only birth year, school and insurance.", ("member_id",), "valid_from",
            (
                _HOUSEHOLD, _MEMBER,
                _c("presence", "在户状态", Kind.CATEGORY, values=(("present", "在户"), ("left", "迁出"), ("died", "死亡")), doc="Blank counts as present."),
                _c("relation_to_head", "与户主关系", Kind.CATEGORY, values=RELATIONS),
                _c("sex", "性别", Kind.CATEGORY, values=(("male", "男"), ("female", "女"))),
                _c("birth_year", "出生年", Kind.NUMBER, unit="year", low=1900, high=2035, whole=True),
                _c("education", "文化程度", Kind.CATEGORY, values=EDUCATION),
                _c("school_status", "在校生状况", Kind.CATEGORY, values=SCHOOL),
                _c("dropped_out", "失学辍学", Kind.FLAG, doc="Of compulsory-school age and not in school."),
                _c("dropout_sign", "有辍学苗头", Kind.FLAG, doc="In school, and people see signs that it may be left: not the same as having dropped out. For rules; never a feature of the model."),
                _c("chronic_disease", "长期慢性病", Kind.FLAG, doc="Named no further: disease names are never held."),
                _c("serious_illness", "患有大病", Kind.FLAG),
                _c("disability_category", "残疾类别", Kind.CATEGORY, values=DISABILITY),
                _c("disability_level", "残疾等级", Kind.NUMBER, low=1, high=4, whole=True, doc="1 is the most severe; 1 and 2 are severe."),
                _c("labour_ability", "劳动技能", Kind.CATEGORY, values=LABOUR),
                _c("medical_insured", "参加基本医保", Kind.FLAG),
                _c("doctor_contract", "家庭医生签约", Kind.FLAG, doc="Signed up with a family doctor, as people with a chronic disease should be."),
                _c("pension_insured", "参加养老保险", Kind.FLAG),
                _c("pension_receiving", "领取养老金", Kind.FLAG),
                _c("dibao", "享受低保", Kind.FLAG),
                _c("dibao_tier", "低保档次", Kind.CATEGORY, values=TIERS, aliases=(("A", "a"), ("B", "b"), ("C", "c")), doc="The tier that people assessed, where a county has such. For rules; never a feature of the model."),
                _c("extreme_poverty_support", "享受特困供养", Kind.FLAG),
                _VALID, _KNOWN,
            ),
        ),
        Table(
            "living", "生产生活条件", "House, water, road and land of the household, and whether it has enough to eat and to wear.", (), "valid_from",
            (
                _HOUSEHOLD,
                _c("dangerous_house", "是否危房户", Kind.FLAG),
                _c("house_area", "住房面积", Kind.NUMBER, unit="m2", low=0, high=2000),
                _c("food_secure", "不愁吃", Kind.FLAG, doc="Enough to eat, the first of the two worries (两不愁), as people found it at the door. For rules; never a feature of the model."),
                _c("clothing_secure", "不愁穿", Kind.FLAG, doc="Enough to wear, the second of them. For rules; never a feature of the model."),
                _c("water_safe", "饮水安全", Kind.FLAG),
                _c("tap_water", "通自来水", Kind.FLAG, doc="Tap and safe water are two facts: no tap and safe water is valid."),
                _c("electricity", "通生活用电", Kind.FLAG),
                _c("road_hardened", "入户路硬化", Kind.FLAG),
                _c("road_distance", "与村主干路距离", Kind.NUMBER, unit="km", low=0, high=100),
                _c("sanitary_toilet", "卫生厕所", Kind.FLAG),
                _c("farmland", "耕地面积", Kind.NUMBER, unit="mu", low=0, high=1000),
                _c("forest", "林地面积", Kind.NUMBER, unit="mu", low=0, high=5000),
                _c("orchard", "林果面积", Kind.NUMBER, unit="mu", low=0, high=1000),
                _VALID, _KNOWN,
            ),
        ),
        Table(
            "employment", "就业", "Spells of work, one row per spell; an end that becomes known is a new row for the same member and start.", ("member_id", "start_date"), None,
            (
                _HOUSEHOLD, _MEMBER,
                _c("start_date", "开始时间", Kind.DATE, required=True),
                _c("end_date", "结束时间", Kind.DATE, doc="Blank while the work goes on, as far as is known."),
                _c("work_kind", "就业形式", Kind.CATEGORY, values=(("migrant", "外出务工"), ("local", "本地务工"), ("workshop", "帮扶车间"), ("public_post", "公益性岗位"), ("temporary_post", "临时性岗位"), ("self_employed", "自主经营"))),
                _c("work_region", "务工区域", Kind.CATEGORY, values=(("township", "乡镇内"), ("county", "县内"), ("province", "省内县外"), ("outside_province", "省外"), ("abroad", "境外"))),
                _c("monthly_wage", "月收入", Kind.NUMBER, unit="yuan/month", low=0, high=200000),
                _KNOWN,
            ),
        ),
        Table(
            "incomes", "收入", "Household income by source for a quarter or a longer period. Policy transfers stand apart. Loans and one-off money (rewards, building grants, relief, indemnities, gifts) are no income.", ("source", "period_start", "period_end"), None,
            (
                _HOUSEHOLD,
                _c("source", "收入来源", Kind.CATEGORY, required=True, values=INCOME_SOURCES),
                _c("period_start", "起始月份", Kind.MONTH, required=True),
                _c("period_end", "截止月份", Kind.MONTH, required=True, doc="Inclusive; at least a quarter after the start month's beginning."),
                _c("amount", "金额", Kind.NUMBER, unit="yuan per period", low=-_YUAN, high=_YUAN, doc="Of the whole household for the whole period. Expenses are written as positive amounts of business_expense. Blank: not known."),
                _KNOWN,
            ),
        ),
        Table(
            "debts", "债务", "Balance of a loan on a day.", ("lender",), "valid_from",
            (
                _HOUSEHOLD,
                _c("lender", "贷款类型", Kind.CATEGORY, required=True, values=(("microcredit", "小额信贷"), ("bank", "银行贷款"), ("private", "民间借款"))),
                _c("balance", "余额", Kind.NUMBER, unit="yuan", low=0, high=_YUAN),
                _VALID, _KNOWN,
            ),
        ),
        Table(
            "events", "事件", "What happened: bills, accidents, disasters, job losses, department pushes. Illness as amount and date, no diagnosis.", ("event_id",), None,
            (
                _HOUSEHOLD,
                _c("event_id", "事件编号", Kind.TEXT, doc="Names the event so that a correction can supersede it; without it every row is its own event."),
                _MEMBER_OPTIONAL,
                _c("event_kind", "事件类型", Kind.CATEGORY, required=True, values=(
                    ("illness_bill", "住院费用"), ("accident", "意外事故"), ("disaster", "自然灾害"), ("job_loss", "失业"), ("death", "成员死亡"),
                    ("industry_failure", "产业项目失败"), ("school_fee", "学费支出"), ("house_damage", "住房损毁"), ("water_failure", "供水中断"),
                    ("department_push", "部门推送"), ("outpatient_bill", "门诊费用")), aliases=(("医疗费用", "illness_bill"),),
                    doc="A stay in hospital and outpatient care (pooled fund, chronic and special diseases) are two kinds of bill."),
                _c("occurred_on", "发生日期", Kind.DATE, required=True),
                _c("amount", "费用或损失总额", Kind.NUMBER, unit="yuan", low=0, high=_YUAN, doc="The whole bill or loss before any reimbursement."),
                _c("oop_compliant", "合规自付", Kind.NUMBER, unit="yuan", low=0, high=_YUAN, doc="What the household paid after all reimbursement, as the insurer counts it."),
                _c("oop_self_reported", "自报自付", Kind.NUMBER, unit="yuan", low=0, high=_YUAN, doc="What the household says it paid, drugs outside the list included."),
                _c("claim", "理赔金额", Kind.NUMBER, unit="yuan", low=0, high=_YUAN, doc="What an insurance other than the medical ones paid for it. No income; blank: none on record."),
                _c("subsidy", "补助金额", Kind.NUMBER, unit="yuan", low=0, high=_YUAN, doc="What subsidies and grants paid of school fees, whoever gave them; no insurance. 0: none. Blank: not known, so what the household bore lies between nothing and the whole. For rules; never a feature of the model."),
                _KNOWN,
            ),
        ),
        Table(
            "measures", "帮扶措施", "Help that was given. Never a feature of the model.", ("measure_kind", "start_date"), None,
            (
                _HOUSEHOLD,
                _c("measure_kind", "措施类型", Kind.CATEGORY, required=True, values=MEASURES),
                _c("start_date", "开始时间", Kind.DATE, required=True),
                _c("end_date", "结束时间", Kind.DATE),
                _c("amount", "金额", Kind.NUMBER, unit="yuan/year", low=0, high=_YUAN),
                _KNOWN,
            ),
        ),
        Table(
            "benefits", "待遇", "Who receives which regular benefit. Dibao, extreme-poverty support, pension and insurance stand with the member and are not said again here. Whoever has no row is not known to receive it, nor not to. Never a feature of the model.", ("member_id", "benefit"), "valid_from",
            (
                _HOUSEHOLD, _MEMBER,
                _c("benefit", "待遇类型", Kind.CATEGORY, required=True, values=BENEFITS),
                _c("receiving", "是否享受", Kind.FLAG, doc="Blank is not known."),
                _c("amount", "月发放金额", Kind.NUMBER, unit="yuan/month", low=0, high=_YUAN, doc="What is paid; blank: not known."),
                _VALID, _KNOWN,
            ),
        ),
        Table(
            "monitoring", "监测", "Decisions of the human process: category, identified, eliminated. Never a feature of the model.", ("identified_on",), None,
            (
                _HOUSEHOLD,
                _c("category", "监测对象类别", Kind.CATEGORY, required=True, values=CATEGORIES, aliases=NAMES_OF_2020),
                _c("identified_on", "识别监测时间", Kind.DATE, required=True),
                _c("eliminated_on", "消除监测时间", Kind.DATE),
                _c("elimination_kind", "风险消除方式", Kind.CATEGORY, values=(("by_help", "帮扶消除"), ("naturally", "自然消除"))),
                _c("risk_1", "致贫/返贫风险1", Kind.CATEGORY, values=RISKS),
                _c("risk_2", "致贫/返贫风险2", Kind.CATEGORY, values=RISKS, doc="Blank beside a first risk: there is no second."),
                *(_c(f"risk_{place}", f"致贫/返贫风险{place}", Kind.CATEGORY, values=RISKS, doc="Blank: there is none.") for place in range(3, 6)),
                _KNOWN,
            ),
        ),
        Table(
            "visits", "入户", "Who was visited, why, with what probability the household was chosen, and what was found.", ("visited_on", "reason"), None,
            (
                _HOUSEHOLD,
                _c("visited_on", "入户日期", Kind.DATE, required=True),
                _c("reason", "入户原因", Kind.CATEGORY, values=(
                    ("routine", "例行走访"), ("list", "预警名单"), ("department", "部门筛查预警"), ("self_report", "农户自主申报"), ("audit", "随机抽查"))),
                _c("probability", "抽取概率", Kind.NUMBER, low=0, high=1, doc="With what probability the household was chosen for this visit."),
                _c("found", "核实结果", Kind.CATEGORY, values=(("no_risk", "无风险"), ("risk", "存在风险"), ("absent", "无人在家"))),
                _KNOWN,
            ),
        ),
        Table(
            "findings", "比对核查", "What a department found of a household when data were compared. It demands a note by people and changes nothing. Never a feature of the model; conduct has no code here.", ("finding", "department", "member_id"), "valid_from",
            (
                _HOUSEHOLD, _MEMBER_OPTIONAL,
                _c("finding", "比对事项", Kind.CATEGORY, required=True, values=FINDINGS),
                _c("department", "来源部门", Kind.TEXT, required=True, doc="Whose data say so."),
                _c("found", "是否属实", Kind.FLAG, doc="Yes: the data say so. No: they do not, or no longer. Blank: compared, and not settled."),
                _VALID, _KNOWN,
            ),
        ),
        Table(
            "indicators", "指标", "A source's own facts that no other table holds: name and value on a day.", ("name",), "valid_from",
            (
                _HOUSEHOLD,
                _c("name", "指标名", Kind.TEXT, required=True, doc="As declared in the register's register.yaml."),
                _c("value", "指标值", Kind.NUMBER),
                _VALID, _KNOWN,
            ),
        ),
    )
}  # fmt: skip
