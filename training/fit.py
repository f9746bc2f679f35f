"""Fits our model: small boosted trees, several seeds, beside a ridge-spline score, blended and calibrated on later households.

Size (rounds) and blend are chosen on validation origins inside the fitting dates, never on the dates that calibrate or judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import lightgbm
import numpy as np

from features.errors import UserError
from features.register import Array, FloatArray
from models.calibration import Calibration
from models.members import Boosted, Linear, Member
from training.calibrate import fit_calibration, sigmoid
from training.dataset import Dataset
from training.labels import SPAN_MONTHS, shift
from training.linear import fit_linear
from training.resample import thin

FEWEST_EVENTS = 200
MOST_ROWS = 50_000  # that each seed's trees are grown on: every event and a sample of its own of the rest
BLENDS = (0.0, 0.25, 0.5, 0.75, 1.0)  # share of the linear member that is tried


class TooFewError(UserError):
    """So few events that a model would learn chance."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is fitted; the defaults were chosen on validation origins (docs/experiments.md).

    Attributes:
        leaves: of a tree.
        learning_rate: of the boosting.
        column_share: of the features that each tree may look at.
        row_share: of the rows that each tree is grown on.
        leaf_rows: fewest rows in a leaf.
        shrink: L2 penalty on leaf values.
        most_rounds: at most so many trees a seed; how many is chosen on validation.
        seeds: boosters averaged.
        ridge: penalty of the linear member.
        seed: of everything random.
        threads: for LightGBM.
    """

    leaves: int = 6
    learning_rate: float = 0.1
    column_share: float = 0.2
    row_share: float = 0.7
    leaf_rows: int = 100
    shrink: float = 20.0
    most_rounds: int = 400
    seeds: int = 3
    ridge: float = 100.0
    seed: int = 0
    threads: int = 2


DEFAULTS = Settings()


@dataclass(frozen=True, slots=True)
class Fitted:
    """Members with their weights, the calibration, and what validation said.

    Attributes:
        members: their weights sum to one.
        calibration: fitted on the calibration rows.
        chosen: rounds, blend and validation losses, for the record.
    """

    members: tuple[Member, ...]
    calibration: Calibration
    chosen: dict[str, object]

    def margin(self, X: FloatArray, threads: int = 2) -> FloatArray:
        """(n,) blended margins."""
        return np.asarray(sum(member.weight * member.margin(X, threads) for member in self.members))


def fit(
    rows: Dataset,
    later: Dataset,
    settings: Settings = DEFAULTS,
    *,
    force: bool = False,
    chosen: Mapping[str, float] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Fitted:
    """Fits on `rows`, calibrates on `later`.

    Args:
        rows: fitting rows over several dates.
        later: rows of the calibration date.
        settings: how.
        force: fit although there are fewer than 200 events.
        chosen: rounds and blend of an earlier choice; chosen anew by default.
        progress: called with each step's name as it starts.

    Raises:
        TooFewError: fewer than 200 households with an event to fit on, or none to calibrate on.
    """
    events = len(np.unique(rows.household[rows.y > 0]))  # one fall seen from four dates is one fall
    if (events < FEWEST_EVENTS and not force) or not later.y.sum() or not events:
        raise TooFewError(
            f"事件太少 too few events: {events} households to fit on, {int(later.y.sum())} to calibrate on; {FEWEST_EVENTS} are needed "
            f"至少需要 {FEWEST_EVENTS}; --force fits all the same 可用 --force 强制训练"
        )
    if chosen is None:
        progress("验证 choose size and blend")
        chosen = choose(rows, settings)
    progress("拟合 fit")
    members = _members(rows, settings, int(chosen["rounds"]), float(chosen["blend"]))
    progress("校准 calibrate")
    margin = np.asarray(sum(member.weight * member.margin(later.X, settings.threads) for member in members))
    calibration = fit_calibration(margin, later.y, later.household, seed=settings.seed)
    return Fitted(members, calibration, {**chosen, **asdict(settings)})


def choose(rows: Dataset, settings: Settings) -> dict[str, float]:
    """Rounds and blend by log loss on the last fitting date, fitted on the dates whose outcomes end before it.

    With too little history for that, a fifth of the households stands in for the later date.
    """
    last = len(rows.dates) - 1
    early = [i for i, date in enumerate(rows.dates) if shift(date, SPAN_MONTHS) <= rows.dates[last]]
    if early:
        train, check = rows.select(np.isin(rows.date, early)), rows.select(rows.date == last)
    else:
        away = rows.household % 5 == 0
        train, check = rows.select(~away), rows.select(away)
    if not train.y.sum() or not check.y.sum():
        return {"rounds": 100, "blend": 0.5, "loss": float("nan")}
    booster = boost(train, settings, settings.most_rounds, settings.seed, check=check)
    rounds = max(int(booster.best_iteration), 20)
    trees = np.asarray(booster.predict(check.X, raw_score=True, num_iteration=rounds))
    line = fit_linear(train.X, train.y, ridge=settings.ridge, seed=settings.seed).margin(check.X)
    losses = {blend: _loss((1 - blend) * trees + blend * line, check.y) for blend in BLENDS}
    best = min(losses, key=lambda blend: losses[blend])
    return {"rounds": rounds, "blend": best, "loss": losses[best], "loss_trees": losses[0.0], "loss_linear": losses[1.0]}


def boost(
    rows: Dataset,
    settings: Settings,
    rounds: int,
    seed: int,
    *,
    check: Dataset | None = None,
    row_weights: FloatArray | None = None,
    start: FloatArray | None = None,
) -> lightgbm.Booster:
    """One seed's boosted trees, monotone where the features' directions say so.

    Args:
        rows: to grow on; soft outcomes are allowed.
        settings: of the trees.
        rounds: how many trees.
        seed: of the draws of rows and columns.
        check: rows on which growing stops early when they no longer gain.
        row_weights: (n,) or None for ones.
        start: (n,) margins of another member that the trees add to; their own margins do not hold it.
    """
    names = list(rows.names)
    parameters = {
        "objective": "cross_entropy",
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "feature_fraction": settings.column_share,
        "bagging_fraction": settings.row_share,
        "bagging_freq": 1,
        "min_data_in_leaf": settings.leaf_rows,
        "lambda_l2": settings.shrink,
        "max_bin": 63,
        "monotone_constraints": [feature.direction for feature in rows.features],
        "seed": seed,
        "num_threads": settings.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    X, y = rows.X, rows.y
    if row_weights is None and start is None and len(rows) > MOST_ROWS:
        chosen, row_weights = thin(y, MOST_ROWS, seed)
        X, y = X[chosen], y[chosen]
    data = lightgbm.Dataset(X, y, weight=row_weights, init_score=start, feature_name=names, params={"verbosity": -1, "max_bin": 63})
    if check is None:
        return lightgbm.train(parameters, data, num_boost_round=rounds)
    watched = lightgbm.Dataset(check.X, check.y, reference=data)
    stop = lightgbm.early_stopping(50, verbose=False)
    return lightgbm.train(parameters, data, num_boost_round=rounds, valid_sets=[watched], callbacks=[stop])


def _members(rows: Dataset, settings: Settings, rounds: int, blend: float) -> tuple[Member, ...]:
    members: list[Boosted | Linear] = []
    if blend < 1:
        boosters = [boost(rows, settings, rounds, settings.seed + i) for i in range(settings.seeds)]
        members.append(Boosted.of((1 - blend) / settings.seeds, *boosters))
    if blend > 0:
        members.append(fit_linear(rows.X, rows.y, weight=blend, ridge=settings.ridge, seed=settings.seed))
    return tuple(members)


def _loss(margin: FloatArray, y: Array) -> float:
    """Log loss after the best sigmoid: compares rankings and spreads, not offsets."""
    a, b = sigmoid(margin, y, np.ones((1, len(y))))
    p = np.clip(1 / (1 + np.exp(-(a[0] * margin + b[0]))), 1e-9, 1 - 1e-9)
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())
