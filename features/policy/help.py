"""Which kinds of help fit a household: looked up by its risks, its gaps and what its members can do. A table, not a model.

Worked example: a job was lost (a risk that calls for employment or a public post) in a household that can work, and a member is not
insured (a gap that health help closes): employment, public post, health. Were nobody there able to work, what lets people earn would fall
away and security would remain.
"""

from __future__ import annotations

from dataclasses import dataclass

from features.policy.judgement import Judgement
from features.tables import RISKS

RISK_ZH = dict(RISKS)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A kind of help, and why it fits.

    Attributes:
        developmental: lets people earn; else it secures.
        because: Chinese words of the risks, gaps or class that call for it, the first first.
        window: where the county serves it; "" where it names no window.
    """

    measure: str
    zh: str
    en: str
    developmental: bool
    because: tuple[str, ...]
    window: str


def proposals(judgement: Judgement, row: int, risks: tuple[str, ...] = ()) -> list[Proposal]:
    """The kinds of help that fit a household.

    Args:
        judgement: what policy says.
        row: of the household in the register.
        risks: risk words that people have written down for it, besides those of the triggers that hold.

    Returns:
        what is called for most often first. Nobody who cannot work is offered what lets people earn; whoever can is offered one such kind
        at least, wherever anything is called for.
    """
    pack, windows = judgement.in_force(row).pack, judgement.in_force(row).windows
    because: dict[str, list[str]] = {}

    def call(measures: list[str], why: str) -> None:
        for measure in measures:
            said = because.setdefault(measure, [])
            if why not in said:
                said.append(why)

    for trigger in judgement.holding("triggers", row):
        call(pack.answers.get(trigger.risk, []), trigger.zh)
    for risk in risks:
        call(pack.answers.get(risk, []), RISK_ZH.get(risk, risk))
    for gap in judgement.holding("gaps", row):
        call(gap.measures, gap.zh)
    if because:
        for found in judgement.classes(row).values():
            if found is not None:
                call(found.measures, found.zh)
    labour = judgement.fact("labour_members", row)
    if because and labour.high[0] < 1:
        because = {measure: why for measure, why in because.items() if not pack.measures[measure].developmental}
        if not because:
            call(pack.unable, "整户无劳动力")
    elif labour.low[0] >= 1 and because and not any(pack.measures[measure].developmental for measure in because):
        call(pack.able, "有劳动力")
    ranked = sorted(because, key=lambda measure: -len(because[measure]))
    return [
        Proposal(
            measure,
            pack.measures[measure].zh,
            pack.measures[measure].en,
            pack.measures[measure].developmental,
            tuple(because[measure]),
            windows.get(measure, ""),
        )
        for measure in ranked
    ]
