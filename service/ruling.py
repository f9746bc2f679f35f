"""What policy says of one household, with every test and where each bound stands: for whoever looks at that household.

What cannot be told is told as such: the rule that is open, its tests, and which of them wants for what.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import asdict
from typing import Any

import numpy as np

from features.policy import names
from features.policy.condition import tests
from features.policy.evidence import unanswered
from features.policy.help import Proposal, proposals
from features.policy.judgement import NONE, REFER, Judgement
from features.policy.language import Rule
from features.policy.reference import help_, regions, undefined
from features.policy.span import Span
from features.policy.verification import verified
from features.register import EPOCH_ORDINAL
from features.tables import FINDINGS, MONITORING_RISKS, RISKS, TABLES

CATEGORY_WORDS = {
    NONE: ("未经人工核实存在风险，不归类", "No risk was found by people: no category"),
    REFER: ("存在风险但不符合任何一类，须人工研判", "A risk was found and no category fits: for people to judge"),
    None: ("不能判断", "Cannot be told"),
}
UNANSWERED = {
    "zh": "最近一次走访之后的线索尚未核实",
    "en": "Nobody was there since the alert",
    "reference": "返贫致贫风险稳定消除或自然消失 [P36][P37]; that a department's later alert is looked at first is a proposal",
    "grade": "proposal",
}
LABOUR = "labour_ability"


def ruling(judgement: Judgement, row: int) -> dict[str, Any]:
    """Category, triggers, gaps, benefits, classes, ledgers, findings, what stands against risk elimination; nothing changes a status.

    Args:
        judgement: of a register that holds the household.
        row: of the household in it.

    Returns:
        plain values; `not_evaluable` names the rules of every kind that could not be evaluated, with the tests they rest on.
    """
    in_force = judgement.in_force(row)
    monitored = bool(judgement.fact("monitored", row).low[0] >= 1)
    kinds = ("triggers", "gaps", "cohorts")
    blockers = _blockers(judgement, row) if monitored else []
    return {
        "regions": regions(in_force),
        "profiles": sorted(in_force.profiles),
        "category": _category(judgement, row),
        **{kind: [_told(judgement, kind, rule, row) for rule in judgement.holding(kind, row)] for kind in kinds},
        **({"blockers": blockers} if monitored else {}),
        "findings": [_told(judgement, "exclusions", rule, row) for rule in judgement.holding("exclusions", row)],
        "monitored": monitored,
        "eliminable": None if not monitored else _eliminable(judgement, row, blockers),
        "classes": _classes(judgement, row),
        "entitlements": entitlements(judgement, row),
        "measures": [_proposal(judgement, proposal, row) for proposal in proposals(judgement, row, _written(judgement, row))],
        "not_evaluable": [
            _told(judgement, kind, rule, row) | {"kind": kind}
            for kind in ("categories", "classes", *kinds, *(["blockers"] if monitored else []), "exclusions")
            for rule in judgement.open(kind, row)
        ],
        "verification": _verification(judgement, row),
        "undefined": [one for one in undefined(in_force.pack.undefined) if not one["content"]],
    }


def _told(judgement: Judgement, kind: str, rule: Any, row: int) -> dict[str, Any]:
    """A rule as it came out; with the English name of the department whose data it is, and of a finding who says so."""
    said = judgement.tell(rule, row)
    if "department" in said:
        said["department_en"] = names.department(rule.department)
    if kind == "exclusions":
        said["sources"] = _sources(judgement, rule, row)
    return said


def entitlements(judgement: Judgement, row: int) -> dict[str, Any]:
    """What the household should get, gets and lacks: by benefit, in persons and yuan a year, and what is lacking in all.

    A number lies between `low` and `high`; where they differ it is not known, `high` null means that any is possible. Told are the
    benefits that are owed, or may be, and those that are received without being owed.
    """
    items = []
    for rule, owed, missing in judgement.owed_to(row):
        if owed.due.high[row] == 0 and (rule.population != "all" or owed.gets.low[row] == 0):
            continue
        items.append(
            judgement.tell(rule, row)
            | {
                what: {"persons": _between(getattr(owed, what), row), "yuan": _between(getattr(owed, f"{what}_yuan"), row)}
                for what in ("due", "gets", "lacks")
            }
            | {"amounts": judgement.amounts(rule, row), "missing": [_missing(name, zh) for name, zh in missing]}
        )
    return {"lacks": _between(judgement.lacks(row), 0), "items": items}


def _missing(name: str, zh: str) -> dict[str, str]:
    return {"name": name, "zh": zh, "en": names.column(name)}


def _between(span: Span, row: int) -> dict[str, float | None]:
    low, high = float(span.low[row]), float(span.high[row])
    return {"low": round(low, 2), "high": None if math.isinf(high) else round(high, 2)}


def _category(judgement: Judgement, row: int) -> dict[str, Any]:
    """The category with its tests; where there is none, or none can be told (code null), the tests of all that were asked."""
    code = judgement.category(row)
    if code in CATEGORY_WORDS:
        zh, en = CATEGORY_WORDS[code]
        tried = [test for rule in judgement.asked("categories", row) for test in judgement.tell(rule, row)["tests"]]
        once = [test for at, test in enumerate(tried) if test not in tried[:at]]
        return {"code": code, "zh": zh, "en": en, "aliases": [], "tests": once}
    rule = next(rule for rule in judgement.holding("categories", row) if rule.id == code)
    return {"code": code, "aliases": rule.aliases, **judgement.tell(rule, row)}


def _classes(judgement: Judgement, row: int) -> list[dict[str, Any]]:
    """In each system of the county the class with its tests and its help; where it is null, `evaluable` says whether there is none."""
    in_force = judgement.in_force(row)
    unknown = {rule.system for rule in judgement.open("classes", row)}
    said = []
    for system, found in judgement.classes(row).items():
        one: dict[str, Any] = {"system": system, "evaluable": found is not None or system not in unknown, "class": None}
        if found is not None:
            one["class"] = judgement.tell(found, row) | {"measures": [help_(in_force, name) for name in found.measures]}
        said.append(one)
    return said


def _verification(judgement: Judgement, row: int) -> dict[str, Any] | None:
    """How complete the record is by the sections that the county verifies; None where it does not say which."""
    said = judgement.in_force(row).verification
    if said is None:
        return None
    found = verified(said.sections, judgement.seen, row)
    sections = [
        {
            "section": name,
            "zh": one.section.zh,
            "en": one.section.en,
            "held": one.held,
            "missing": [_column(column) for column in one.missing],
        }
        for name, one in found.items()
    ]
    held = sum(one.held is True for one in found.values())
    counts = {"held": held, "of": len(found), "share": round(held / len(found), 4), "complete": held == len(found)}
    return said.model_dump(exclude={"sections"}) | counts | {"sections": sections}


def _column(name: str) -> dict[str, str]:
    table, _, column = name.partition(".")
    return _missing(name, TABLES[table].column(column).zh) | {"en": names.column(column)}


def _proposal(judgement: Judgement, proposal: Proposal, row: int) -> dict[str, Any]:
    """A kind of help with what calls for it; where it is not known whether anybody can work, that is what is missing."""
    said = asdict(proposal)
    missing = [] if proposal.fits else [_missing(LABOUR, TABLES["members"].column(LABOUR).zh)]
    return help_(judgement.in_force(row), said.pop("measure")) | said | {"missing": missing}


def _blockers(judgement: Judgement, row: int) -> list[dict[str, Any]]:
    """What stands against risk elimination: the rules that hold, and what a department has told since somebody was there last."""
    found = [_told(judgement, "blockers", rule, row) for rule in judgement.holding("blockers", row)]
    for rule in unanswered(judgement, row):
        words = {"zh": f"{UNANSWERED['zh']}：{rule.zh}", "en": f"{UNANSWERED['en']}: {rule.en}"}
        found.append(_told(judgement, "triggers", rule, row) | UNANSWERED | words)
    return found


def _eliminable(judgement: Judgement, row: int, blockers: list[dict[str, Any]]) -> bool | None:
    """Whether nothing stands against risk elimination; None where something might. The decision is people's."""
    if blockers:
        return False
    return None if judgement.open("blockers", row) else True


def _sources(judgement: Judgement, rule: Rule, row: int) -> list[dict[str, Any]]:
    """Whose data say so, or what was compared and not settled (`found` null), and since when; the latest first."""
    table, declared = judgement.seen["findings"], judgement.in_force(row).pack.facts
    meant = {declared[test.fact].where.get("finding") for test in tests(rule.when)}
    departments = judgement.seen.register.texts.get(("findings", "department"), ())
    found = [
        {
            "finding": FINDINGS[table["finding"][at]][0],
            "zh": FINDINGS[table["finding"][at]][1],
            "department": departments[table["department"][at]],
            "department_en": names.department(departments[table["department"][at]]),
            "found": True if table["found"][at] == 1 else None,
            "found_on": _day(table["valid_from"][at]),
            "known_on": _day(table["known_on"][at]),
        }
        for at in np.flatnonzero((table.household == row) & (table["found"] != 0)).tolist()
        if FINDINGS[table["finding"][at]][0] in meant
    ]
    return sorted(found, key=lambda one: str(one["found_on"]), reverse=True)


def _day(day: int) -> str:
    return dt.date.fromordinal(int(day) + EPOCH_ORDINAL).isoformat()


def _written(judgement: Judgement, row: int) -> tuple[str, ...]:
    """The risks that people wrote down when they identified the household."""
    decisions = judgement.seen["monitoring"]
    own = decisions.household == row
    written = [RISKS[code][0] for name in MONITORING_RISKS for code in decisions[name][own].tolist() if code >= 0]
    return tuple(dict.fromkeys(written))
