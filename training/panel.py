"""Fits our model on a survey panel: few interviews a household, an outcome that is a point, neighbouring horizons to learn from.

What differs from a county's register, where outcomes come from a year's incomes at many dates:

* A household is seen four times, so a pair of interviews one, three or five quarters apart also teaches, at less weight, what the pair four
  quarters apart teaches.
* The outcome is a point: a household just under the line counts a little less than one, a household just above it a little more than
  nought. Judging uses the plain outcome.
* Between the survey's years the inputs drift while the relative line keeps the rate of falls much the same: formal work and health cover
  spread from 2003 to 2008, and a score fitted before claims too little after. So the margins of a quarter are moved part of the way to
  the level at which the plain income curve puts that quarter's households. No outcome is looked at for that.
* There is no later year to calibrate on without giving up the latest year to fit on. So the curve is fitted on cross-fitted margins:
  those of households that the members behind them were not fitted on.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

import lightgbm
import numpy as np

from features.register import Array, BoolArray, FloatArray
from models.members import Boosted, Linear
from training.adapters.eph import HORIZON, LINE, MONITORING, Panel
from training.adapters.eph_register import quarter_end
from training.calibrate import fit_calibration
from training.dataset import Dataset
from training.fit import Fitted, Settings, boost
from training.linear import REFERENCE_ROWS, cross_fitted, prepare, solve

NEIGHBOURS = (1, 3, 5)  # quarters: the other distances at which the survey comes back
# Who is given aid is decided by an office, and by other rules every few years (work plans were wound up from 2003 on, a child allowance
# began in 2009): like 低保 in a county's register, these say what was decided, not what the household needs.
DECIDED_BY_AN_OFFICE = tuple(
    f"indicator.{name}"
    for name in (
        "lived_on_subsidy",
        "lived_on_subsidy_before",
        "lived_on_aid",
        "lived_on_unemployment",
        "subsidy_share",
        "unemployment_share",
        "work_plan",
    )
)
# About thirty plain features of the survey, such as a statistician would start with.
PLAIN = tuple(
    f"indicator.{name}"
    for name in (
        "relative_income", "relative_income_before", "size_log", "under_6", "under_14", "over_64", "employed", "unemployed", "formal",
        "informal", "self_employed", "head_age", "spouse", "head_education", "head_employed", "top_education", "lived_on_subsidy",
        "lived_on_pension", "lived_on_remittance", "spent_savings", "borrowed_family", "hours", "no_cover", "owner", "rooms_per_head",
        "piped_gas", "retired", "adult_education", "labour_share", "imputed",
    )
)  # fmt: skip
PLAIN_RIDGE = 1.0


SMALL_TREES = Settings(leaves=4, learning_rate=0.05, column_share=0.2, leaf_rows=80, seeds=6, ridge=1000.0, threads=1)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the panel's model is fitted; chosen on validation origins inside the training years (docs/experiments.md).

    Attributes:
        trees: settings of the boosted member, which adds to the linear one; its `threads` are of one seed, two seeds grow at a time.
        rounds: trees a seed.
        knots: slope changes a feature of the linear member.
        plain: share of a logistic score on thirty plain features in the blend: it errs elsewhere than the other two.
        neighbours: weight of a pair that is not four quarters apart.
        softness: of the outcome, in units of log income; 0 is a hard outcome.
        folds: parts of the households for the cross-fitted margins.
        anchor: share of the way that a quarter's margins are moved towards the income curve's level.
    """

    trees: Settings = SMALL_TREES
    rounds: int = 100
    knots: int = 2
    plain: float = 0.2
    neighbours: float = 0.5
    softness: float = 0.1
    folds: int = 4
    anchor: float = 0.5


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
    return with_columns(rows, np.flatnonzero(chosen).tolist())


def admitted(rows: Dataset) -> list[int]:
    """The columns that our model may look at: nothing that an office decided."""
    return [j for j, feature in enumerate(rows.features) if feature.name not in DECIDED_BY_AN_OFFICE]


def with_columns(rows: Dataset, kept: list[int]) -> Dataset:
    """The rows with some of their columns."""
    return replace(rows, X=np.ascontiguousarray(rows.X[:, kept]), features=tuple(rows.features[j] for j in kept))


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
    """A ridge-spline score, small trees that add to it, a plain logistic score beside them, and the curve to a probability.

    The trees are grown on margins that the score gives to households it was not fitted on: grown on fitted margins they would learn
    how the score overfits. The curve is fitted on margins that the members give to households that they were not fitted on.

    Args:
        rows: training pairs as a dataset, uninformative columns gone.
        pairs: the same pairs.
        recipe: how.
        progress: called with each step's name as it starts.
    """
    settings = recipe.trees
    weight = np.where(pairs.quarters == HORIZON, 1.0, recipe.neighbours)
    # Directions hold for the whole score, not for what is left after a part of it.
    soft = replace(rows, y=softened(pairs.later, recipe.softness), features=tuple(replace(f, direction=0) for f in rows.features))
    fold = np.random.default_rng(settings.seed).integers(0, recipe.folds, int(rows.household.max()) + 1)[rows.household]
    progress("拟合线性部分 fit the linear member")
    prepared = prepare(rows.X, weight, recipe.knots)
    theta = solve(prepared, soft.y, settings.ridge)
    line = prepared.member(theta, 1 - recipe.plain, rows.X[:REFERENCE_ROWS])
    progress("交叉拟合 cross-fit")
    unseen = cross_fitted(prepared, soft.y, settings.ridge, fold, theta)
    del prepared
    judged = pairs.quarters == HORIZON
    plain, beside = _plain(rows.select(judged), fold[judged], recipe)

    def grow(chosen: BoolArray, seed: int) -> lightgbm.Booster:
        return boost(soft.select(chosen), settings, recipe.rounds, seed, row_weights=weight[chosen], start=unseen[chosen])

    progress("拟合提升树 grow the trees")
    everybody = np.ones(len(rows), dtype=bool)
    with ThreadPoolExecutor(2) as pool:
        seeds = [pool.submit(grow, everybody, settings.seed + i) for i in range(settings.seeds)]
        parts = [pool.submit(grow, fold != part, settings.seed) for part in range(recipe.folds)]
        boosters, apart = [job.result() for job in seeds], [job.result() for job in parts]
    trees = Boosted.of((1 - recipe.plain) / len(boosters), *boosters)
    progress("校准 calibrate")
    margin = unseen.copy()
    for part, booster in enumerate(apart):
        margin[fold == part] += Boosted.of(1.0, booster).margin(rows.X[fold == part])
    blended = (1 - recipe.plain) * margin[judged] + recipe.plain * beside
    calibration = fit_calibration(blended, rows.y[judged], rows.household[judged], seed=settings.seed)
    return Fitted((line, trees, plain), calibration, asdict(recipe))


def _plain(rows: Dataset, fold: Array, recipe: Recipe) -> tuple[Linear, FloatArray]:
    """A straight logistic score on the plain features alone, and the margins it gives to households it was not fitted on."""
    looked_at = np.isin(np.array(rows.names), PLAIN)
    X = np.where(looked_at, rows.X, 0.0)  # a column that says the same of everybody gets no coefficient
    prepared = prepare(X, np.ones(len(rows)), 0)
    theta = solve(prepared, rows.y, PLAIN_RIDGE)
    return prepared.member(theta, recipe.plain, X[:REFERENCE_ROWS]), cross_fitted(prepared, rows.y, PLAIN_RIDGE, fold, theta)


def log_odds(probability: FloatArray) -> FloatArray:
    """Log odds of probabilities strictly between nought and one."""
    return np.asarray(np.log(probability) - np.log1p(-probability))


def level_shift(margin: FloatArray, claimed: FloatArray) -> float:
    """By how much margins must be moved so that their mean probability is that of other claims for the same households.

    Args:
        margin: (n,) calibrated log odds.
        claimed: (n,) probabilities.

    >>> round(level_shift(np.zeros(3), np.full(3, 0.25)), 4) == round(float(np.log(1 / 3)), 4)
    True
    """
    wanted, shift = float(claimed.mean()), 0.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-(margin + shift)))
        move = (wanted - float(p.mean())) / max(float((p * (1 - p)).mean()), 1e-9)
        shift += float(np.clip(move, -1.0, 1.0))
        if abs(move) < 1e-9:
            break
    return shift
