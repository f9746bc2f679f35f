"""Which kinds of help fit a household: looked up by its risks, its gaps and what its members can do. A table, not a model.

Worked example: a job was lost (a risk that calls for employment or a public post) in a household that can work, and a member is not
insured (a gap that health help closes): employment, public post, health. Were nobody there able to work, what lets people earn would fall
away and security would remain. Were it not known whether anybody can, employment and public post would be named as not evaluable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from features.policy.judgement import NONE, Judgement
from features.policy.language import Answer
from features.policy.names import RISK_WORDS

ABLE = ("有劳动力", "Has labour")
UNABLE = ("整户无劳动力", "Nobody can work")
MAY_BE_ABLE = ("有无劳动力未知", "Whether anybody can work is not known")


@dataclass(frozen=True, slots=True)
class Why:
    """What calls for a kind of help: a risk, a gap, a class or the labour of the household, and where it is written that it does."""

    zh: str
    en: str
    reference: str
    grade: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A kind of help, and why it fits.

    Attributes:
        developmental: lets people earn; else it secures.
        fits: True, or None: not evaluable, since it is not known whether anybody in the household can work.
        because: what calls for it, the first first.
    """

    measure: str
    developmental: bool
    fits: bool | None
    because: tuple[Why, ...]


def proposals(judgement: Judgement, row: int, risks: tuple[str, ...] = ()) -> list[Proposal]:
    """The kinds of help that fit a household.

    Args:
        judgement: what policy says.
        row: of the household in the register.
        risks: risk words that people have written down for it, besides those of the triggers that hold.

    Returns:
        what is called for most often first. Nobody who cannot work is offered what lets people earn; whoever can is offered one such kind
        at least, wherever anything is called for or the household is at risk, and whoever may, one that waits for the answer.
    """
    pack = judgement.in_force(row).pack
    because: dict[str, list[Why]] = {}

    def call(measures: list[str], zh: str, en: str, source: Any) -> None:
        for measure in measures:
            said = because.setdefault(measure, [])
            if (zh, en) not in [(why.zh, why.en) for why in said]:
                said.append(Why(zh, en, source.reference, source.grade))

    def answer(said: Answer | None, zh: str, en: str) -> None:
        if said is not None:
            call(said.any, zh, en, said)

    for trigger in judgement.holding("triggers", row):
        if trigger.measures:
            call(trigger.measures, trigger.zh, trigger.en, trigger)
        else:
            answer(pack.answers.get(trigger.risk), trigger.zh, trigger.en)
    for risk in risks:
        answer(pack.answers.get(risk), *RISK_WORDS[risk])
    for source in judgement.holding("gaps", row):
        call(source.measures, source.zh, source.en, source)
    for source in judgement.classes(row).values():
        if source is not None:
            call(source.measures, source.zh, source.en, source)
    developmental = {measure for measure, said in pack.measures.items() if said.developmental}
    labour = judgement.fact("labour_members", row)
    known = bool(labour.low[0] >= 1)
    if because or _at_risk(judgement, row):
        if labour.high[0] < 1:
            because = {measure: why for measure, why in because.items() if measure not in developmental}
            if not because:
                answer(pack.unable, *UNABLE)
        elif not developmental & set(because):
            answer(pack.able, *(ABLE if known else MAY_BE_ABLE))
    fits = {name: True if known or name not in developmental else None for name in because}
    found = [Proposal(name, name in developmental, fits[name], tuple(why)) for name, why in because.items()]
    return sorted(found, key=lambda one: (one.fits is None, -len(one.because)))


def _at_risk(judgement: Judgement, row: int) -> bool:
    """Whether people have found that the household is at risk: it is monitored, or the rules put it in a category or refer it to people."""
    return bool(judgement.fact("monitored", row).low[0] >= 1) or judgement.category(row) not in (None, NONE)
