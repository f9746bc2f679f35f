"""Feature rows with their outcomes, stacked over dates: what a model is fitted, calibrated or judged on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from features.build import FeatureFrame, build, catalogue
from features.catalog import Feature, Leak
from features.policy.registry import Policy
from features.register import BoolArray, FloatArray, IntArray, Register, RegisterInfo
from training.labels import Labels, outcome


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows (household, date) at risk and with a known outcome.

    Attributes:
        X: (rows, features) float64, NaN where not known; columns as `features`.
        y: (rows,) 1 or 0.
        household: (rows,) index of the household in the register.
        village: (rows,) index into the register's village codes.
        date: (rows,) index into `dates`.
        helped: (rows,) helped within the outcome's months.
        income, poverty_line, monitoring_line: (rows,) yuan a person and year at the date.
        features: declarations of the columns, safe ones only.
        counts: per date, how many were at risk, labelled, hit and helped.
    """

    X: FloatArray
    y: FloatArray
    household: IntArray
    village: IntArray
    date: IntArray
    helped: BoolArray
    income: FloatArray
    poverty_line: FloatArray
    monitoring_line: FloatArray
    features: tuple[Feature, ...]
    dates: tuple[dt.date, ...]
    counts: tuple[dict[str, object], ...]

    def __len__(self) -> int:
        return len(self.y)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(feature.name for feature in self.features)

    @property
    def edge(self) -> BoolArray:
        """Rows whose income lies inside the edge band."""
        return np.asarray((self.income >= self.poverty_line) & (self.income < self.monitoring_line))

    def select(self, rows: BoolArray) -> Dataset:
        """The chosen rows."""
        return replace(self, **{name: getattr(self, name)[rows] for name in ROW_FIELDS})

    def with_outcomes(self, y: FloatArray) -> Dataset:
        """The same rows with other outcomes."""
        return replace(self, y=y)


ROW_FIELDS = ("X", "y", "household", "village", "date", "helped", "income", "poverty_line", "monitoring_line")


def trainable(info: RegisterInfo) -> tuple[Feature, ...]:
    """The features that may train: the safe ones of the catalogue, in its order.

    Amounts in plain yuan stay out: 5,000 yuan of one year is not 5,000 yuan of another, and a model fitted before would claim too little
    or too much after. The same amounts train as ratios to the line in force.
    """
    return tuple(feature for feature in catalogue(info) if feature.leak is Leak.SAFE and not feature.unit.startswith("yuan"))


@dataclass(frozen=True, slots=True)
class History:
    """A register with its policy, asked again and again as of one date or another.

    Attributes:
        register: the facts.
        policy: lines by date.
        name: the outcome that is asked for.
        kept: features of dates that were built before, where they are kept: a back-test comes back to each date many times. 25,000
            households take some 25 MB a date.
    """

    register: Register
    policy: Policy
    name: str = "falls_below"
    kept: dict[dt.date, FeatureFrame] | None = field(default=None, compare=False)

    def frame(self, as_of: dt.date) -> FeatureFrame:
        """The features of all households on a date."""
        if self.kept is None:
            return build(self.register, as_of, self.policy)
        if as_of not in self.kept:
            self.kept[as_of] = build(self.register, as_of, self.policy)
        return self.kept[as_of]

    def labels(self, frame: FeatureFrame, known_by: dt.date) -> Labels:
        """What became of the households of a frame, as far as it was known by a day."""
        return outcome(self.name, self.register, frame, self.policy, known_by)

    def completeness(self, as_of: dt.date, known_by: dt.date) -> float:
        """Share of the households at risk on a date whose outcome is known by a day."""
        labels = self.labels(self.frame(as_of), known_by)
        at_risk = int(labels.at_risk.sum())
        return int(labels.labelled.sum()) / at_risk if at_risk else 0.0


def collect(
    history: History, dates: Sequence[dt.date], known_by: dt.date, *, progress: Callable[[dt.date], None] = lambda _: None
) -> Dataset:
    """Features and outcomes of all households at all dates.

    Args:
        history: the facts and the outcome.
        dates: as_of dates.
        known_by: outcomes are looked up on this day.
        progress: called with each date when it is done.
    """
    features = trainable(history.register.info)
    names = tuple(feature.name for feature in features)
    parts: list[list[np.ndarray]] = []
    counts: list[dict[str, object]] = []
    for number, as_of in enumerate(dates):
        frame = history.frame(as_of)
        labels = history.labels(frame, known_by)
        rows = labels.labelled
        facts = frame.facts
        parts.append(
            [
                frame.columns(names)[rows],
                labels.event[rows],
                frame.position[rows],
                facts.village[rows],
                np.full(int(rows.sum()), number, dtype=np.int32),
                labels.helped[rows],
                facts.pc_net_income[rows],
                facts.poverty_line[rows],
                facts.monitoring_line[rows],
            ]
        )
        counts.append({"as_of": as_of.isoformat(), **labels.counts()})
        progress(as_of)
    stacked = {name: np.concatenate(column) for name, column in zip(ROW_FIELDS, zip(*parts, strict=True), strict=True)}
    return Dataset(**stacked, features=features, dates=tuple(dates), counts=tuple(counts))
