"""Is the model in use still fit for use? Drift of what it sees and says, truth of its claims since, age of the data.

Three of the four signs need no outcomes: how far households have moved from those that the model was calibrated on, how well it should rank
if its claims are true (the label-free estimate), and how old the data are. The fourth looks at outcomes
that were not known when it was judged. Nothing here replaces a model: reasons to train a challenger are all that comes out.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.register import FloatArray
from models.bundle import Bundle
from models.scorer import SCORED, STATES, score
from training.county import known_until, last_date
from training.dataset import History, collect
from training.evaluate import Prediction, Ranked, calibration
from training.promotion import untrue

MOVED = 0.25  # a population stability index above this says that something has changed
SHARE_MOVED = 0.10  # of what the model rests on
OLD_MONTHS = 12  # of outcomes known since the model was judged: a year more to learn from
STALE_DAYS = 200  # data older than two quarters and a half


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a model on a day.

    Attributes:
        as_of: the day.
        version: of the bundle.
        features: rows {feature, zh, psi, importance}, the most moved first.
        margin_psi: of the scores themselves.
        moved_share: share of the model's importance that rests on features that moved.
        estimated: what the claims imply of today's households, if they are true: {auc, precision_at_10, expected_falls, scored}.
        reference_auc: AUC when it was judged.
        later: newest date of outcomes that were unknown when it was judged, with {as_of, n, events, rows}; None where there is none.
        data_age_days: median over the scored households; NaN where none is scored.
        reasons: why a new model should be tried; empty where none.
    """

    as_of: dt.date
    version: str
    features: tuple[dict[str, Any], ...]
    margin_psi: float
    moved_share: float
    estimated: dict[str, float]
    reference_auc: float | None
    later: dict[str, Any] | None
    data_age_days: float
    reasons: tuple[str, ...]


def health(bundle: Bundle, history: History, as_of: dt.date | None = None) -> Health:
    """Looks a model over on a register.

    Args:
        bundle: in use, or any other.
        history: the facts and the outcome.
        as_of: the day; by default the last that the register knows of.
    """
    on = as_of or known_until(history.register)
    frame = history.frame(on)
    scores = score(bundle, frame)
    X = frame.values[:, bundle.columns_in(frame.names)]
    scored = scores.state == STATES[SCORED]
    moved = bundle.reference.psi(X[scored], bundle.features, scores.margin[scored])
    whole = sum(bundle.importance.values()) or 1.0
    order = sorted(bundle.declared, key=lambda feature: -float(np.nan_to_num(moved[feature.name])))
    rows = [{"feature": f.name, "zh": f.zh, "psi": moved[f.name], "importance": bundle.importance[f.name] / whole} for f in order]
    share = sum(bundle.importance[name] / whole for name in bundle.features if moved[name] > MOVED)
    later = _later(bundle, history, on)
    age = scores.data_age_days[scored]
    data_age = float(np.median(age)) if len(age) else float("nan")
    auc = next((r["value"] for r in bundle.card["metrics"] if (r["model"], r["segment"], r["metric"]) == ("ours", "all", "auc")), None)
    return Health(
        as_of=on,
        version=bundle.version,
        features=tuple(rows),
        margin_psi=moved["margin"],
        moved_share=share,
        estimated=estimated(scores.margin[scored], scores.probability[scored]),
        reference_auc=auc,
        later=later,
        data_age_days=data_age,
        reasons=tuple(_reasons(moved["margin"], share, later, data_age)),
    )


def estimated(margin: FloatArray, probability: FloatArray) -> dict[str, float]:
    """How well a ranking should do if its claims are true: no outcome is looked at.

    Args:
        margin: (n,) what the list is sorted by.
        probability: (n,) calibrated claims.

    >>> claims = np.array([0.9, 0.1])
    >>> round(estimated(claims, claims)["auc"], 2)
    0.9
    """
    if not len(margin):
        return {"auc": float("nan"), "precision_at_10": float("nan"), "expected_falls": 0.0, "scored": 0}
    found = Ranked(probability, Prediction("", margin, probability)).metrics(np.ones((1, len(margin))))
    return {
        "auc": float(found["auc"][0]),
        "precision_at_10": float(found["precision_at_10"][0]),
        "expected_falls": float(probability.sum()),
        "scored": len(margin),
    }


def _later(bundle: Bundle, history: History, on: dt.date) -> dict[str, Any] | None:
    judged = dt.date.fromisoformat(str(bundle.card["dates"]["test"]))
    newest = last_date(history)
    if newest <= judged or newest > on:
        return None
    rows = collect(history, [newest], on)
    if not rows.y.sum():
        return None
    margin = bundle.margin(np.ascontiguousarray(rows.X[:, [rows.names.index(name) for name in bundle.features]]))
    truth = calibration(rows.y, bundle.calibration.probability(margin), rows.household)
    auc = Ranked(rows.y, Prediction("", margin, margin)).metrics(np.ones((1, len(rows))))["auc"][0]
    months = round((newest - judged).days / 30.4)
    return {"as_of": newest.isoformat(), "n": len(rows), "events": int(rows.y.sum()), "auc": float(auc), "rows": truth, "months": months}


def _reasons(margin_psi: float, share: float, later: dict[str, Any] | None, data_age: float) -> list[str]:
    out = []
    if margin_psi > MOVED:
        out.append(f"分数分布已变 the scores have moved: PSI {margin_psi:.2f} > {MOVED}")
    if share > SHARE_MOVED:
        out.append(f"模型所依据的特征有 {share:.0%} 已变 of what the model rests on has moved (PSI > {MOVED}); limit {SHARE_MOVED:.0%}")
    if later is not None:
        out += [f"{later['as_of']} 的结果: {what}" for what in untrue({"calibration": later["rows"]})]
        if later["months"] >= OLD_MONTHS:
            out.append(f"检验后又有 {later['months']} 个月的结果可学 months of outcomes more to learn from than when it was judged")
    return out if data_age <= STALE_DAYS or np.isnan(data_age) else [*out, stale(data_age)]


def stale(days: float) -> str:
    """What to say of data that are too old: new data help, a new model does not."""
    return f"数据已 {days:.0f} 天未更新，先补数据 the data are {days:.0f} days old: bring them up to date before anything else"
