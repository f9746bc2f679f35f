"""Fits our model on a survey panel: few interviews a household, an outcome that is a point, neighbouring horizons to learn from.

What differs from a county's register, where outcomes come from a year's incomes at many dates:

* A household is seen four times, so a pair of interviews one, three or five quarters apart also teaches, at less weight, what the pair four
  quarters apart teaches.
* The outcome is a point: a household just under the line counts a little less than one, a household just above it a little more than
  nought. Judging uses the plain outcome.
* There is no later year to calibrate on without giving up the latest year to fit on. So the curve is fitted on cross-fitted margins: every
  household's margin comes from a model that has not seen the household.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np

from features.register import Array, BoolArray, FloatArray
from models.members import Boosted, Member, merge
from training.adapters.eph import HORIZON, LINE, MONITORING, Panel
from training.adapters.eph_register import quarter_end
from training.calibrate import fit_calibration
from training.dataset import Dataset
from training.fit import Fitted, Settings, boost
from training.linear import fit_linear

NEIGHBOURS = (1, 3, 5)  # quarters: the other distances at which the survey comes back


SMALL_TREES = Settings(leaves=4, learning_rate=0.05, column_share=0.2, leaf_rows=80, seeds=5, ridge=1000.0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the panel's model is fitted; chosen on validation origins inside the training years (docs/experiments.md).

    Attributes:
        trees: settings of the boosted members.
        rounds: trees a seed.
        knots: slope changes a feature of the linear member.
        linear: share of the linear member in the blend.
        neighbours: weight of a pair that is not four quarters apart.
        softness: of the outcome, in units of log income; 0 is a hard outcome.
        folds: parts of the households for the cross-fitted margins.
    """

    trees: Settings = SMALL_TREES
    rounds: int = 300
    knots: int = 2
    linear: float = 0.5
    neighbours: float = 0.5
    softness: float = 0.1
    folds: int = 3


DEFAULT_RECIPE = Recipe()


@dataclass(frozen=True, slots=True)
class Pairs:
    """Interviews with what became of the household some quarters later.

    Attributes:
        row: (pairs,) row of the panel.
        later: (pairs,) relative income then.
        quarters: (pairs,) how much later; `HORIZON` is the outcome itself.
    """

    row: Array
    later: FloatArray
    quarters: Array

    def __len__(self) -> int:
        return len(self.row)


def outcome_pairs(panel: Panel, rows: BoolArray) -> Pairs:
    """The rows at risk whose outcome is known."""
    later = panel.later(HORIZON)
    row = np.flatnonzero(rows & panel.at_risk & ~np.isnan(later))
    return Pairs(row, later[row], np.full(len(row), HORIZON))


def training_pairs(panel: Panel, until: int, shut_out: BoolArray) -> Pairs:
    """All pairs to learn from: as_of up to a quarter, nothing known more than four quarters after it.

    Args:
        panel: the survey.
        until: last as_of quarter; an outcome of a later horizon must also be known by `until` + 4.
        shut_out: (rows,) of households that judge.
    """
    parts = []
    for quarters in (HORIZON, *NEIGHBOURS):
        later = panel.later(quarters)
        usable = (panel.quarter <= until) & (panel.quarter + quarters <= until + HORIZON) & ~shut_out
        row = np.flatnonzero(usable & panel.at_risk & ~np.isnan(later))
        parts.append((row, later[row], np.full(len(row), quarters)))
    return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def dataset(panel: Panel, pairs: Pairs, matrix: FloatArray) -> Dataset:
    """The pairs as rows of the common kind, with the plain outcome.

    Args:
        panel: the survey.
        pairs: interviews and what became of them.
        matrix: (pairs, features of the panel).
    """
    places = panel.survey.households["AGLOMERADO"].fillna(0).to_numpy(dtype=np.int32)[pairs.row]
    quarters, date = np.unique(panel.quarter[pairs.row], return_inverse=True)
    line = np.array([panel.medians[int(q)] for q in panel.quarter[pairs.row]]) * 12 * LINE
    return Dataset(
        X=matrix,
        y=(pairs.later < LINE).astype(np.float64),
        household=panel.code[pairs.row].astype(np.int32),
        village=places,
        date=date.astype(np.int32),
        helped=np.zeros(len(pairs), dtype=bool),
        income=panel.relative[pairs.row] * line / LINE,
        poverty_line=line,
        monitoring_line=line * MONITORING,
        features=panel.features,
        dates=tuple(quarter_end(int(q)) for q in quarters),
        counts=(),
    )


def informative(rows: Dataset) -> Dataset:
    """Without the columns that say the same of every row: a survey without illness has nothing to teach about it."""
    X = rows.X
    with np.errstate(invalid="ignore"):
        known = ~np.isnan(X)
        low, high = np.where(known, X, np.inf).min(axis=0), np.where(known, X, -np.inf).max(axis=0)
    chosen = high > low
    return replace(
        rows,
        X=np.ascontiguousarray(X[:, chosen]),
        features=tuple(feature for feature, kept in zip(rows.features, chosen, strict=True) if kept),
    )


def softened(later: FloatArray, softness: float) -> FloatArray:
    """Outcomes between nought and one: how clearly a relative income lies under the line.

    >>> softened(np.array([0.25, 0.5, 1.0]), 0.1).round(2).tolist()
    [1.0, 0.5, 0.0]
    """
    if softness <= 0:
        return (later < LINE).astype(np.float64)
    distance = np.log(LINE) - np.log(np.maximum(later, 0.01))
    return np.asarray(1 / (1 + np.exp(-np.clip(distance / softness, -30, 30))))


def fit_panel(rows: Dataset, pairs: Pairs, recipe: Recipe = DEFAULT_RECIPE, progress: Callable[[str], None] = lambda _: None) -> Fitted:
    """Fits, cross-fits and calibrates.

    Args:
        rows: training pairs as a dataset, uninformative columns gone.
        pairs: the same pairs.
        recipe: how.
        progress: called with each step's name as it starts.
    """
    weight = np.where(pairs.quarters == HORIZON, 1.0, recipe.neighbours)
    soft = rows.with_outcomes(softened(pairs.later, recipe.softness))
    progress("拟合 fit")
    members = _members(soft, weight, recipe, recipe.trees.seeds)
    judged = pairs.quarters == HORIZON
    margin = np.full(len(rows), np.nan)
    fold = np.random.default_rng(recipe.trees.seed).integers(0, recipe.folds, int(rows.household.max()) + 1)[rows.household]
    for number in range(recipe.folds):
        progress(f"交叉拟合 cross-fit {number + 1}/{recipe.folds}")
        seen, unseen = fold != number, (fold == number) & judged
        # one seed will do here: the curve only needs to know how far margins of unseen households spread
        apart = _members(soft.select(seen), weight[seen], recipe, 1)
        margin[unseen] = np.add.reduce([member.weight * member.margin(rows.X[unseen], recipe.trees.threads) for member in apart])
    progress("校准 calibrate")
    calibration = fit_calibration(margin[judged], rows.y[judged], rows.household[judged], seed=recipe.trees.seed)
    return Fitted(members, calibration, asdict(recipe))


def _members(rows: Dataset, weight: FloatArray, recipe: Recipe, seeds: int) -> tuple[Member, ...]:
    members: list[Member] = []
    if recipe.linear < 1:
        boosters = [boost(rows, recipe.trees, recipe.rounds, recipe.trees.seed + i, row_weights=weight) for i in range(seeds)]
        members.append(Boosted((1 - recipe.linear) / seeds, merge(boosters)))
    if recipe.linear > 0:
        members.append(fit_linear(rows.X, rows.y, weight=recipe.linear, ridge=recipe.trees.ridge, knots=recipe.knots, row_weights=weight))
    return tuple(members)
