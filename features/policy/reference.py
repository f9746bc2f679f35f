"""What is in force in a region on a date, in words and with where it is written: for people, dashboards and the page in docs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any as Anything

from features.policy import names
from features.policy.amount import Graded, TopUp
from features.policy.condition import All, Condition, Not, Test, Threshold
from features.policy.declared import Cell, Fact, Range
from features.policy.language import RECEIVED, RULES, Answer, Check, Entitlement, Group, Pack, Rule, Undefined
from features.policy.packs import InForce, Packs, packs_of
from features.policy.registry import Policy
from features.policy.rules import LINES, Bounds
from features.tables import TABLES

SIGNS = {"at_least": "≥", "more_than": ">", "at_most": "≤", "less_than": "<"}
LANGUAGES = ("zh", "en")
OWN = ("department", "risk", "period", "profile", "system", "measures", "aliases")
"""What only rules of some kinds say; null for the others."""
JOINED = {"zh": (" 且 ", " 或 ", "非"), "en": (" and ", " or ", "not ")}
NOT_DEFINED = "本县未作定义 not defined by this county"


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
        "names": regions(said),
        "profiles": sorted(said.profiles),
        "parameters": (values := parameters(policy, date, region)),
        "checks": [check(one, values) for one in said.pack.checks],
        "rules": {kind: [rule(one, said.pack.facts, policy) for one in said.rules(kind, date)] for kind in RULES},
        "measures": measures(said),
        "answers": {risk: answer(one) for risk, one in said.pack.answers.items()},
        "able": answer(said.pack.able),
        "unable": answer(said.pack.unable),
        "rewards": [{"name": name, **one.model_dump(mode="json", by_alias=True)} for name, one in said.pack.rewards.items()],
        "villages": villages(said),
        "verification": verification(said),
        "scheme": scheme(said, date),
        "undefined": undefined(said.pack.undefined),
    }


def regions(said: InForce) -> list[dict[str, str]]:
    """Whose files count, the widest region first."""
    return [{"region": code, "zh": zh, "en": en} for code, (zh, en) in said.names.items()]


def answer(said: Answer | None) -> dict[str, Anything] | None:
    """Kinds of help of which one at least is due, and where that is written."""
    return None if said is None else said.model_dump()


def undefined(said: Mapping[str, Undefined]) -> list[dict[str, Anything]]:
    """What is named and not defined: `said` is what there is to say of it, until a county writes what it means."""
    return [{"name": name} | one.model_dump() | {"said": None if one.content else NOT_DEFINED} for name, one in said.items()]


def difference(policy: Policy, before: dt.date, after: dt.date, region: str) -> dict[str, Anything]:
    """What is not the same in a region on two dates: values that changed, rules that began and rules that ended."""
    old, new = (in_force(policy, date, region) for date in (before, after))
    values = [(was, now) for was, now in zip(old["parameters"], new["parameters"], strict=True) if was != now]
    rules = {kind: _apart(old["rules"][kind], new["rules"][kind]) for kind in RULES}
    schemes = old["scheme"], new["scheme"]
    return {
        "from": old["date"],
        "to": new["date"],
        "region": new["region"],
        "parameters": [{"name": now["name"], "zh": now["zh"], "before": was, "after": now} for was, now in values],
        "scheme": None if schemes[0] == schemes[1] else {"before": schemes[0], "after": schemes[1]},
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
        stated: dict[str, str | None] = dict.fromkeys(("stated_by", "stated_zh", "stated_en", "from", "reference", "grade"))
        if found is not None:
            scope, dated = found
            zh, en = names.region(scope, policy)
            stated = {"stated_by": scope, "stated_zh": zh, "stated_en": en, "from": dated.start.isoformat()}
            stated |= {"reference": dated.reference, "grade": dated.grade}
        if value is not None and (found is None or found[1].value is None):
            stated |= {"reference": Bounds(policy, region, date).source(name), "grade": "derived"}
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
        "department_en": names.department(department) if (department := getattr(said, "department", None)) else None,
        **(benefit(said, facts, policy) if isinstance(said, Entitlement) else dict.fromkeys(BENEFIT)),
        "from": said.start and said.start.isoformat(),
        "until": said.until and said.until.isoformat(),
        "reference": said.reference,
        "grade": said.grade,
    }


BENEFIT = tuple(f"{what}_{language}" for what in ("whom", "received", "amount") for language in LANGUAGES)
DERIVED = {"age": ("年龄", "age"), "certified": ("持证残疾", "certified disability")}
EVERYBODY = {"zh": "全部成员", "en": "all members"}
COMMA = {"zh": "，", "en": ", "}


def benefit(said: Entitlement, facts: Mapping[str, Fact], policy: Policy) -> dict[str, str]:
    """Of an entitlement in words: which members, by what it is told whether they receive it, and what it comes to."""
    told: dict[str, str] = {}
    for language in LANGUAGES:
        whom = [f"{_column(name, language)} {_cell(name, cell, language)}" for name, cell in said.whom.items()]
        called = [_short(policy, name, language) for name in said.parameters]
        if isinstance(said.amount, Graded):
            column = TABLES["members"].column(said.amount.by)
            grades = (zh if language == "zh" else f"{names.column(column.name)} {code}" for code, zh in column.values)
            called = [f"{grade}: {name}" for grade, name in zip(grades, called, strict=True)]
        less = getattr(facts[said.amount.less], language) if isinstance(said.amount, TopUp) else ""
        told |= {
            f"whom_{language}": COMMA[language].join(whom) or EVERYBODY[language],
            f"received_{language}": RECEIVED[said.received] if language == "zh" else names.column(said.received),
            f"amount_{language}": f"{called[0]} − {less}" if less else " … ".join(called),
        }
    return told


def _column(name: str, language: str) -> str:
    zh, en = DERIVED.get(name) or (TABLES["members"].column(name).zh, names.column(name))
    return zh if language == "zh" else en


def _cell(name: str, cell: Cell, language: str) -> str:
    if isinstance(cell, Range):
        bounds = ((word, getattr(cell, word)) for word in SIGNS)
        return " ".join(f"{SIGNS[word]} {bound:.10g}" for word, bound in bounds if bound is not None)
    if isinstance(cell, bool) or name == "certified":
        return _yes(bool(cell), language)
    if isinstance(cell, (str, list)):
        zh = dict(TABLES["members"].column(name).values)
        codes = [str(one) for one in (cell if isinstance(cell, list) else [cell])]
        return "、".join(zh.get(code, code) for code in codes) if language == "zh" else ", ".join(map(names.column, codes))
    return f"{cell:.10g}"


def _yes(answer: bool, language: str) -> str:
    return {"zh": "是" if answer else "否", "en": "yes" if answer else "no"}[language]


def measures(said: InForce) -> list[dict[str, Anything]]:
    """Every kind of help with where it is written, the other names it goes by in the county, and the window that gives it."""
    return [help_(said, name) for name in said.pack.measures]


def help_(said: InForce, name: str) -> dict[str, Anything]:
    """A kind of help; `window` is null where the county names none."""
    window, batches = said.windows.get(name), said.batches.get(name, ())
    named = {"batches": [_group(batch) for batch in batches], "window": None if window is None else _group(window)}
    return {"name": name} | said.pack.measures[name].model_dump() | named


def _group(said: Group) -> dict[str, str]:
    return said.model_dump(exclude={"measures"})


def villages(said: InForce) -> dict[str, Anything] | None:
    """The tiers of villages with their bounds; None where the region has none."""
    if said.villages is None:
        return None
    tiers = [tier.model_dump(exclude={"share"}) | {"share": bounds(tier.share)} for tier in said.villages.tiers]
    return said.villages.model_dump(exclude={"tiers"}) | {"tiers": tiers}


def verification(said: InForce) -> dict[str, Anything] | None:
    """What the region verifies of every household, and in which columns each section stands; None where it does not say."""
    if said.verification is None:
        return None
    sections = [
        {"section": name, "zh": one.zh, "en": one.en, "columns": list(one.columns)} for name, one in said.verification.sections.items()
    ]
    return said.verification.model_dump(exclude={"sections"}) | {"sections": sections}


def scheme(said: InForce, date: dt.date) -> dict[str, Anything] | None:
    """How insurances pay a hospital bill on the date, and which region says so; None where nobody does."""
    begun = [one for one in said.schemes if one.start <= date]
    if not begun or not begun[-1].in_force(date):
        return None
    return {"stated_by": said.schemes_of, **begun[-1].model_dump(mode="json", by_alias=True)}


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
        return f"{fact}: {_yes(test.is_, language)}"
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
    for part in ("windows", "batches"):
        if getattr(said, part):
            out.append((part, list(getattr(said, part)), []))
    if said.villages is not None:
        out.append(("villages", [tier.id for tier in said.villages.tiers], []))
    if said.verification is not None:
        out.append(("verification", list(said.verification.sections), []))
    if said.schemes:
        out.append(("schemes", [f"{one.start}" for one in said.schemes], []))
    return out


def losses(packs: Packs, shipped: Packs, region: str) -> dict[str, list[str]]:
    """What a region's shipped file says and the one in its place does not, part by part: it falls away, and what is wider counts again."""
    if region not in shipped.overlays:
        return {}
    kept = {part: {*new, *instead} for part, new, instead in additions(packs, region)}
    said = {part: [*new, *instead] for part, new, instead in additions(shipped, region)}
    lost = {part: [name for name in names if name not in kept.get(part, ())] for part, names in said.items()}
    return {part: names for part, names in lost.items() if names}


def _names(part: Mapping[str, Anything] | list[Rule | Check] | Answer | None) -> list[str]:
    if isinstance(part, Answer):
        return list(part.any)
    return [one if isinstance(one, str) else one.id for one in part or ()]
