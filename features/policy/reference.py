"""What is in force in a region on a date, in words and with where it is written: for people, dashboards and the page in docs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any as Anything

from features.policy.condition import All, Condition, Not, Test, Threshold
from features.policy.declared import Cell, Fact, Range
from features.policy.language import RECEIVED, RULES, Check, Entitlement, Pack, Rule, TopUp
from features.policy.packs import InForce, Packs, packs_of
from features.policy.registry import Policy
from features.policy.rules import LINES
from features.tables import TABLES

SIGNS = {"at_least": "≥", "more_than": ">", "at_most": "≤", "less_than": "<"}
LANGUAGES = ("zh", "en")
OWN = ("department", "risk", "period", "profile", "system", "measures", "aliases")
"""What only rules of some kinds say; null for the others."""
JOINED = {"zh": (" 且 ", " 或 ", "非"), "en": (" and ", " or ", "not ")}
TWO_THIRDS = "监测线的三分之二 two thirds of the monitoring line"


def in_force(policy: Policy, date: dt.date, region: str) -> dict[str, Anything]:
    """Everything that policy says in a region on a date: values with their source, rules in words, what is undefined.

    Args:
        policy: parameters and rules.
        date: the day.
        region: area code of 6 digits or more.

    Returns:
        plain values; a value that is null is not evaluable.
    """
    said = packs_of(policy).at(region)
    return {
        "date": date.isoformat(),
        "region": said.region,
        "names": list(said.names),
        "profiles": sorted(said.profiles),
        "parameters": (values := parameters(policy, date, region)),
        "checks": [check(one, values) for one in said.pack.checks],
        "rules": {kind: [rule(one, said.pack.facts, policy) for one in said.rules(kind, date)] for kind in RULES},
        "measures": measures(said),
        "answers": dict(said.pack.answers),
        "rewards": [{"name": name, **one.model_dump(mode="json", by_alias=True)} for name, one in said.pack.rewards.items()],
        "villages": villages(said),
        "undefined": [{"name": name} | what.model_dump() for name, what in said.pack.undefined.items()],
    }


def difference(policy: Policy, before: dt.date, after: dt.date, region: str) -> dict[str, Anything]:
    """What is not the same in a region on two dates: values that changed, rules that began and rules that ended."""
    old, new = (in_force(policy, date, region) for date in (before, after))
    values = [(was, now) for was, now in zip(old["parameters"], new["parameters"], strict=True) if was != now]
    rules = {kind: _apart(old["rules"][kind], new["rules"][kind]) for kind in RULES}
    return {
        "from": old["date"],
        "to": new["date"],
        "region": new["region"],
        "parameters": [{"name": now["name"], "zh": now["zh"], "before": was, "after": now} for was, now in values],
        "began": {kind: began for kind, (began, _) in rules.items()},
        "ended": {kind: ended for kind, (_, ended) in rules.items()},
    }


def _apart(old: list[dict[str, Anything]], new: list[dict[str, Anything]]) -> tuple[list[Anything], list[Anything]]:
    return [one for one in new if one not in old], [one for one in old if one not in new]


def parameters(policy: Policy, date: dt.date, region: str) -> list[dict[str, Anything]]:
    """Every parameter with its value in force, the region that states it, since when, and its reference; null where there is none."""
    out = []
    for name, parameter in sorted(policy.parameters.items()):
        found = policy.find(name, date, region)
        value = policy.lines(date, region)[LINES.index(name)] if name in LINES else policy.value(name, date, region)
        stated: dict[str, str | None] = {"stated_by": None, "from": None, "reference": None, "grade": None}
        if found is not None:
            scope, dated = found
            stated = {"stated_by": scope, "from": dated.start.isoformat(), "reference": dated.reference, "grade": dated.grade}
        if value is not None and (found is None or found[1].value is None):
            stated |= {"reference": TWO_THIRDS, "grade": "derived"}
        out.append({"name": name, "zh": parameter.zh, "en": parameter.en, "unit": parameter.unit, "value": value, **stated})
    return out


def check(said: Check, values: list[dict[str, Anything]]) -> dict[str, Anything]:
    """Whether one value is at least another on the date; None where either is not in force."""
    value, bound = (next(one["value"] for one in values if one["name"] == name) for name in (said.parameter, said.at_least))
    return said.model_dump() | {"value": value, "bound": bound, "holds": None if value is None or bound is None else value >= bound}


def rule(said: Rule, facts: Mapping[str, Fact], policy: Policy) -> dict[str, Anything]:
    """A rule in words, with its reference and the days between which it holds."""
    return {
        "rule": said.id,
        "zh": said.zh,
        "en": said.en,
        "population": said.population,
        "when_zh": words(said.when, facts, policy, "zh"),
        "when_en": words(said.when, facts, policy, "en"),
        **{name: getattr(said, name, None) for name in OWN},
        **(benefit(said, facts, policy) if isinstance(said, Entitlement) else dict.fromkeys(BENEFIT)),
        "from": said.start and said.start.isoformat(),
        "until": said.until and said.until.isoformat(),
        "reference": said.reference,
        "grade": said.grade,
    }


BENEFIT = ("whom", "received", "amount")
DERIVED_ZH = {"age": "年龄", "certified": "持证残疾"}


def benefit(said: Entitlement, facts: Mapping[str, Fact], policy: Policy) -> dict[str, str]:
    """Of an entitlement in words: which members, by what it is told whether they receive it, and what it comes to."""
    members = {column.name: column for column in TABLES["members"].columns}
    whom = [f"{DERIVED_ZH.get(name) or members[name].zh} {_cell(name, cell)}" for name, cell in said.whom.items()]
    names = [policy.parameters[name].zh for name in said.parameters]
    amount = f"{names[0]} − {facts[said.amount.less].zh}" if isinstance(said.amount, TopUp) else " … ".join(names)
    return {"whom": "，".join(whom) or "全部成员", "received": RECEIVED[said.received], "amount": amount}


def _cell(name: str, cell: Cell) -> str:
    if isinstance(cell, Range):
        bounds = ((word, getattr(cell, word)) for word in SIGNS)
        return " ".join(f"{SIGNS[word]} {bound:.10g}" for word, bound in bounds if bound is not None)
    if isinstance(cell, bool) or name == "certified":
        return "是" if cell else "否"
    if isinstance(cell, (str, list)):
        zh = dict(TABLES["members"].column(name).values)
        return "、".join(zh.get(str(one), str(one)) for one in (cell if isinstance(cell, list) else [cell]))
    return f"{cell:.10g}"


def measures(said: InForce) -> list[dict[str, Anything]]:
    """The kinds of help, whether they let people earn, the other names they go by, and the window of the county that gives them."""
    return [{"name": name} | help_.model_dump() | {"window": said.windows.get(name)} for name, help_ in said.pack.measures.items()]


def villages(said: InForce) -> dict[str, Anything] | None:
    """The tiers of villages with their bounds; None where the region has none."""
    if said.villages is None:
        return None
    tiers = [tier.model_dump(exclude={"share"}) | {"share": bounds(tier.share)} for tier in said.villages.tiers]
    return said.villages.model_dump(exclude={"tiers"}) | {"tiers": tiers}


def bounds(share: Range) -> str:
    """The bounds of a share, in per cent."""
    return ", ".join(f"{sign} {bound * 100:.10g} %" for word, sign in SIGNS.items() if (bound := getattr(share, word)) is not None)


def words(condition: Condition, facts: Mapping[str, Fact], policy: Policy, language: str) -> str:
    """A condition as a sentence in Chinese or English."""
    both, either, negated = JOINED[language]
    if isinstance(condition, Test):
        return _test(condition, facts, policy, language)
    if isinstance(condition, Not):
        return f"{negated}({words(condition.not_, facts, policy, language)})"
    joint, parts = (both, condition.all) if isinstance(condition, All) else (either, condition.any)
    return joint.join(_part(part, facts, policy, language) for part in parts)


def _part(condition: Condition, facts: Mapping[str, Fact], policy: Policy, language: str) -> str:
    said = words(condition, facts, policy, language)
    return said if isinstance(condition, (Test, Not)) else f"({said})"


def _test(test: Test, facts: Mapping[str, Fact], policy: Policy, language: str) -> str:
    fact = getattr(facts[test.fact], language)
    if test.is_ is not None:
        return f"{fact}: " + {"zh": "是" if test.is_ else "否", "en": "yes" if test.is_ else "no"}[language]
    word, threshold = test.comparison
    return f"{fact} {SIGNS[word]} {_threshold(threshold, policy, language)}"


def _threshold(threshold: Threshold, policy: Policy, language: str) -> str:
    if isinstance(threshold, float):
        return f"{threshold:.10g}"
    if isinstance(threshold, str):
        return _short(policy, threshold, language)
    share = "" if threshold.times == 1 else f" × {threshold.times:.10g}"
    year = {"zh": "（上年）", "en": " (the year before)"}[language] if threshold.year_before else ""
    return _short(policy, threshold.of, language) + year + share


def _short(policy: Policy, name: str, language: str) -> str:
    """A parameter's name: in Chinese as it is called, in English its first words."""
    parameter = policy.parameters[name]
    return parameter.zh if language == "zh" else parameter.en.split(",")[0].split(".")[0]


def additions(packs: Packs, region: str) -> list[tuple[str, list[str], list[str]]]:
    """What a region's own file says, part by part: the names that are new, and those that take the place of a wider region's."""
    said, wider = packs.overlays[region], packs.above(region)
    out = []
    for part in Pack.model_fields:
        own, known = _names(getattr(said, part)), set(_names(getattr(wider, part)))
        if own:
            out.append((part, [name for name in own if name not in known], [name for name in own if name in known]))
    for name, values in said.parameters.items():
        out.append((name, [f"{dated.start}: {'null' if dated.value is None else f'{dated.value:.10g}'}" for dated in values], []))
    if said.profiles is not None:
        out.append(("profiles", said.profiles, []))
    if said.windows:
        out.append(("windows", list(said.windows), []))
    if said.villages is not None:
        out.append(("villages", [tier.id for tier in said.villages.tiers], []))
    return out


def _names(part: Mapping[str, Anything] | list[Rule | Check | str]) -> list[str]:
    return [one if isinstance(one, str) else one.id for one in part]
