"""Which rules are in force where: the nation's, a province's and a county's files, laid over one another and checked against each other.

A narrower region's rule, fact or value takes the place of a wider one's of the same name; all others are inherited.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from features.policy import source
from features.policy.condition import Against, tests
from features.policy.declared import Fact
from features.policy.drawing import drawings
from features.policy.formulas import FORMULAS
from features.policy.language import (
    A_YEAR,
    RULES,
    Entitlement,
    Exclusion,
    Ground,
    Group,
    Overlay,
    Pack,
    Rule,
    TopUp,
    Trigger,
    Verification,
    Villages,
)
from features.policy.registry import Policy
from features.policy.rules import Bounds, Docket, clause_count

HERE = Path(__file__).parent
NATIONAL, COUNTIES = HERE / "rules", HERE / "counties"
NATION = "CN"
MOST_DOCKETS = 200  # of one region: some years of quarters, of each kind
MOST_CLAUSES = 64
KNOWN_FACTS = ("exited", "monitored")  # what populations are told by
IN_SETS = ("triggers", "exclusions")  # rules that come in sets of which a region chooses some


class InForce:
    """The rules of one region on all dates.

    Args:
        region: area code.
        names: of the regions that say something, Chinese and English by area code, the widest first.
        pack: what they say together.
        profiles: the sets of triggers and findings in use.
        windows: service window of each kind of help, where the county has such.
        batches: other names of each kind of help, where the county has such.
        villages: how it tells villages apart; None where it does not.
        verification: what it verifies of every household; None where it does not say.
    """

    def __init__(
        self,
        region: str,
        names: Mapping[str, tuple[str, str]],
        pack: Pack,
        profiles: frozenset[str],
        *,
        windows: Mapping[str, Group],
        batches: Mapping[str, Sequence[Group]],
        villages: Villages | None,
        verification: Verification | None,
    ) -> None:
        self.region = region
        self.names = names
        self.pack = pack
        self.profiles = profiles
        self.windows = windows
        self.batches = batches
        self.villages = villages
        self.verification = verification
        self.drawings = drawings(pack.facts)
        self._dockets: dict[tuple[str, dt.date], Docket] = {}

    def rules(self, kind: str, date: dt.date) -> list[Any]:
        """The rules of a kind that hold on a date, in their order; of those that come in sets, the sets that the region has chosen."""
        found = [rule for rule in getattr(self.pack, kind) if rule.in_force(date)]
        return [rule for rule in found if getattr(rule, "profile", None) in {None, *self.profiles}]

    def docket(self, kind: str, bounds: Bounds) -> Docket:
        """The same, ready to be answered; kept, since requests ask for one date again and again."""
        key = kind, bounds.date
        found = self._dockets.get(key)
        if found is None:
            if len(self._dockets) >= MOST_DOCKETS:
                self._dockets.clear()
            found = self._dockets[key] = Docket(self.rules(kind, bounds.date), bounds)
        return found


class Packs:
    """All files of rules.

    Args:
        national: the nation's files, laid together.
        overlays: of provinces and counties, by area code; CN says what holds where nobody says otherwise.
    """

    def __init__(self, national: Pack, overlays: Mapping[str, Overlay]) -> None:
        self.national = national
        self.overlays = overlays
        self._in_force: dict[str, InForce] = {}

    def at(self, region: str) -> InForce:
        """The rules of a region, by an area code of 6 digits or more."""
        key = region[:6]
        found = self._in_force.get(key)
        if found is None:
            found = self._in_force[key] = self._laid(key)
        return found

    def above(self, region: str) -> Pack:
        """What is inherited in a region: the rules of all wider ones."""
        pack = self.national
        for overlay in self._chain(region):
            pack = pack if overlay.region == region else laid_over(pack, overlay)
        return pack

    def _chain(self, region: str) -> list[Overlay]:
        """The overlays that count in a region, the widest first."""
        codes = dict.fromkeys((NATION, region[:2], region[:4], region[:6]))
        return [self.overlays[code] for code in codes if code in self.overlays]

    def _laid(self, region: str) -> InForce:
        chain = self._chain(region)
        pack: Pack = self.national
        profiles: list[str] = []
        grounds: Mapping[str, Ground] = {}
        windows: dict[str, Group] = {}
        batches: dict[str, list[Group]] = {}
        villages: Villages | None = None
        verification: Verification | None = None
        for said in chain:
            pack = laid_over(pack, said)
            if said.profiles is not None:
                profiles, grounds = said.profiles, said.grounds
            villages, verification = said.villages or villages, said.verification or verification
            windows |= {measure: window for window in said.windows.values() for measure in window.measures}
            for batch in said.batches.values():
                for measure in batch.measures:
                    batches.setdefault(measure, []).append(batch)
        pack = pack.model_copy(update={part: [_grounded(rule, grounds) for rule in getattr(pack, part)] for part in IN_SETS})
        names = {overlay.region: (overlay.zh, overlay.en) for overlay in chain}
        said_beside: dict[str, Any] = {"windows": windows, "batches": batches, "villages": villages, "verification": verification}
        return InForce(region, names, pack, frozenset(profiles), **said_beside)


def _grounded(rule: Trigger | Exclusion, grounds: Mapping[str, Ground]) -> Trigger | Exclusion:
    """A rule with the ground on which its set was chosen: a rule is no surer than the choice of it."""
    ground = grounds.get(rule.profile or "")
    if ground is None:
        return rule
    grade = rule.grade if ground.grade == "sourced" else ground.grade
    return rule.model_copy(update={"reference": f"{rule.reference}; {ground.reference}", "grade": grade})


def packs_of(policy: Policy) -> Packs:
    """The rules beside the parameters; none where only parameters were read."""
    return policy.packs or Packs(Pack(), {})


def laid_over(wide: Pack, narrow: Pack) -> Pack:
    """The rules of two packs; where both have one of a name, the narrow one's, in the wide one's place."""
    laid: dict[str, Any] = {}
    for part in Pack.model_fields:
        below, above = getattr(wide, part), getattr(narrow, part)
        if part in (*RULES, "checks"):
            own = {rule.id: rule for rule in above}
            laid[part] = [own.pop(rule.id, rule) for rule in below] + list(own.values())
        elif isinstance(below, dict):
            laid[part] = {**below, **above}
        else:
            laid[part] = above or below
    return Pack.model_construct(**laid)


def county_files(folder: Path | None) -> list[Path]:
    """The files of counties that come with the software, those of a folder in the place of the ones that bear the same area code."""
    folders = [COUNTIES] if folder is None else [COUNTIES, folder]
    found = {path.name: path for one in folders for path in sorted(one.glob("*.yaml"))}
    return [found[name] for name in sorted(found)]


def read_packs(units: Mapping[str, str], faults: list[str], counties: Iterable[Path]) -> Packs:
    """Reads all files of rules.

    Args:
        units: of every parameter, by name.
        faults: every fault is added, with file and line.
        counties: the overlays, each named after its area code.
    """
    whole = Pack()
    files: list[tuple[Path, Pack]] = []
    for path in sorted(NATIONAL.glob("*.yaml")):
        pack = source.read(path, Pack, faults)
        if pack is not None:
            files.append((path, pack))
            whole = laid_over(whole, pack)
    overlays = {}
    for path in counties:
        overlay = source.read(path, Overlay, faults)
        if overlay is None:
            continue
        if overlay.region != path.stem:
            faults.append(f"{path.name}:{source.line(path, ('region',))}: region {overlay.region} is not the name of the file 与文件名不符")
        overlays[overlay.region] = overlay
        files.append((path, overlay))
    packs = Packs(whole, overlays)
    for path, pack in files:
        region = pack.region if isinstance(pack, Overlay) else NATION
        faults.extend(_faults(path, pack, packs.at("" if region == NATION else region).pack, units))
    return packs


def _faults(path: Path, pack: Pack, whole: Pack, units: Mapping[str, str]) -> Iterator[str]:
    """What a file says that fits nothing else: facts, parameters, profiles and formulas that there are not, and units that differ."""

    def fault(where: Iterable[str | int], what: str) -> str:
        place = tuple(where)
        return f"{path.name}:{source.line(path, place)}: {'.'.join(map(str, place))}: {what}"

    for name, fact in pack.facts.items():
        if fact.formula is not None and fact.formula not in FORMULAS:
            yield fault(("facts", name, "formula"), f"no formula {fact.formula} 没有此公式; there are {', '.join(sorted(FORMULAS))}")
    for part in RULES:
        seen: set[str] = set()
        for at, rule in enumerate(getattr(pack, part)):
            if rule.id in seen:
                yield fault((part, at, "id"), f"{rule.id} stands here twice 重复")
            seen.add(rule.id)
            for what in _unfit(rule, whole.facts, units):
                yield fault((part, at, "when"), f"{rule.id}: {what}")
            if isinstance(rule, Entitlement):
                for what in _unfit_amount(rule, whole.facts, units):
                    yield fault((part, at, "amount"), f"{rule.id}: {what}")
    for at, check in enumerate(pack.checks):
        for name in (check.parameter, check.at_least):
            if name not in units:
                yield fault(("checks", at), _no_parameter(name, units))
        if len({units.get(name) for name in (check.parameter, check.at_least)}) > 1:
            yield fault(("checks", at), f"{check.parameter} and {check.at_least} differ in their unit 单位不符")
    if isinstance(pack, Overlay):
        profiles = {rule.profile for rule in whole.triggers} | {rule.profile for rule in whole.exclusions if rule.profile is not None}
        for at, profile in enumerate(pack.profiles or ()):
            if profile not in profiles:
                yield fault(("profiles", at), f"no set of rules {profile} 没有此规则组; there are {', '.join(sorted(profiles))}")
        for name in set(pack.grounds) - set(pack.profiles or ()):
            yield fault(("grounds", name), f"{name} is no set that profiles chooses 未在 profiles 中选用")
        if pack.villages is not None and pack.villages.incidence not in whole.facts:
            what = f"no fact {pack.villages.incidence} 没有此事实; there are {', '.join(sorted(whole.facts))}"
            yield fault(("villages", "incidence"), what)
        for name, values in pack.parameters.items():
            if name not in units:
                yield fault(("parameters", name), _no_parameter(name, units))
            starts = [value.start for value in values]
            if starts != sorted(set(starts)):
                yield fault(("parameters", name), "start dates must ascend without repeats 起始日期须递增且不重复")


def _unfit(rule: Rule, facts: Mapping[str, Fact], units: Mapping[str, str]) -> Iterator[str]:
    if clause_count(rule.when) > MOST_CLAUSES:
        yield f"alternatives of too many parts, write several rules 条件过于复杂，请拆成几条 ({clause_count(rule.when)} > {MOST_CLAUSES})"
    for name in (test.fact for test in tests(rule.when)):
        if name not in facts:
            yield _no_fact(name, facts)
    for test in tests(rule.when):
        threshold = test.comparison[1]
        if isinstance(threshold, float):
            continue
        parameter = threshold.of if isinstance(threshold, Against) else threshold
        if parameter not in units:
            yield _no_parameter(parameter, units)
        elif test.fact in facts and facts[test.fact].unit != units[parameter]:
            yield f"{test.fact} is in {facts[test.fact].unit}, {parameter} in {units[parameter]} 单位不符"
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
