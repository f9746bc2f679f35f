"""The one function that training, batch scoring and the API call: a register, a date and a policy become the model's inputs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from features.catalog import Feature, Theme
from features.disability import disability
from features.employment import employment
from features.illness import illness
from features.income import income
from features.livelihood import livelihood
from features.policy.registry import Policy
from features.ratios import Ratio, divide, positive
from features.register import FloatArray, Indicator, IntArray, Register, RegisterInfo, stack
from features.seen import YEAR, Seen
from features.shocks import shocks
from features.structure import structure


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
    seen = Seen(register, as_of, policy)
    columns: list[FloatArray | Ratio] = []
    with np.errstate(invalid="ignore"):  # comparisons with what is not known
        for theme in THEMES:
            values = theme.compute(seen)
            columns.extend([values[feature.name] for feature in theme.features])
        columns.extend(_indicators(seen))
        facts = _facts(seen)
        matrix = _matrix(columns)
    position = seen.known_households.nonzero()[0].astype(np.int32)
    if len(position) < seen.n:
        matrix = matrix[position]
        facts = Facts(*(getattr(facts, name)[position] for name in Facts.__slots__))
    return FeatureFrame(register.household_id[position], position, feature_names(register.info), matrix, facts, as_of)


def catalogue(info: RegisterInfo) -> tuple[Feature, ...]:
    """Every feature that a register yields, in the order of the matrix: the themes' features, then the register's indicators."""
    return DECLARED + tuple(indicator_feature(indicator) for indicator in info.indicators)


def feature_names(info: RegisterInfo) -> tuple[str, ...]:
    """The names of `catalogue`, in its order."""
    return tuple(feature.name for feature in catalogue(info)) if info.indicators else _NAMES


_NAMES = tuple(feature.name for feature in DECLARED)


def _matrix(columns: list[FloatArray | Ratio]) -> FloatArray:
    """(n, columns), with all ratios divided at once."""
    ratios = {j: column for j, column in enumerate(columns) if isinstance(column, Ratio)}
    rows = stack([column.part if isinstance(column, Ratio) else column for column in columns])
    rows[list(ratios)] = divide(list(ratios.values()))
    return np.ascontiguousarray(rows.T)


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
    households, decisions = seen["households"], seen["monitoring"]
    status = households["registry_status"]
    identified, eliminated = decisions["identified_on"], decisions["eliminated_on"]
    return Facts(
        pc_net_income=seen.pc_net_income,
        poverty_line=poverty,
        monitoring_line=monitoring,
        exited=households.last(np.where(status < 0, np.nan, status == 0))[0],
        village=seen.village.astype(np.int32),
        data_month=seen.accounts.last_month,
        monitored=np.minimum(decisions.total((identified <= seen.day) & (eliminated > seen.day)), 1.0),
        shock=_shock(seen),
    )


def _shock(seen: Seen) -> FloatArray:
    """1 where a large rigid expenditure or a sharp fall of income is on record, NaN where neither can be judged."""
    spent, fell = seen.prompts
    events = seen["events"]
    recent = seen.event_age < YEAR
    paid = np.fmax(np.fmax(events["oop_compliant"], 0.0), events["oop_self_reported"])
    loss = np.where(events.is_code("event_kind", "illness_bill"), paid, np.fmax(events["amount"], 0.0))
    net, before = seen.accounts.net, seen.accounts.net_before
    burden = events.total(loss * recent) / positive(net) >= spent
    drop = 1.0 - net / positive(before) >= fell
    unknown = np.isnan(net) | np.isnan(spent) | np.isnan(fell)
    return np.where(unknown, np.nan, burden | drop)
