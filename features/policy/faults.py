"""What a policy file says that fits nothing else: names that there are not, units that differ, amounts that cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any as Anything

import yaml
from pydantic import BaseModel

from features.policy import source
from features.policy.condition import Against, All, Condition, Test, tests
from features.policy.declared import Fact
from features.policy.formulas import FORMULAS
from features.policy.language import A_YEAR, RULES, Dated, Entitlement, Overlay, Pack, Rule, TopUp
from features.policy.rules import clause_count

MOST_CLAUSES = 64
KNOWN_FACTS = ("exited", "monitored")  # what populations are told by
_MARK = re.compile(r"\[([PR][0-9]+)")
SOURCES = Path(__file__).parent / "sources.yaml"


@dataclass(frozen=True, slots=True)
class Whole:
    """What a file is held against.

    Attributes:
        pack: all rules of its region, its own among them; `above`: what it inherits.
        units: of every parameter, by name.
    """

    pack: Pack
    above: Pack
    units: Mapping[str, str]


def faults_of(path: Path, pack: Pack, whole: Whole) -> Iterator[str]:
    """Every fault of a file that can be read, as "file:line: what is wrong"."""
    for where, what in (*_of_rules(pack, whole), *_of_facts(pack, whole), *_of_help(pack, whole), *_of_marks(pack)):
        yield f"{path.name}:{source.line(path, where)}: {'.'.join(map(str, where))}: {what}"
    if isinstance(pack, Overlay):
        for where, what in _of_overlay(pack, whole):
            yield f"{path.name}:{source.line(path, where)}: {'.'.join(map(str, where))}: {what}"


Place = tuple[str | int, ...]
Found = Iterator[tuple[Place, str]]


def _of_rules(pack: Pack, whole: Whole) -> Found:
    for part in RULES:
        seen: set[str] = set()
        for at, rule in enumerate(getattr(pack, part)):
            if rule.id in seen:
                yield (part, at, "id"), f"{rule.id} stands here twice 重复"
            seen.add(rule.id)
            for what in _unfit(rule, whole.pack.facts, whole.units):
                yield (part, at, "when"), f"{rule.id}: {what}"
            if isinstance(rule, Entitlement):
                for what in _unfit_amount(rule, whole.pack.facts, whole.units):
                    yield (part, at, "amount"), f"{rule.id}: {what}"
                for what in _unfit_place(rule, whole.pack.entitlements):
                    yield (part, at, "instead_of"), f"{rule.id}: {what}"
            earning = [
                name for name in getattr(rule, "measures", ()) if name in whole.pack.measures and whole.pack.measures[name].developmental
            ]
            if earning and _without_labour(rule.when):
                yield (part, at, "measures"), f"{rule.id}: nobody there can work, so not {', '.join(earning)} 无劳动能力户不安排开发式帮扶"
    for at, check in enumerate(pack.checks):
        for name in (check.parameter, check.at_least):
            if name not in whole.units:
                yield ("checks", at), _no_parameter(name, whole.units)
        if len({whole.units.get(name) for name in (check.parameter, check.at_least)}) > 1:
            yield ("checks", at), f"{check.parameter} and {check.at_least} differ in their unit 单位不符"


def _unfit_place(rule: Entitlement, among: Iterable[Entitlement]) -> Iterator[str]:
    """A benefit stands in the place of benefits that there are, each of which has one place."""
    there = {other.id: other for other in among if other.id != rule.id}
    taken = {name for other in there.values() for name in other.instead_of}
    for name in rule.instead_of:
        if name not in there:
            yield f"no benefit {name} 没有此待遇; there are {', '.join(sorted(there))}"
        elif name in taken or rule.id in taken or there[name].instead_of:
            yield f"another benefit stands in the place of {name}, or of this one 替代关系重复"


def _of_facts(pack: Pack, whole: Whole) -> Found:
    for name, fact in pack.facts.items():
        if fact.formula is not None and fact.formula not in FORMULAS:
            yield ("facts", name, "formula"), f"no formula {fact.formula} 没有此公式; there are {', '.join(sorted(FORMULAS))}"
        wider = whole.above.facts.get(name)
        if isinstance(pack, Overlay) and wider is not None and wider.unit != fact.unit:
            what = f"inherited rules hold {name} against {wider.unit}, not {fact.unit} 单位与上级规则不符; give it another name 请另取名称"
            yield ("facts", name, "unit"), what


def _of_help(pack: Pack, whole: Whole) -> Found:
    """A household that can work is offered what lets it earn, and one that cannot is not."""
    known = whole.pack.measures
    for part, wanted in (("able", True), ("unable", False)):
        answer = getattr(pack, part)
        said = [name for name in (answer.any if answer else ()) if name in known]
        if said and not all(known[name].developmental == wanted for name in said):
            yield (part,), f"{', '.join(said)}: only what {'lets people earn 须为开发式' if wanted else 'secures 须为保障性'}"


def _of_marks(pack: Pack) -> Found:
    """Marks in references point to sources that are listed."""
    for where, reference in _references((), pack):
        if (what := unlisted(reference)) is not None:
            yield where, what


def unlisted(reference: str) -> str | None:
    """Which mark of a reference is listed nowhere; None where all are."""
    marks = [mark for mark in _MARK.findall(reference) if mark not in _sources()]
    return f"no source goes by {', '.join(marks)} 没有此来源记号; write out where it stands 请写明出处全称" if marks else None


@lru_cache(maxsize=1)
def _sources() -> frozenset[str]:
    return frozenset(yaml.safe_load(SOURCES.read_text(encoding="utf-8")))


def _references(where: Place, said: Anything) -> Iterator[tuple[Place, str]]:
    entries: Iterable[tuple[str | int, Anything]] = ()
    if isinstance(said, BaseModel):
        entries = ((field.alias or name, getattr(said, name)) for name, field in type(said).model_fields.items())
    elif isinstance(said, (dict, list)):
        entries = said.items() if isinstance(said, dict) else enumerate(said)
    for key, below in entries:
        if key == "reference":
            yield (*where, key), below
        else:
            yield from _references((*where, key), below)


def _of_overlay(pack: Overlay, whole: Whole) -> Found:
    profiles = {rule.profile for rule in whole.pack.triggers} | {rule.profile for rule in whole.pack.exclusions if rule.profile is not None}
    for at, profile in enumerate(pack.profiles or ()):
        if profile not in profiles:
            yield ("profiles", at), f"no set of rules {profile} 没有此规则组; there are {', '.join(sorted(profiles))}"
    for name in sorted(set(pack.grounds) - set(pack.profiles or ())):
        yield ("grounds", name), f"{name} is no set that profiles chooses 未在 profiles 中选用"
    if pack.villages is not None and pack.villages.incidence not in whole.pack.facts:
        what = f"no fact {pack.villages.incidence} 没有此事实; there are {', '.join(sorted(whole.pack.facts))}"
        yield ("villages", "incidence"), what
    served: dict[str, str] = {}
    for window, group in pack.windows.items():
        for measure in group.measures:
            if served.setdefault(measure, window) != window:
                yield ("windows", window), f"{measure} is served at {served[measure]} already 每项帮扶只归一个窗口"
    if not _ascending(scheme.start for scheme in pack.schemes):
        yield ("schemes",), "start dates must ascend without repeats 起始日期须递增且不重复"
    for name, values in pack.parameters.items():
        if name not in whole.units:
            yield ("parameters", name), _no_parameter(name, whole.units)
            continue
        if not _ascending(value.start for value in values):
            yield ("parameters", name), "start dates must ascend without repeats 起始日期须递增且不重复"
        for at, value in enumerate(values):
            if (wrong := beyond(value, whole.units[name])) is not None:
                yield ("parameters", name, at, "value"), wrong


def _ascending(days: Iterable[Anything]) -> bool:
    listed = list(days)
    return listed == sorted(set(listed))


def beyond(said: Dated, unit: str) -> str | None:
    """Why a value cannot be one of its unit; None where it can."""
    if said.value is None:
        return None
    if said.value < 0:
        return f"{said.value:g} {unit}: nothing is less than nothing 不得为负"
    if unit == "share" and said.value > 1:
        return f"{said.value:g}: a share lies between 0 and 1, 0.5 being half 比例须在 0–1"
    return None


def _without_labour(condition: Condition) -> bool:
    """Whether a condition lets through only households of which nobody can work."""
    if isinstance(condition, Test):
        word, bound = condition.comparison
        none = isinstance(bound, float) and (bound <= 1 if word == "less_than" else bound < 1 if word == "at_most" else False)
        return condition.fact == "labour_members" and none
    return isinstance(condition, All) and any(_without_labour(part) for part in condition.all)


def _unfit(rule: Rule, facts: Mapping[str, Fact], units: Mapping[str, str]) -> Iterator[str]:
    if clause_count(rule.when) > MOST_CLAUSES:
        yield f"alternatives of too many parts, write several rules 条件过于复杂，请拆成几条 ({clause_count(rule.when)} > {MOST_CLAUSES})"
    for test in tests(rule.when):
        fact, threshold = facts.get(test.fact), test.comparison[1]
        if fact is None:
            yield _no_fact(test.fact, facts)
        elif test.is_ is not None and fact.unit != "flag":
            yield f"{test.fact} is in {fact.unit}; is: true or false stands for a yes-no fact, and only for one 是否只用于是非事实"
        if isinstance(threshold, float):
            continue
        parameter = threshold.of if isinstance(threshold, Against) else threshold
        if parameter not in units:
            yield _no_parameter(parameter, units)
        elif fact is not None and fact.unit != units[parameter]:
            yield f"{test.fact} is in {fact.unit}, {parameter} in {units[parameter]} 单位不符"
    if rule.population != "all":
        for name in KNOWN_FACTS:
            if name not in facts:
                yield f"populations need the fact {name} 缺少事实"


def _unfit_amount(rule: Entitlement, facts: Mapping[str, Fact], units: Mapping[str, str]) -> Iterator[str]:
    for name in rule.parameters:
        if name not in units:
            yield _no_parameter(name, units)
        elif units[name] not in A_YEAR:
            yield f"{name} is in {units[name]}, which is no amount by the month or year 不是月或年金额; there are {', '.join(A_YEAR)}"
    if isinstance(rule.amount, TopUp):
        less = rule.amount.less
        if less not in facts:
            yield _no_fact(less, facts)
        elif facts[less].unit != "yuan/person/year":
            yield f"{less} is in {facts[less].unit}, not in yuan/person/year 单位不符"


def _no_fact(name: str, facts: Mapping[str, Fact]) -> str:
    return f"no fact {name} 没有此事实; there are {', '.join(sorted(facts))}"


def _no_parameter(name: str, units: Mapping[str, str]) -> str:
    return f"no parameter {name} 没有此参数; there are {', '.join(sorted(units))}"
