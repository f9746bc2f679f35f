"""The one function that training, batch scoring and the API call: a register, a date and a policy become the model's inputs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from features.catalog import Feature, Theme
from features.disability import disability
from features.employment import employment
from features.illness import illness
from features.income import income
from features.livelihood import livelihood
from features.policy.registry import Policy
from features.ratios import CAP, divide, positive
from features.register import UNKNOWN, YES, Array, FloatArray, Indicator, IntArray, Register, RegisterInfo, stack
from features.seen import Seen
from features.shocks import shocks
from features.structure import structure


class Facts(NamedTuple):
    """What is stated of each household beside the model's inputs; yuan a person and year, NaN is not evaluable.

    Attributes:
        pc_net_income: per-capita net income of the last twelve known months, transfers included.
        poverty_line: line under which a household is poor on the date.
        monitoring_line: upper edge of the edge band.
        exited: 1 exited, 0 ordinary, NaN not known.
        village: index into `register.texts["households", "village_code"]`, -1 not known.
        data_month: last month that incomes cover, -1 none.
        monitored: identified as monitored and not eliminated, as known on the date. Never an input of the model.
        shock: a large rigid expenditure or sharp fall of income is on record within twelve months.
    """

    pc_net_income: FloatArray
    poverty_line: FloatArray
    monitoring_line: FloatArray
    exited: FloatArray
    village: IntArray
    data_month: IntArray
    monitored: FloatArray
    shock: FloatArray


@dataclass(frozen=True, slots=True)
class FeatureFrame:
    """Features of the households known on a date: `values[i, j]` is feature `names[j]` of household `household_id[i]`."""

    household_id: np.ndarray
    position: IntArray  # of each row's household in the register
    names: tuple[str, ...]
    values: FloatArray
    facts: Facts
    as_of: dt.date

    def __len__(self) -> int:
        return len(self.household_id)

    def columns(self, names: tuple[str, ...]) -> FloatArray:
        """The values of these features, in this order."""
        if names == self.names:
            return self.values
        place = {name: j for j, name in enumerate(self.names)}
        return np.ascontiguousarray(self.values[:, [place[name] for name in names]])


THEMES: tuple[Theme, ...] = (income, illness, disability, employment, structure, shocks, livelihood)
DECLARED: tuple[Feature, ...] = tuple(feature for theme in THEMES for feature in theme.features)


def indicator_feature(indicator: Indicator) -> Feature:
    """An input that only this register has, as a feature."""
    return Feature(
        f"indicator.{indicator.name}",
        indicator.zh,
        indicator.unit,
        indicator.direction,
        indicator.cause,
        theme="indicators",
    )


def build(register: Register, as_of: dt.date, policy: Policy) -> FeatureFrame:
    """All features of all households that were known on a date.

    Args:
        register: the facts, dated twice.
        as_of: the day; nothing known later is looked at.
        policy: lines and thresholds, looked up for that day and each household's county.

    Returns:
        one row a household known on the date, in the register's order; columns in catalogue order, then the register's
        indicators.
    """
    return features_of(look(register, as_of, policy))


def look(register: Register, as_of: dt.date, policy: Policy) -> Seen:
    """The register as it was known on a date, for features and for whatever else is asked about the same households."""
    with np.errstate(invalid="ignore"):
        return Seen(register, as_of, policy)


def features_of(seen: Seen) -> FeatureFrame:
    """All features of all households of a view; see `build`."""
    register, as_of = seen.register, seen.as_of
    with np.errstate(invalid="ignore"):  # comparisons with what is not known
        values: dict[str, Array] = {"": np.ones(seen.n), **seen.wholes}
        for theme in THEMES:
            values.update(theme.compute(seen))
        rows = stack([*_PARTS(values), *_indicators(seen)])
        divide(rows[: len(DECLARED)], positive(stack(_WHOLES(values))).take(_WHOLE_OF, axis=0), _CAPS)
        facts = _facts(seen)
    matrix = np.ascontiguousarray(rows.T)
    position = seen["households"].household
    household_id = register.household_id
    if len(position) < seen.n:
        household_id, matrix = household_id[position], matrix[position]
        facts = Facts._make(fact[position] for fact in facts)
    return FeatureFrame(household_id, position, feature_names(register.info), matrix, facts, as_of)


def catalogue(info: RegisterInfo) -> tuple[Feature, ...]:
    """Every feature that a register yields, in the order of the matrix: the themes' features, then the register's indicators."""
    return DECLARED + tuple(indicator_feature(indicator) for indicator in info.indicators)


def feature_names(info: RegisterInfo) -> tuple[str, ...]:
    """The names of `catalogue`, in its order."""
    return tuple(feature.name for feature in catalogue(info)) if info.indicators else _NAMES


_NAMES = tuple(feature.name for feature in DECLARED)
_PARTS = itemgetter(*_NAMES)
_wholes = sorted({feature.per for feature in DECLARED})
_WHOLES = itemgetter(*_wholes)
_WHOLE_OF = np.array([_wholes.index(feature.per) for feature in DECLARED])
_CAPS = np.array([[feature.cap or (CAP if feature.per else np.inf)] for feature in DECLARED])


def _indicators(seen: Seen) -> list[FloatArray]:
    """The last known value of each declared indicator; NaN where none."""
    count = len(seen.register.info.indicators)
    if not count:
        return []
    rows = seen["indicators"]
    out = np.full(seen.n * count, np.nan)
    out[rows.household.astype(np.int64) * count + rows["name"]] = rows["value"]
    return list(out.reshape(seen.n, count).T)


def _facts(seen: Seen) -> Facts:
    poverty, monitoring = seen.lines
    return Facts(
        pc_net_income=seen.pc_net_income,
        poverty_line=poverty,
        monitoring_line=monitoring,
        exited=seen.exited,
        village=seen.village,
        data_month=seen.accounts.last_month,
        monitored=seen.monitored,
        shock=_shock(seen),
    )


def _shock(seen: Seen) -> FloatArray:
    """1 where a large rigid expenditure or a sharp fall of income is on record, NaN where neither can be judged."""
    (spent, fell), events, nets = seen.prompts, seen.events, seen.accounts.nets
    over = positive(nets)
    burden = events.table.total(events.loss * events.this_year) / over[0] >= spent
    drop = YES - nets[0] / over[1] >= fell
    unknown = np.isnan(nets[0] + spent + fell)
    return np.where(unknown, UNKNOWN, burden | drop)
