"""What a policy file says that fits nothing else: names that there are not, units that differ, amounts that cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any as Anything

import yaml
from pydantic import BaseModel

from features.policy.amount import TopUp
from features.policy.condition import Against, Condition, Test, tests
from features.policy.declared import Fact, Range
from features.policy.formulas import formulas, not_held
from features.policy.language import A_YEAR, RULES, Check, Dated, Entitlement, Overlay, Pack, Rule, VillageTier
from features.policy.rules import clause_count, clauses
from features.policy.scheme import Scheme
from features.policy.source import Read

MOST_CLAUSES = 64
KNOWN_FORMULAS = sorted(formulas({}))
KNOWN_FACTS = ("exited", "monitored")  # what populations are told by
_MARK = re.compile(r"\[([PR][0-9]+)")
OUT_OF_ORDER = "start dates must ascend without repeats 起始日期须递增且不重复"
SOURCES = Path(__file__).parent / "sources.yaml"


@dataclass(frozen=True, slots=True)
class Whole:
    """What a file is held against.

    Attributes:
        pack: all rules of its region, its own among them; `above`: what it inherits.
        units: of every parameter, by name.
        left_out: names of what is at fault itself; that they are missing, or fit nothing, is no fault of its own.
    """

    pack: Pack
    above: Pack
    units: Mapping[str, str]
    left_out: Set[str]

    def misses(self, name: str, known: Iterable[str]) -> bool:
        """Whether there is nothing of a name, not even at fault."""
        return name not in known and name not in self.left_out

    def unit(self, fact: str) -> str | None:
        """The unit of a fact; None where there is no such fact, or it is at fault."""
        found = self.pack.facts.get(fact)
        return None if found is None or {fact, found.unit} & self.left_out else found.unit

    def differ(self, name: str, other: str, units: Iterable[str | None]) -> bool:
        """Whether units differ of two things that are both read as they stand."""
        return len({*units}) > 1 and not {name, other, *units} & self.left_out


def faults_of(file: Read[Anything], pack: Pack, whole: Whole) -> Iterator[str]:
    """Every fault of what could be read of a file, as "file:line: what is wrong"."""
    for where, what in (*_of_rules(pack, whole), *_of_facts(pack, whole), *_of_help(pack, whole), *_of_marks(pack)):
        yield file.fault(where, what)
    if isinstance(pack, Overlay):
        for where, what in _of_overlay(pack, whole):
            yield file.fault(where, what)


Place = tuple[str | int, ...]
Found = Iterator[tuple[Place, str]]


def _of_rules(pack: Pack, whole: Whole) -> Found:
    for part in RULES:
        rules = getattr(pack, part)
        for at in _repeated(rules, whole.left_out):
            yield (part, at, "id"), f"{rules[at].id} stands here twice 重复"
        for at, rule in enumerate(rules):
            for what in _unfit(rule, whole):
                yield (part, at, "when"), f"{rule.id}: {what}"
            if isinstance(rule, Entitlement):
                for what in _unfit_amount(rule, whole):
                    yield (part, at, "amount"), f"{rule.id}: {what}"
                for what in _unfit_place(rule, whole):
                    yield (part, at, "instead_of"), f"{rule.id}: {what}"
            earning = [
                name for name in getattr(rule, "measures", ()) if name in whole.pack.measures and whole.pack.measures[name].developmental
            ]
            if earning and _without_labour(rule.when):
                yield (part, at, "measures"), f"{rule.id}: nobody there can work, so not {', '.join(earning)} 无劳动能力户不安排开发式帮扶"
    for at in _repeated(pack.checks, whole.left_out):
        yield ("checks", at, "id"), f"{pack.checks[at].id} stands here twice 重复"
    for at, check in enumerate(pack.checks):
        for name in (check.parameter, check.at_least):
            if whole.misses(name, whole.units):
                yield ("checks", at), _no_parameter(name, whole.units)
        units = [whole.units[name] for name in (check.parameter, check.at_least) if name in whole.units]
        if whole.differ(check.parameter, check.at_least, units):
            yield ("checks", at), f"{check.parameter} and {check.at_least} differ in their unit 单位不符"


def _repeated(named: Sequence[Rule | Check | VillageTier], left_out: Set[str] = frozenset()) -> Iterator[int]:
    """The places of what bears the name of something before it."""
    names = [one.id for one in named]
    return (at for at, name in enumerate(names) if name in names[:at] and name not in left_out)


def _unfit_place(rule: Entitlement, whole: Whole) -> Iterator[str]:
    """A benefit stands in the place of benefits that there are, each of which has one place."""
    there = {other.id: other for other in whole.pack.entitlements if other.id not in {rule.id, *whole.left_out}}
    taken = {name for other in there.values() for name in other.instead_of}
    for name in rule.instead_of:
        if name not in there:
            if whole.misses(name, there):
                yield f"no benefit {name} 没有此待遇; there are {', '.join(sorted(there))}"
        elif name in taken or rule.id in taken or there[name].instead_of:
            yield f"another benefit stands in the place of {name}, or of this one 替代关系重复"


def _of_facts(pack: Pack, whole: Whole) -> Found:
    for name, fact in pack.facts.items():
        if fact.formula is not None and fact.formula not in KNOWN_FORMULAS:
            yield (
                ("facts", name, "formula"),
                f"no formula {fact.formula} 没有此公式; there are {', '.join(KNOWN_FORMULAS)}",
            )
        units = {other.unit for other in whole.above.facts.values() if other.formula == fact.formula is not None}
        if isinstance(pack, Overlay) and fact.formula != not_held.__name__ and units and fact.unit not in units | whole.left_out:
            yield ("facts", name, "unit"), f"{fact.formula} is in {', '.join(sorted(units))}, not in {fact.unit} 单位不符"
        wider = whole.above.facts.get(name)
        if isinstance(pack, Overlay) and wider is not None and whole.differ(name, name, (wider.unit, fact.unit)):
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
    inherited, own = _sets(whole.above), _sets(pack)
    profiles = (inherited | own) - whole.left_out
    for at, profile in enumerate(pack.profiles or ()):
        if whole.misses(profile, profiles):
            yield ("profiles", at), f"no set of rules {profile} 没有此规则组; there are {', '.join(sorted(profiles))}"
    usable = inherited | set(pack.profiles or ())
    for part in ("triggers", "exclusions") if "profiles" not in whole.left_out else ():
        for at, rule in enumerate(getattr(pack, part)):
            if rule.profile is not None and whole.misses(rule.profile, usable):  # nobody would use it, nor what it stands for
                yield (
                    (part, at, "profile"),
                    f"{rule.id}: no set of rules {rule.profile} 没有此规则组; there are {', '.join(sorted(usable))}",
                )
    for name in sorted(set(pack.grounds) - set(pack.profiles or ()) - whole.left_out) if "profiles" not in whole.left_out else ():
        yield ("grounds", name), f"{name} is no set that profiles chooses 未在 profiles 中选用"
    if pack.villages is not None:
        if (what := _uncountable(pack.villages.incidence, whole)) is not None:
            yield ("villages", "incidence"), what
        for at in _repeated(pack.villages.tiers, whole.left_out):
            yield ("villages", "tiers", at, "id"), f"{pack.villages.tiers[at].id} stands here twice 重复"
    served: dict[str, str] = {}
    for window, group in pack.windows.items():
        for measure in group.measures:
            if served.setdefault(measure, window) != window:
                yield ("windows", window), f"{measure} is served at {served[measure]} already 每项帮扶只归一个窗口"
    for at in out_of_order(pack.schemes):
        yield ("schemes", at), OUT_OF_ORDER
    for at in _overlapping(pack.schemes):
        yield ("schemes", at), f"the scheme before it holds until {pack.schemes[at - 1].until}, so two hold on one day 报销方案的有效期重叠"
    for name, values in pack.parameters.items():
        if whole.misses(name, whole.units):
            yield ("parameters", name), _no_parameter(name, whole.units)
        for at in out_of_order(values):
            yield ("parameters", name, at), OUT_OF_ORDER
        for at, value in enumerate(values):
            if (wrong := beyond(value, whole.units.get(name, ""))) is not None:
                yield ("parameters", name, at, "value"), wrong


def _sets(pack: Pack) -> set[str]:
    """The sets that a file's triggers and findings are in."""
    return {rule.profile for rule in pack.triggers} | {rule.profile for rule in pack.exclusions if rule.profile is not None}


def out_of_order(dated: Sequence[Dated | Scheme]) -> Iterator[int]:
    """The places of what begins no later than what stands before it."""
    return (at for at in range(1, len(dated)) if dated[at].start <= dated[at - 1].start)


def _overlapping(dated: Sequence[Scheme]) -> Iterator[int]:
    """The places of what begins before the end that is told of what stands before it."""
    ends = ((at, dated[at - 1].until) for at in range(1, len(dated)))
    return (at for at, end in ends if end is not None and dated[at - 1].start < dated[at].start < end)


def _uncountable(fact: str, whole: Whole) -> str | None:
    """Why households cannot be counted by a fact; None where it says yes or no of each, or is at fault itself."""
    if whole.misses(fact, whole.pack.facts):
        return _no_fact(fact, whole.pack.facts)
    unit = whole.unit(fact)
    return None if unit in (None, "flag") else f"{fact} is in {unit}; households are counted by a yes-no fact 只能按是非事实计户"


def beyond(said: Dated, unit: str) -> str | None:
    """Why a value cannot be one of its unit; None where it can."""
    if said.value is None:
        return None
    if said.value < 0:
        return f"{said.value:g} {unit}: nothing is less than nothing 不得为负"
    if unit == "share" and said.value > 1:
        return f"{said.value:g}: a share lies between 0 and 1, 0.5 being half 比例须在 0–1"
    if unit == "ratio" and said.value < 1:
        return f"{said.value:g}: what is so many times another is no less than it 倍数不得小于 1"
    return None


def _without_labour(condition: Condition) -> bool:
    """Whether a condition lets through only households of which nobody can work."""
    if clause_count(condition) > MOST_CLAUSES:
        return False
    return any(all(_nobody_can_work(test, negated) for test, negated in clause) for clause in clauses(condition))


def _nobody_can_work(test: Test, negated: bool) -> bool:
    word, bound = test.comparison
    words = ("at_least", "more_than") if negated else ("less_than", "at_most")
    if test.fact != "labour_members" or not isinstance(bound, float) or word not in words:
        return False
    return bound <= 1 if word in ("less_than", "at_least") else bound < 1


def _unfit(rule: Rule, whole: Whole) -> Iterator[str]:
    facts, units = whole.pack.facts, whole.units
    if clause_count(rule.when) > MOST_CLAUSES:
        yield f"alternatives of too many parts, write several rules 条件过于复杂，请拆成几条 ({clause_count(rule.when)} > {MOST_CLAUSES})"
    for test in tests(rule.when):
        fact, threshold = facts.get(test.fact), test.comparison[1]
        if fact is None:
            if whole.misses(test.fact, facts):
                yield _no_fact(test.fact, facts)
        elif test.is_ is not None and whole.unit(test.fact) not in (None, "flag"):
            yield f"{test.fact} is in {fact.unit}; is: true or false stands for a yes-no fact, and only for one 是否只用于是非事实"
        if isinstance(threshold, float):
            if fact is not None and whole.unit(test.fact) is not None and (what := _pointless(test, threshold, fact)) is not None:
                yield what
            continue
        parameter = threshold.of if isinstance(threshold, Against) else threshold
        if parameter not in units:
            if whole.misses(parameter, units):
                yield _no_parameter(parameter, units)
        elif fact is not None and whole.differ(test.fact, parameter, (fact.unit, units[parameter])):
            yield f"{test.fact} is in {fact.unit}, {parameter} in {units[parameter]} 单位不符"
    if rule.population != "all":
        for name in KNOWN_FACTS:
            if whole.misses(name, facts):
                yield f"populations need the fact {name} 缺少事实"


def _pointless(test: Test, bound: float, fact: Fact) -> str | None:
    """Why a number tells no household from another; None where it does."""
    passed = Range.model_validate({test.comparison[0]: bound}).holds
    if fact.unit == "flag" and passed(0) == passed(1):
        return f"{test.fact} is 1 or 0, yes or no, so {bound:g} tells nobody apart 是非事实，请写 is: true 或 is: false"
    if bound < 0 and (fact.count or fact.sum or fact.most):
        return f"{test.fact} is never less than 0, so {bound:g} tells nobody apart 不会为负，此界线无从区分"
    return None


def _unfit_amount(rule: Entitlement, whole: Whole) -> Iterator[str]:
    facts, units = whole.pack.facts, whole.units
    for name in rule.parameters:
        if name not in units:
            if whole.misses(name, units):
                yield _no_parameter(name, units)
        elif units[name] not in A_YEAR:
            yield f"{name} is in {units[name]}, which is no amount by the month or year 不是月或年金额; there are {', '.join(A_YEAR)}"
    if isinstance(rule.amount, TopUp):
        less = rule.amount.less
        if less not in facts:
            if whole.misses(less, facts):
                yield _no_fact(less, facts)
        elif whole.unit(less) not in (None, "yuan/person/year"):
            yield f"{less} is in {facts[less].unit}, not in yuan/person/year 单位不符"


def _no_fact(name: str, facts: Mapping[str, Fact]) -> str:
    return f"no fact {name} 没有此事实; there are {', '.join(sorted(facts))}"


def _no_parameter(name: str, units: Mapping[str, str]) -> str:
    return f"no parameter {name} 没有此参数; there are {', '.join(sorted(units))}"
