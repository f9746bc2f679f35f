"""The one function that training, batch scoring and the API call: a register, a date and a policy become the model's inputs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from features.catalog import Feature, Theme
from features.policy.registry import Policy
from features.register import FloatArray, Indicator, IntArray, Register
from features.seen import Seen


@dataclass(frozen=True, slots=True)
class Facts:
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


THEMES: tuple[Theme, ...] = ()


def indicator_feature(indicator: Indicator) -> Feature:
    """An input that only this register has, as a feature."""
    return Feature(
        f"indicator.{indicator.name}", indicator.zh, indicator.unit, indicator.direction, indicator.cause, theme="indicators"
    )


def build(register: Register, as_of: dt.date, policy: Policy) -> FeatureFrame:
    """All features of all households that were known on a date.

    Args:
        register: the facts, dated twice.
        as_of: the day; nothing known later is looked at.
        policy: lines and thresholds, looked up for that day and each household's county.

    Returns:
        one row a household known on the date, in the register's order; columns in catalogue order, then the register's indicators.
    """
    seen = Seen(register, as_of, policy)
    raise NotImplementedError(seen)
