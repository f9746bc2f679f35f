"""Which rules are in force where: the nation's, a province's and a county's files, laid over one another and checked against each other.

A narrower region's rule, fact or value takes the place of a wider one's of the same name; all others are inherited.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from features.policy import source
from features.policy.drawing import drawings
from features.policy.faults import Whole, faults_of
from features.policy.formulas import Answered, Answering, formulas
from features.policy.language import RULES, Exclusion, Ground, Group, Overlay, Pack, Trigger, Verification, Villages
from features.policy.registry import Policy
from features.policy.rules import Bounds, Docket
from features.policy.scheme import Scheme
from features.policy.source import Read

HERE = Path(__file__).parent
NATIONAL, COUNTIES = HERE / "rules", HERE / "counties"
NATION = "CN"
MOST_DOCKETS = 200  # of one region: some years of quarters, of each kind
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
        schemes: how insurances pay a hospital bill, by their first days, and `schemes_of`: the region that says so.
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
        schemes: Sequence[Scheme],
        schemes_of: str,
    ) -> None:
        self.region = region
        self.names = names
        self.pack = pack
        self.profiles = profiles
        self.windows = windows
        self.batches = batches
        self.villages = villages
        self.verification = verification
        self.schemes = schemes
        self.schemes_of = schemes_of
        self.drawings = drawings(pack.facts)
        self.formulas = formulas(_answering(pack))
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
        schemes: list[Scheme] = []
        schemes_of = NATION
        for said in chain:
            pack = laid_over(pack, said)
            if said.profiles is not None:
                profiles, grounds = said.profiles, said.grounds
            villages, verification = said.villages or villages, said.verification or verification
            if said.schemes:
                schemes, schemes_of = said.schemes, said.region
            windows |= {measure: window for window in said.windows.values() for measure in window.measures}
            for batch in said.batches.values():
                for measure in batch.measures:
                    batches.setdefault(measure, []).append(batch)
        pack = pack.model_copy(update={part: [_grounded(rule, grounds) for rule in getattr(pack, part)] for part in IN_SETS})
        names = {overlay.region: (overlay.zh, overlay.en) for overlay in chain}
        beside: dict[str, Any] = {"windows": windows, "batches": batches, "villages": villages, "verification": verification}
        return InForce(region, names, pack, frozenset(profiles), **beside, schemes=schemes, schemes_of=schemes_of)


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


def _named(file: Read[Overlay], faults: list[str]) -> Read[Overlay]:
    """A county's file, by the area code that its name is, so that it takes no other's place while it is checked."""
    if file.said is None or file.said.region == file.path.stem:
        return file
    faults.append(file.fault(("region",), f"region {file.said.region} is not the name of the file 与文件名不符"))
    return replace(file, said=file.said.model_copy(update={"region": file.path.stem}))


def read_packs(units: Mapping[str, str], faults: list[str], counties: Iterable[Path], unread: frozenset[str]) -> Packs:
    """Reads all files of rules.

    Args:
        units: of every parameter, by name.
        faults: every fault is added, with file and line.
        counties: the overlays, each named after its area code.
        unread: parameters that could not be read.
    """
    whole = Pack()
    nation = [source.read(path, Pack, faults) for path in sorted(NATIONAL.glob("*.yaml"))]
    for file in nation:
        if file.said is not None:
            whole = laid_over(whole, file.said)
    unread = unread.union(*(file.left_out for file in nation))
    local = [_named(source.read(path, Overlay, faults), faults) for path in counties]
    packs = Packs(whole, {file.said.region: file.said for file in local if file.said is not None})
    every: list[Read[Any]] = [*nation, *local]
    for file in every:
        if file.said is None:
            continue
        region = file.said.region if isinstance(file.said, Overlay) else NATION
        here = packs.at("" if region == NATION else region)
        wider = [one.left_out for one in local if one.path.stem == NATION or region.startswith(one.path.stem)]
        faults.extend(faults_of(file, file.said, Whole(here.pack, packs.above(region), units, unread.union(*wider))))
    return packs


def _answering(pack: Pack) -> Answering:
    """To each risk the kinds of help that stand against its elimination no longer; what only a proposal says answers no risk for sure."""
    told = {risk: said for risk, said in pack.answers.items() if said.grade != "proposal"}
    return {risk: Answered({*said.any, *said.afterwards}, said.grade != "memory") for risk, said in told.items()}
