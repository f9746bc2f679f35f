"""The regions side by side: what each of them goes by, with values; a row a thing, a column a region."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

from features.errors import PolicyError
from features.policy.language import Overlay, Reward, Step
from features.policy.packs import NATION, Packs, packs_of
from features.policy.reference import bounds
from features.policy.registry import MULTIPLE, Policy
from features.policy.reimbursement import schemes
from features.policy.rules import LINES
from features.policy.scheme import Scheme

NONE = "不可评 none"
GROUP = "registered"
Row = tuple[str, ...]


def heads(policy: Policy) -> Row:
    """What the columns are called: the nation, then every region that has a file."""
    return "", *(f"{overlay.zh} {overlay.en} `{overlay.region}`" for overlay in _regions(packs_of(policy)))


def rows(policy: Policy, kinds: Mapping[str, str]) -> Iterator[Row]:
    """Sets of rules in use, rules of their own, values through time, village tiers, rewards, schemes, windows, checks, what is undefined.

    Args:
        policy: parameters and rules.
        kinds: what the kinds of rules are called.
    """
    packs = packs_of(policy)
    regions = _regions(packs)
    codes = ["" if overlay.region == NATION else overlay.region for overlay in regions]
    in_use = [packs.at(code) for code in codes]
    for kind, title in (("triggers", "推送规则组 triggers"), ("exclusions", "负面清单组 findings")):
        named = dict.fromkeys(rule.profile for region in in_use for rule in getattr(region.pack, kind) if rule.profile is not None)
        for profile in named:
            yield f"{title} `{profile}`", *("✓" if profile in region.profiles else "" for region in in_use)
    for kind, title in kinds.items():
        yield from _row(title, ["、".join(rule.zh for rule in getattr(overlay, kind)) for overlay in regions])
    for name, parameter in sorted(policy.parameters.items()):
        yield f"{parameter.zh} `{name}` ({parameter.unit})", *(through_time(policy, name, code) for code in codes)
    yield from _row("村级分级 tiers of villages", [_villages(overlay) for overlay in regions])
    yield from _row("奖补 rewards", [_rewards(overlay) for overlay in regions])
    yield from _row("报销层次 reimbursement, registered", [_schemes(policy, code) for code in codes])
    for title, part in (("服务窗口 service windows", "windows"), ("措施别名 other names of help", "batches")):
        yield from _row(title, ["、".join(said.zh for said in getattr(overlay, part).values()) for overlay in regions])
    yield from _row("数值核对 checks of values", ["、".join(said.zh for said in overlay.checks) for overlay in regions])
    yield from _row(
        "逐项核实 verified", ["、".join(s.zh for s in o.verification.sections.values()) if o.verification else "" for o in regions]
    )
    yield from _row("未作定义 not defined", [_undefined(overlay, packs) for overlay in regions])


def through_time(policy: Policy, name: str, region: str) -> str:
    """A parameter in a region: each value and the day from which it holds there, whoever states it, and the day from which none does.

    A value of 2020 that may be carried for one year is none in force from 1 January 2022 on, until the next is stated.
    """
    scopes = dict.fromkeys((region[:6], region[:4], region[:2], NATION))
    read = (*LINES, MULTIPLE) if name in LINES else (name,)  # the one line may follow from the other
    declared = [policy.parameters[one] for one in read]
    stated = [(value.start, parameter.max_carry_years) for parameter in declared for at in scopes for value in parameter.values.get(at, ())]
    days = sorted({start for start, _ in stated} | {dt.date(start.year + carried + 1, 1, 1) for start, carried in stated})
    told: list[tuple[dt.date, float | None]] = []
    for day in days:
        value = policy.lines(day, region)[LINES.index(name)] if name in LINES else policy.value(name, day, region)
        if not told or told[-1][1] != value:
            told.append((day, value))
    return "；".join(f"{day}: {NONE if value is None else f'{value:.10g}'}" for day, value in told) or NONE


def _regions(packs: Packs) -> list[Overlay]:
    return [overlay for _, overlay in sorted(packs.overlays.items(), key=lambda item: (item[0] != NATION, item[0]))]


def _row(title: str, cells: list[str]) -> Iterator[Row]:
    """A row, unless no region has anything to say there."""
    if any(cells):
        yield title, *cells


def _villages(overlay: Overlay) -> str:
    return "；".join(f"{tier.zh} {bounds(tier.share)}" for tier in overlay.villages.tiers) if overlay.villages else ""


def _rewards(overlay: Overlay) -> str:
    return "；".join(f"{said.zh} ({said.unit}): {steps(said)}" for said in overlay.rewards.values())


def steps(said: Reward) -> str:
    """The steps of a reward, and its cap."""
    cap = "" if said.cap is None else f", 最高 at most {said.cap:g}"
    return ", ".join(f"{step.until} 前 before: {_step(step)}" for step in said.steps) + cap


def _step(step: Step) -> str:
    most = "" if step.cap is None else f" 最高 at most {step.cap:g}"
    return (f"{step.amount:g}" if step.uplift is None else f"+{step.uplift:.0%}") + most


def _schemes(policy: Policy, county: str) -> str:
    """The reimbursement of registered patients, layer by layer in the order in which they pay."""
    try:
        found = schemes(policy, county)
    except PolicyError:  # a region without a scheme
        return ""
    return "；".join(f"{scheme.start} ({scheme.grade}): {_layers(scheme)}" for scheme in found)


def _layers(scheme: Scheme) -> str:
    terms = [(layer.zh, layer.terms[GROUP]) for layer in scheme.layers if GROUP in layer.terms]
    return " → ".join(f"{zh} {term.rate:.0%}/{term.outside_rate:.0%}, 起付 from {term.deductible:g}" for zh, term in terms)


def _undefined(overlay: Overlay, packs: Packs) -> str:
    own = {**packs.national.undefined, **overlay.undefined} if overlay.region == NATION else overlay.undefined
    return "、".join(said.zh for said in own.values() if not said.content)
