"""Looks for better settings of the model on validation dates, and says whether they win on a date that it never looked at.

The budget is a number of trials, never seconds: the same data, budget and seed give the same answer on any machine. Directions of features
stay imposed in every trial.

Worked example, dates 2016-12-31 … 2021-06-30: trials are judged on 2020-06-30, fitted on the dates whose outcomes end before it
(to 2019-06-30). The winner and the defaults are then fitted to 2020-06-30 and held against each other on 2021-06-30.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from features.errors import UserError
from training.contestants import OURS
from training.dataset import Dataset
from training.evaluate import Prediction, judge
from training.fit import DEFAULTS, Settings, choose, fit
from training.labels import SPAN_MONTHS, shift
from training.splits import TooLittleError

COMPARED = ("auc", "ap", "precision_at_10", "brier")
DEFAULT = "defaults"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Attributes:
        settings: of the best trial.
        trials: rows {number, loss, …settings}, in the order tried; the first is the defaults.
        compared: the best settings minus the defaults on the date that no trial looked at: {metric, value, low, high}.
        judged_on: that date.
        events: outcomes on it.
    """

    settings: Settings
    trials: tuple[dict[str, Any], ...]
    compared: tuple[dict[str, Any], ...]
    judged_on: str
    events: int

    @property
    def wins(self) -> bool:
        """Whether the best settings rank better there with the whole interval, and are worse in nothing with the whole of it."""
        ranking = [row for row in self.compared if row["metric"] in ("auc", "ap")]
        worse = any(row["high"] < 0 if row["better"] > 0 else row["low"] > 0 for row in self.compared)
        return any(row["low"] > 0 for row in ranking) and not worse


def search(rows: Dataset, trials: int, *, base: Settings = DEFAULTS, progress: Callable[[int, float], None] = lambda *_: None) -> Found:
    """Tries settings and keeps the best.

    Args:
        rows: of several dates, ascending; the last one only compares the winner with the defaults.
        trials: how many are tried, the defaults among them.
        base: the settings that are to be beaten; its seed is the seed of the search.
        progress: called with each trial's number and the best loss so far.

    Raises:
        TooLittleError: less than two years from the first date to the last.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seen = tuple(date for date in rows.dates if shift(date, SPAN_MONTHS) <= rows.dates[-1])
    if not any(shift(date, SPAN_MONTHS) <= seen[-1] for date in seen):
        raise TooLittleError(
            "时点太少，无法调参 too few dates to search: "
            f"{rows.dates[0]} … {rows.dates[-1]}; 首尾至少相隔两年 the first and the last must be two years apart"
        )
    before = replace(rows.select(rows.date < len(seen)), dates=seen)
    tried: list[dict[str, Any]] = []

    def objective(trial: optuna.Trial) -> float:
        settings = replace(base, **_suggested(trial))
        loss = float(choose(before, settings)["loss"])
        tried.append({"number": trial.number, "loss": loss, **trial.params})
        progress(trial.number + 1, min(row["loss"] for row in tried))
        return loss

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=base.seed))
    study.enqueue_trial({name: getattr(base, name) for name in SPACE})
    study.optimize(objective, n_trials=trials)
    best = replace(base, **study.best_params)
    return _judged(rows, before, base, best, tuple(tried))


SPACE: Mapping[str, Callable[[Any, str], Any]] = {
    "leaves": lambda trial, name: trial.suggest_int(name, 3, 16),
    "learning_rate": lambda trial, name: trial.suggest_float(name, 0.02, 0.2, log=True),
    "column_share": lambda trial, name: trial.suggest_float(name, 0.1, 0.6),
    "row_share": lambda trial, name: trial.suggest_float(name, 0.4, 1.0),
    "leaf_rows": lambda trial, name: trial.suggest_int(name, 20, 400, log=True),
    "shrink": lambda trial, name: trial.suggest_float(name, 1.0, 100.0, log=True),
    "ridge": lambda trial, name: trial.suggest_float(name, 10.0, 2000.0, log=True),
}


def _suggested(trial: Any) -> dict[str, Any]:
    return {name: suggest(trial, name) for name, suggest in SPACE.items()}


def _judged(rows: Dataset, before: Dataset, base: Settings, best: Settings, tried: tuple[dict[str, Any], ...]) -> Found:
    last = rows.dates[-1]
    early = rows.select(np.array([shift(date, SPAN_MONTHS) <= last for date in rows.dates])[rows.date])
    late = rows.select(rows.date == len(rows.dates) - 1)
    predictions = []
    for name, settings in ((OURS, best), (DEFAULT, base)):
        size = {key: value for key, value in choose(before, settings).items() if key in ("rounds", "blend")}
        # fitted and calibrated on the same early rows: the comparison is of rankings, and of levels that err alike
        fitted = fit(early, early, settings, force=True, chosen=size)
        margin = fitted.margin(late.X, settings.threads)
        predictions.append(Prediction(name, margin, fitted.calibration.probability(margin)))
    everybody = {"all": np.ones(len(late), dtype=bool)}
    paired = judge(late.y, late.household, predictions, everybody, seed=base.seed)[1]
    compared = tuple(row for row in paired if row["metric"] in COMPARED)
    return Found(best, tried, compared, last.isoformat(), int(late.y.sum()))


def as_before(chosen: Mapping[str, Any], base: Settings) -> Settings:
    """The settings that a search may change, as an earlier model had them (`settings` of its card), over the base."""
    return replace(base, **{name: chosen[name] for name in SPACE if name in chosen})


def settings_from(path: Path, base: Settings) -> Settings:
    """Settings that a search wrote, over the base.

    Raises:
        UserError: not such a file, or a setting that is unknown, of another kind or not above zero.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))["settings"]
        unknown = [name for name in said if name not in SPACE]
        values = {name: type(getattr(base, name))(value) for name, value in said.items() if name in SPACE}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: 不是调参结果 is no result of a search ({type(error).__name__}): python -m training search") from None
    if unknown:
        raise UserError(f"{path}: 不认识的设置 unknown settings {', '.join(unknown)}; 可用 known: {', '.join(SPACE)}")
    wrong = [name for name, value in values.items() if not value > 0]
    if wrong:
        raise UserError(f"{path}: 必须大于零 must be above zero: {', '.join(wrong)}")
    return replace(base, **values)
