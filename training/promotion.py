"""From challenger to champion: the gate, and the folder that the service watches.

A challenger passes when it is not worse than the champion on the same later households beyond the paired interval, when its probabilities
come true, and when no leak alarm went off. A person may override with a stated reason; the reason is kept with the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from features.errors import UserError
from models.bundle import Bundle, load, write
from models.pointer import point
from training.dataset import Dataset
from training.evaluate import Prediction, judge

COMPARED = ("auc", "ap", "precision_at_10", "brier")
RATIO, SLOPE = (0.9, 1.1), (0.8, 1.2)  # observed/expected and slope within these, or their intervals reaching them


class GateError(UserError):
    """The challenger may not be promoted as it is; says why, and how to override."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a challenger passes, and every reason against it."""

    objections: tuple[str, ...]
    compared: tuple[dict[str, Any], ...]

    @property
    def passes(self) -> bool:
        """No objection."""
        return not self.objections


def verdict(challenger: Bundle, champion: Bundle | None = None, rows: Dataset | None = None) -> Verdict:
    """Judges a challenger against the champion on the same later rows.

    Args:
        challenger: the candidate.
        champion: what is served, or None at the first promotion.
        rows: judged rows, later than anything the two were fitted or calibrated on; needed with a champion.
    """
    objections = [f"泄漏警报 leak alarm: {alarm}" for alarm in challenger.card.get("alarms", ())]
    objections += untrue(challenger.card)
    compared: list[dict[str, Any]] = []
    if champion is not None and rows is not None and champion.version != challenger.version:
        missing = [name for name in champion.features if name not in rows.names]
        if missing:
            objections.append(f"现用模型的特征已不存在，无法比较 the champion looks at features that are gone: {', '.join(missing[:5])}")
        else:
            answers = [_answer("ours", challenger, rows), _answer("champion", champion, rows)]
            everybody = {"all": np.ones(len(rows), dtype=bool)}
            compared = [row for row in judge(rows.y, rows.household, answers, everybody)[1] if row["metric"] in COMPARED]
            objections += [
                f"{row['metric']} 不如现用模型 worse than the champion: {row['value']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"
                for row in compared
                if (row["high"] < 0 if row["better"] > 0 else row["low"] > 0)
            ]
    return Verdict(tuple(objections), tuple(compared))


def untrue(card: Mapping[str, Any]) -> list[str]:
    """Objections to the calibration: observed/expected and slope must lie within bounds, or their intervals reach into them."""
    out = []
    for row in card.get("calibration", ()):
        bounds = {"observed_expected": RATIO, "slope": SLOPE}.get(row["metric"])
        if bounds is None:
            continue
        if row["value"] is None or row["high"] < bounds[0] or row["low"] > bounds[1]:
            out.append(f"校准不合格 {row['metric']} {row['value']} [{row['low']}, {row['high']}] lies outside {bounds[0]} … {bounds[1]}")
    return out


def promote(bundle_folder: Path, bundles: Path, judgement: Verdict, override: str | None = None) -> Bundle:
    """Copies a passing bundle beside the others and points the service at it, in one step that cannot be half done.

    Args:
        bundle_folder: the challenger's.
        bundles: the folder that the service watches (var/bundles).
        judgement: of the gate.
        override: why it is promoted in spite of objections.

    Raises:
        GateError: objections and no override.
    """
    if not judgement.passes and not (override and override.strip()):
        listed = "\n".join(f"  - {objection}" for objection in judgement.objections)
        raise GateError(f"未通过上线门槛 not promoted:\n{listed}\n--override 「理由 reason」 promotes all the same 说明理由后可强制上线")
    bundle = load(bundle_folder)
    target = bundles / bundle.version
    if target.exists():
        load(target)  # refuses a damaged copy instead of serving it
    else:
        write(bundle, target)
    point(bundles, bundle.version, override)
    return bundle


def _answer(name: str, bundle: Bundle, rows: Dataset) -> Prediction:
    columns = [rows.names.index(feature) for feature in bundle.features]
    X = np.ascontiguousarray(rows.X[:, columns])
    margin = bundle.margin(X, 2)
    return Prediction(name, margin, bundle.calibration.probability(margin))
