"""Judges the method on a real panel: fitted up to one quarter, judged from a later one on, in households that it has not seen.

Households of the training part are left out of the test part; nothing that trains was known later than the last training quarter's
outcome. Every figure stands beside those of the plain rankings, with intervals from resampling households, and as a paired difference.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from features.errors import UserError
from features.register import Array, BoolArray, FloatArray
from training.adapters.eph import HORIZON, LINE, Panel
from training.adapters.eph_files import quarter_text
from training.baselines import DefaultTrees, Income, Logistic
from training.dataset import Dataset
from training.evaluate import Prediction, calibration, judge
from training.leaks import alarms
from training.panel import (
    DEFAULT_RECIPE,
    PLAIN,
    Pairs,
    Recipe,
    admitted,
    dataset,
    fit_panel,
    informative,
    level_shift,
    log_odds,
    outcome_pairs,
    training_pairs,
    with_columns,
)
from training.panel_report import panel_report

CROSS_SECTION = 1500  # interviews a quarter that say at which level its households stand
FEWEST_EVENTS = 50  # fewer on either side and the figures would be noise


@dataclass(frozen=True)
class Backtest:
    """A judged back-test.

    Attributes:
        test: the rows that judged, with their plain outcome.
        household: (n,) household of each row, as the survey names it.
        quarter: (n,) as_of quarter of each row.
        predictions: income, logistic, lightgbm_default and ours.
        metrics, paired, calibration: as `training.evaluate` gives them.
        alarms: what looks like leakage.
        summary: sizes, settings, seconds.
    """

    test: Dataset
    household: Array
    quarter: Array
    predictions: tuple[Prediction, ...]
    metrics: list[dict[str, Any]]
    paired: list[dict[str, Any]]
    calibration: list[dict[str, Any]]
    alarms: list[str]
    summary: dict[str, Any]


def backtest(
    panel: Panel,
    train_until: int,
    test_from: int,
    *,
    test_until: int | None = None,
    recipe: Recipe = DEFAULT_RECIPE,
    resamples: int = 200,
    progress: Callable[[str, float], None] = lambda *_: None,
) -> Backtest:
    """Fits on as_of quarters up to `train_until`, judges on those from `test_from` on.

    Args:
        panel: the survey.
        train_until: last as_of quarter that trains.
        test_from: first as_of quarter that judges; at least four quarters later, so that no training outcome lies beyond it.
        test_until: last as_of quarter that judges; all there are by default.
        recipe: how our model is fitted.
        resamples: of households, behind each interval.
        progress: called with a step's name and the share done.

    Raises:
        UserError: outcomes would overlap, or there are too few events.
    """
    if train_until + HORIZON > test_from:
        raise UserError(
            f"结果期重叠 outcomes would overlap: the test must begin at {quarter_text(train_until + HORIZON)} or later "
            "检验期最早从该季度开始"
        )
    started = time.monotonic()
    in_test = (panel.quarter >= test_from) & (panel.quarter <= (test_until or panel.quarter.max()))
    learnt, judged = outcome_pairs(panel, panel.quarter <= train_until), outcome_pairs(panel, in_test)
    judged = _of(judged, ~np.isin(panel.code[judged.row], panel.code[learnt.row]))
    events = [int((pairs.later < LINE).sum()) for pairs in (learnt, judged)]
    if min(events) < FEWEST_EVENTS:
        raise UserError(f"事件太少 too few events: {events[0]} to learn from, {events[1]} to judge by; {FEWEST_EVENTS} are needed 至少需要")
    pairs = training_pairs(panel, train_until, np.isin(panel.code, panel.code[judged.row]))
    # like those that judge, households in their first year with the survey
    fresh = np.isnan(panel.later(-HORIZON)) & np.isnan(panel.later(-HORIZON - 1))
    around = _cross_section(panel, in_test & fresh & panel.at_risk & ~np.isin(panel.code, panel.code[pairs.row]))
    fitting, test, there = _matrices(panel, pairs, judged, around, progress)
    seconds = {"features": time.monotonic() - started}
    own = admitted(fitting)
    ours = fit_panel(with_columns(fitting, own), pairs, recipe, lambda step: progress(step, 0.0))
    seconds["fit"] = time.monotonic() - started - seconds["features"]
    progress("基线 baselines", 0.0)
    plain = fitting.select(pairs.quarters == HORIZON)
    relative = panel.relative
    first = pairs.row[pairs.quarters == HORIZON]
    income = Income(relative[first], plain.y)
    margin = log_odds(ours.calibration.probability(ours.margin(test.X[:, own])))
    level = log_odds(ours.calibration.probability(ours.margin(there[:, own])))
    claimed = income.predict(relative[around]).probability
    shifts = {}
    for number in np.unique(panel.quarter[judged.row]):
        here = panel.quarter[around] == number
        shifts[quarter_text(int(number))] = recipe.anchor * level_shift(level[here], claimed[here])
        margin[panel.quarter[judged.row] == number] += shifts[quarter_text(int(number))]
    predictions = (
        income.predict(relative[judged.row]),
        Logistic(plain.X, plain.y, plain.names, PLAIN).predict(test.X),
        DefaultTrees(plain.X, plain.y, recipe.trees.threads).predict(test.X),
        Prediction("ours", margin, 1 / (1 + np.exp(-margin))),
    )
    earlier = panel.later(-1)[judged.row]
    segments: dict[str, BoolArray] = {
        "all": np.ones(len(test), dtype=bool),
        "edge": test.edge,
        "recently_poor": earlier < LINE,
        "not_imputed": ~panel.imputed[judged.row],
    }
    progress("检验 judge", 0.0)
    metrics, paired = judge(test.y, test.household, predictions, segments, resamples=resamples)
    summary = {
        "train_until": quarter_text(train_until),
        "test_from": quarter_text(test_from),
        "test_until": quarter_text(int(panel.quarter[judged.row].max())),
        "training_rows": len(learnt),
        "training_events": events[0],
        "training_pairs": len(pairs),
        "test_rows": len(test),
        "test_events": events[1],
        "segments": {name: {"rows": int(rows.sum()), "events": int(test.y[rows].sum())} for name, rows in segments.items()},
        "features": len(own),
        "recipe": ours.chosen,
        "level_shifts": {quarter: round(shift, 4) for quarter, shift in shifts.items()},
        "seconds": {name: round(value, 1) for name, value in (seconds | {"all": time.monotonic() - started}).items()},
    }
    return Backtest(
        test=test,
        household=panel.household[judged.row],
        quarter=np.array([quarter_text(int(q)) for q in panel.quarter[judged.row]]),
        predictions=predictions,
        metrics=metrics,
        paired=paired,
        calibration=calibration(test.y, predictions[-1].probability, test.household, resamples=resamples),
        alarms=alarms(test, predictions[-1]),
        summary=summary,
    )


def _of(pairs: Pairs, chosen: BoolArray) -> Pairs:
    return Pairs(pairs.row[chosen], pairs.later[chosen], pairs.quarters[chosen])


def _cross_section(panel: Panel, rows: BoolArray) -> Array:
    """Up to `CROSS_SECTION` of these interviews a quarter, the same in every run."""
    order = np.random.default_rng(0).permutation(np.flatnonzero(rows))
    order = order[np.argsort(panel.quarter[order], kind="stable")]
    number = panel.quarter[order]
    place = np.arange(len(order)) - np.searchsorted(number, number)
    return np.sort(order[place < CROSS_SECTION])


def _matrices(
    panel: Panel, pairs: Pairs, judged: Pairs, around: Array, progress: Callable[[str, float], None]
) -> tuple[Dataset, Dataset, FloatArray]:
    """Training rows, test rows and the test quarters' cross-section, through the register and the one feature function."""
    wanted = np.zeros(len(panel.code), dtype=bool)
    wanted[pairs.row] = wanted[judged.row] = wanted[around] = True
    place = np.cumsum(wanted) - 1
    matrix = panel.matrix(wanted, lambda share: progress("特征 features", share))
    fitting = informative(dataset(panel, pairs, matrix[place[pairs.row]]))
    kept = [panel.features.index(feature) for feature in fitting.features]
    test = dataset(panel, judged, matrix[place[judged.row]])
    return fitting, with_columns(test, kept), np.ascontiguousarray(matrix[place[around]][:, kept])


def write_backtest(result: Backtest, folder: Path) -> None:
    """Writes metrics.json, paired.json, calibration.json, summary.json, report.md and predictions.parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = ("model", "segment", "metric", "value", "low", "high")
    documents: dict[str, object] = {
        "metrics": [{field: row[field] for field in fields} for row in result.metrics],
        "paired": result.paired,
        "calibration": result.calibration,
        "summary": result.summary | {"alarms": result.alarms},
    }
    for name, content in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    report = panel_report(result.summary | {"alarms": result.alarms}, result.metrics, result.paired, result.calibration)
    (folder / "report.md").write_text(report, encoding="utf-8")
    columns: dict[str, Array] = {
        "household": result.household,
        "quarter": result.quarter,
        "outcome": result.test.y.astype(np.int8),
    } | {prediction.model: prediction.probability for prediction in result.predictions}
    pyarrow.parquet.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), folder / "predictions.parquet")
