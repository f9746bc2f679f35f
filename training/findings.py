"""Everything that a back-test of a county found, as plain values: what the report, the notebooks and other programmes read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from features.errors import UserError
from training.audition import RULES, audition
from training.capacity import PER_TOWN, curve, lead_time, listed, worth
from training.contestants import OURS
from training.leaks import TOGETHER
from training.markdown import points
from training.names import model_zh
from training.resample import RESAMPLES, draws
from training.rolling import EVALUATIONS_ZH, Answers
from training.standing import ALL, decay, deciles, standing, truth_of_claims

Findings = dict[str, Any]
FILE = "findings.json"


def findings(
    answers: Answers,
    *,
    per_town: int = PER_TOWN,
    resamples: int = RESAMPLES,
    seed: int = 0,
    made: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Findings:
    """Worth at capacity, ranking, truth of the claims, ageing, lead time and audition of all contestants.

    Args:
        answers: of all contestants at all origins.
        per_town: households that a township visits between two origins.
        resamples: of households, behind every interval.
        seed: of the resampling.
        made: what the answers were made from, kept with the findings.
        progress: called with each step as it starts.
    """
    drawn = draws(len(answers.household_id), resamples, seed)
    fresh = answers.fresh
    progress("名单价值 worth at capacity")
    lists = {model: listed(answers, model, per_town) for model in answers.contestants}
    whole = worth(answers, lists, drawn, fresh)
    by_origin = {
        split.test.isoformat(): worth(answers, lists, drawn, fresh & (answers.origin == number))
        for number, split in enumerate(answers.origins)
        if (fresh & (answers.origin == number)).any()
    }
    by_evaluation = {zh: worth(answers, lists, drawn, fresh & (answers.seen == seen)) for seen, zh in EVALUATIONS_ZH.items()}
    progress("排序与校准 ranking and calibration")
    metrics, paired = standing(answers, drawn)
    precision = {
        model: np.array([found.value(model, "precision")["value"] or 0.0 for found in by_origin.values()]) for model in answers.contestants
    }
    progress("衰减 decay")
    aged = decay(answers, drawn, per_town)
    played = audition(precision) if len(by_origin) > 1 else None
    return {
        "headline": headline(whole.paired, per_town),
        "alarms": [
            f"{row['origin']}: AUC {row['value']:.3f} > {TOGETHER}"
            for row in metrics
            if row["metric"] == "auc" and row["model"] == OURS and row["segment"] == ALL and row["origin"] and row["value"] > TOGETHER
        ],
        "made": dict(made or {}),
        "per_town": per_town,
        "resamples": resamples,
        "contestants": {model: model_zh(model) for model in answers.contestants},
        "origins": _origins(answers),
        "left_out": list(answers.left_out),
        "capacity": {
            "visits": whole.visits,
            "events": whole.events,
            "metrics": whole.metrics,
            "paired": whole.paired,
            "by_origin": {day: {"visits": w.visits, "events": w.events, "metrics": w.metrics} for day, w in by_origin.items()},
            "by_evaluation": {
                zh: {"visits": w.visits, "events": w.events, "metrics": w.metrics, "paired": w.paired} for zh, w in by_evaluation.items()
            },
        },
        "curve": curve(answers, drawn),
        "lead": {model: lead_time(answers, lists[model]) for model in answers.contestants},
        "standing": metrics,
        "paired": paired,
        "claims": truth_of_claims(answers, drawn),
        "deciles": deciles(answers),
        "decay": aged,
        "audition": None
        if played is None
        else {
            "regret": {model: played.regret[j].tolist() for j, model in enumerate(played.contestants)},
            "rules": {
                name: {"rule": RULES[name][0], "picked": list(played.picked[name]), "next_regret": played.next_regret[name]}
                for name in RULES
            },
            "best_rule": played.rule,
        },
    }


def read_findings(folder: Path) -> Findings:
    """What a back-test left in its folder.

    Raises:
        UserError: there is none.
    """
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {"headline": found["headline"], **found}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{folder / FILE}: 不是回测结果 holds no findings ({type(error).__name__}); "
            "先运行 first run: python -m training backtest county"
        ) from None


def headline(paired: list[dict[str, Any]], per_town: int) -> str:
    """One sentence that leads the report: whether the list is worth more than the best simple one.

    Args:
        paired: ours minus each baseline at capacity.
        per_town: the capacity.
    """
    rows = [row for row in paired if row["metric"] == "precision" and row["value"] is not None]
    if not rows:
        return "没有可比的基线。There is no baseline to compare with."
    nearest = min(rows, key=lambda row: row["value"])
    name = model_zh(nearest["baseline"])
    where = (
        f"（每乡镇走访 {per_town} 户，命中率差几个百分点 {per_town} visits a township, precision in percentage points: {points(nearest)}）"
    )
    if nearest["low"] > 0:
        return f"优于最好的基线：{name}。Beats the best baseline{where}"
    if nearest["high"] < 0:
        return f"不如基线：{name}，不宜使用。Worse than this baseline, do not use it{where}"
    return f"未见优于最好的基线：{name}。Not shown to beat the best baseline{where}"


def _origins(answers: Answers) -> list[dict[str, Any]]:
    out = []
    for number, split in enumerate(answers.origins):
        rows = answers.fresh & (answers.origin == number)
        out.append(
            {
                "test": split.test.isoformat(),
                "fit": [split.fit[0].isoformat(), split.fit[-1].isoformat(), len(split.fit)],
                "calibrate": split.calibrate.isoformat(),
                "n": int(rows.sum()),
                "events": int(answers.y[rows].sum()),
                "town_left_out": next(iter(np.array(answers.towns)[np.unique(answers.town[rows & (answers.seen == 2)])].tolist()), ""),
            }
        )
    return out
