"""The page docs/policy.md: every parameter, every rule and every county side by side, rendered from the files of policy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from features.policy import comparison
from features.policy.declared import Fact
from features.policy.help import ABLE, UNABLE
from features.policy.language import Entitlement, Pack, Rule
from features.policy.names import RISK_WORDS, region
from features.policy.packs import HERE, NATION, Packs, packs_of
from features.policy.reference import benefit, bounds, words
from features.policy.registry import Policy
from features.policy.scheme import Scheme

KINDS = {
    "triggers": "推送规则 Triggers: a department's data call for a visit",
    "categories": "三类监测对象 Categories, for a household whose risk people have confirmed",
    "gaps": "短板 Gaps: what is guaranteed and lacking, and what closes it",
    "classes": "分类 Classes of a county's own system; of each system the first that holds",
    "cohorts": "重点人群台账 Cohorts that a county keeps a ledger of",
    "blockers": "风险消除的阻断 Blockers of risk elimination",
    "entitlements": "应享待遇 Entitlements: who is owed which benefit, and by what it is told whether it is received",
    "exclusions": "负面清单 Findings that demand a note, and change nothing",
}
POPULATIONS = {
    "all": "全部 all",
    "exited": "脱贫户 poverty-alleviated",
    "ordinary": "一般农户 ordinary",
    "monitored": "监测对象 monitored",
}
RULE_HEAD = ("规则 rule", "地区 region", "农户 households", "条件 when", "属于 of", "期间 in force", "依据 reference", "等级 grade")
BENEFIT_HEAD = (
    "待遇 benefit", "地区 region", "农户 households", "条件 when", "成员 whom", "是否享受 received", "每人标准 amount", "期间 in force",
    "依据 reference", "等级 grade",
)  # fmt: skip
GRADES = {
    "sourced": "有出处 seen in a source",
    "derived": "推算 worked out of a sourced one",
    "memory": "凭记忆，未核实 from memory, unverified",
    "synthetic": "虚构 made up, for synthetic registers",
    "calibrated": "校准 fitted to a report's figures",
    "proposal": "建议 a proposal, no law",
    "none": "未查到，不可评 not found, not evaluable",
}


def render(policy: Policy) -> str:
    """The whole page as Markdown."""
    packs = packs_of(policy)
    parts = (_head(), _parameters(policy), _rules(policy, packs), _measures(packs), _rewards(packs), _villages(packs))
    ends = (_schemes(packs), _counties(policy), _verification(packs), _undefined(packs), _sources())
    return "\n".join(line for part in (*parts, *ends) for line in part).rstrip("\n") + "\n"


def _head() -> Iterator[str]:
    yield "# 政策 Policy"
    yield ""
    yield "由政策文件生成，请勿手改 Rendered from `features/policy/` by `python -m features policy`; do not edit."
    yield ""
    yield "缺失的数值是“不可评估”，绝不当作通过；任何规则都不改变监测身份。"
    yield "What is missing is “not evaluable”, never a pass; no rule changes a status."
    yield ""
    yield "县自行编写政策文件 how a county writes its own file: [counties.md](counties.md)."
    yield "某日某县现行内容 what is in force somewhere on a day: `GET /api/v1/policy`, `python -m service policy show`."
    yield ""
    yield from _table(("等级 grade", "含义 meaning"), ((f"`{grade}`", meaning) for grade, meaning in GRADES.items()))


def _parameters(policy: Policy) -> Iterator[str]:
    yield from _titled(
        "## 参数 Parameters",
        "数值自起始日起有效，至下一起始日，最多至其所在年度之后若干年。",
        "A value holds from its day until the next, and at most so many years past its own.",
    )
    for name, parameter in sorted(policy.parameters.items()):
        yield f"### {parameter.zh} `{name}`"
        yield ""
        yield f"{parameter.en} 单位 unit: {parameter.unit}. 可沿用年数 carried for: {parameter.max_carry_years}."
        yield ""
        rows = (
            (
                _region(scope, policy),
                str(value.start),
                "不可评 none" if value.value is None else f"{value.value:.10g}",
                value.reference,
                value.grade,
            )
            for scope, values in sorted(parameter.values.items(), key=lambda item: (item[0] != NATION, item[0]))
            for value in values
        )
        yield from _table(("地区 region", "起始 from", "数值 value", "依据 reference", "等级 grade"), rows)


def _region(code: str, policy: Policy) -> str:
    return "全国 nation" if code == NATION else f"{' '.join(region(code, policy))} `{code}`"


def _rules(policy: Policy, packs: Packs) -> Iterator[str]:
    yield from _titled("## 规则 Rules")
    packed: list[tuple[str, Pack, Mapping[str, Fact]]] = [(_region(NATION, policy), packs.national, packs.national.facts)]
    packed += [(overlay.zh, overlay, packs.at(overlay.region).pack.facts) for overlay in packs.overlays.values()]
    for kind, title in KINDS.items():
        rows = [
            (f"{rule.zh} {rule.en} `{rule.id}`", where, POPULATIONS[rule.population], words(rule.when, facts, policy, "zh"), *_more(rule))
            for where, pack, facts in packed
            for rule in getattr(pack, kind)
            if not isinstance(rule, Entitlement)
        ]
        if rows:
            yield f"### {title}"
            yield ""
            yield from _table(RULE_HEAD, rows)
    yield from _entitlements(policy, packed)
    yield from _checks(policy, packed)


def _entitlements(policy: Policy, packed: Iterable[tuple[str, Pack, Mapping[str, Fact]]]) -> Iterator[str]:
    """Who is owed which benefit, and what it comes to."""
    yield f"### {KINDS['entitlements']}"
    yield ""
    yield "缺口按人、按年计算：应享而未享的全额，或少发的差额；不知是否享受的不算已享，也不算未享，写明缺什么。"
    yield "Lacking, by person and year, is the whole of what is owed and not received, or the rest where too little is paid."
    yield "Of whom it is not known whether they receive it, neither is taken for granted, and the answer says what is missing."
    yield ""
    rows = []
    for where, pack, facts in packed:
        for rule in pack.entitlements:
            said = benefit(rule, facts, policy)
            condition = words(rule.when, facts, policy, "zh")
            name = f"{rule.zh} {rule.en} `{rule.id}`"
            told = (" ".join(dict.fromkeys((said[f"{what}_zh"], said[f"{what}_en"]))) for what in ("whom", "received", "amount"))
            rows.append((name, where, POPULATIONS[rule.population], condition, *told, *_more(rule)[1:]))
    yield from _table(BENEFIT_HEAD, rows)


def _checks(policy: Policy, packed: Iterable[tuple[str, Pack, Mapping[str, Fact]]]) -> Iterator[str]:
    """What counties say of values."""
    yield from _titled(
        "### 数值核对 Checks of values", "按日期核对两个数值，不涉及农户。", "Two values held against each other by date; of no household."
    )
    rows = [
        (f"{check.zh} {check.en} `{check.id}`", where, f"{policy.parameters[check.parameter].zh} ≥ {policy.parameters[check.at_least].zh}",
         check.reference, check.grade)
        for where, pack, _ in packed
        for check in pack.checks
    ]  # fmt: skip
    yield from _table(("核对 check", "地区 region", "内容 what", "依据 reference", "等级 grade"), rows)


def _more(rule: Rule) -> tuple[str, ...]:
    """What only rules of its kind say (whose data, the set of a trigger, the system of a class, help, other names), days and reference."""
    said: list[Any] = [getattr(rule, name, None) for name in ("department", "profile", "system")]
    said += [*getattr(rule, "measures", ()), *getattr(rule, "aliases", ())]
    return ", ".join(str(word) for word in said if word), _days(rule), rule.reference, rule.grade


def _days(rule: Rule) -> str:
    return f"{rule.start or ''} … {rule.until or ''}".strip() if rule.start or rule.until else ""


def _measures(packs: Packs) -> Iterator[str]:
    pack = packs.national
    yield from _titled("## 帮扶措施 Help")
    rows = (
        (
            f"{help_.zh} {help_.en} `{name}`",
            "开发式 lets people earn" if help_.developmental else "保障性 secures",
            help_.reference,
            help_.grade,
        )
        for name, help_ in pack.measures.items()
    )
    yield from _table(("措施 help", "性质 kind", "依据 reference", "等级 grade"), rows)
    called = [(f"{' '.join(RISK_WORDS[risk])} `{risk}`", said) for risk, said in pack.answers.items()]
    called += [(" ".join(words), said) for words, said in ((ABLE, pack.able), (UNABLE, pack.unable)) if said is not None]
    answers = ((why, *(_helps(pack, kinds) for kinds in (said.any, said.afterwards)), said.reference, said.grade) for why, said in called)
    heads = ("风险或劳动力 risk or labour", "至少一项 one at least of", "消除时另认 or, at elimination", "依据 reference", "等级 grade")
    yield from _table(heads, answers)
    yield from _groups(packs)


def _helps(pack: Pack, kinds: Iterable[str]) -> str:
    return "、".join(pack.measures[one].zh for one in kinds)


def _groups(packs: Packs) -> Iterator[str]:
    """The counties' own words for kinds of help."""
    zh = packs.national.measures
    rows = [
        (f"{kind} {said.zh} {said.en} `{name}`", overlay.zh, "、".join(zh[one].zh for one in said.measures), said.reference, said.grade)
        for overlay in packs.overlays.values()
        for kind, groups in (("窗口 window", overlay.windows), ("批次 batch", overlay.batches))
        for name, said in groups.items()
    ]
    yield from _table(("名称 name", "地区 region", "措施 help", "依据 reference", "等级 grade"), rows)


def _rewards(packs: Packs) -> Iterator[str]:
    yield from _titled(
        "## 奖补 Rewards",
        "按日期分步的一次性奖补，不计入稳定收入。",
        "One-off money by the day on which something is done; it never counts as a stable income.",
    )
    said = [(overlay.zh, name, one) for overlay in packs.overlays.values() for name, one in overlay.rewards.items()]
    rows = (
        (
            f"{one.zh} {one.en} `{name}`", region, one.unit,
            comparison.steps(one), one.reference, one.grade,
        )
        for region, name, one in said
    )  # fmt: skip
    yield from _table(("奖补 reward", "地区 region", "单位 unit", "分步与最高 steps and cap", "依据 reference", "等级 grade"), rows)


def _counties(policy: Policy) -> Iterator[str]:
    yield from _titled(
        "## 各县并列 Counties side by side",
        "“全国”一列适用于没有自己文件的县；自有内容之外，一律沿用上级。数值为该地自起始日起适用的值，不论由谁规定，至下一日期为止；“不可评”自该日起无适用之值；报销写目录内/目录外比例。",
        "The nation's column is that of a county without a file; what is not a county's own is inherited. Values are those that hold in",
        "the region from the day on until the next, whoever states them; “none”: from that day on none is in force. Reimbursement shows",
        "the rates inside and outside the insurer's list.",
    )
    titles = {kind: re.split(r"[:,;]", title)[0] for kind, title in KINDS.items()}
    yield from _table(comparison.heads(policy), comparison.rows(policy, titles))


def _villages(packs: Packs) -> Iterator[str]:
    yield from _titled("## 村级分级 Tiers of villages")
    told = [(overlay.zh, overlay.villages) for overlay in packs.overlays.values() if overlay.villages is not None]
    rows = [
        row
        for where, said in told
        for row in (
            (f"{said.zh} {said.en} `{said.incidence}`", where, "", said.reference, said.grade),
            *((f"{tier.zh} {tier.en} `{tier.id}`", where, bounds(tier.share), tier.reference, tier.grade) for tier in said.tiers),
        )
    ]
    yield from _table(("分级 tier", "地区 region", "比例 share", "依据 reference", "等级 grade"), rows)


def _verification(packs: Packs) -> Iterator[str]:
    yield from _titled(
        "## 逐项核实 What is verified",
        "某县要求逐项核实的内容及其所在的列；没有列的，登记资料未载。",
        "What a county verifies of every household, and in which columns it stands; without a column no table holds it.",
    )
    told = [(overlay.zh, overlay.verification) for overlay in packs.overlays.values() if overlay.verification is not None]
    rows = (
        (
            f"{one.zh} {one.en} `{name}`",
            f"{where} {said.zh}",
            ", ".join(f"`{column}`" for column in one.columns),
            said.reference,
            said.grade,
        )
        for where, said in told
        for name, one in said.sections.items()
    )
    yield from _table(("内容 section", "地区 region", "列 columns", "依据 reference", "等级 grade"), rows)


def _schemes(packs: Packs) -> Iterator[str]:
    yield from _titled(
        "## 报销方案 Reimbursement schemes",
        "各层依次报销上一层的余额；县未写自己的方案时，适用全国一栏的校准示例。",
        "Each layer pays of what the one before left over; a county without a scheme of its own has the nation's, which is fitted.",
    )
    said = [(overlay.zh, scheme) for overlay in packs.overlays.values() for scheme in overlay.schemes]
    rows = (
        (
            region, f"{scheme.start} … {scheme.until or ''}", f"{layer.zh} {layer.en}", f"`{group}`",
            f"{terms.deductible:g} " + ("每年一次 once a year" if layer.yearly_deductible else "每次 of every bill"),
            f"{terms.rate:.0%}", f"{terms.outside_rate:.0%}", f"{terms.cap:g}",
        )
        for region, scheme in said for layer in scheme.layers for group, terms in layer.terms.items()
    )  # fmt: skip
    head = (
        "地区 region",
        "期间 in force",
        "环节 layer",
        "参保类别 group",
        "起付线 deductible",
        "目录内 in list",
        "目录外 outside",
        "年封顶 cap",
    )
    yield from _table(head, rows)
    outpatient = (
        (region, f"{scheme.start}", _rates(scheme), scheme.reference, scheme.grade)
        for region, scheme in said
    )  # fmt: skip
    yield from _table(("地区 region", "起始 from", "门诊报销 outpatient", "依据 reference", "等级 grade"), outpatient)


def _rates(scheme: Scheme) -> str:
    return "，".join(f"{group} {rate:.0%}" for group, rate in scheme.outpatient_rate.items())


def _undefined(packs: Packs) -> Iterator[str]:
    yield from _titled(
        "## 未定义 Named and not defined",
        "县报告提及而未说明的制度；在县里写明之前一律为空，软件不代为编造。",
        "Named in the counties' reports; empty until a county writes what they mean.",
    )
    named = dict(packs.national.undefined) | {name: said for overlay in packs.overlays.values() for name, said in overlay.undefined.items()}
    rows = ((f"{said.zh} `{name}`", said.en, said.reference, "；".join(said.content)) for name, said in named.items())
    yield from _table(("名称 name", "English", "出处 reference", "内容 content"), rows)


def sources() -> dict[str, str]:
    """What the marks in references stand for."""
    found: dict[str, str] = yaml.safe_load((HERE / "sources.yaml").read_text(encoding="utf-8"))
    return found


def _sources() -> Iterator[str]:
    yield from _titled("## 依据中的记号 Marks in references")
    yield from _table(("记号 mark", "来源 source"), sources().items())


def _titled(title: str, *sentences: str) -> Iterator[str]:
    """A heading, and what is to be known before what stands under it."""
    yield title
    yield ""
    if sentences:
        yield from sentences
        yield ""


def _table(head: tuple[str, ...], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
    yield ""
