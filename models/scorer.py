"""Scores households: how likely each is to fall, how sure that is, which tier, which kind of candidate for a visit.

A score is a clue for a visit. Nothing here gives a household a status.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.build import FeatureFrame
from features.register import Array, BoolArray, FloatArray, day
from models.bundle import Bundle
from models.tiers import TIERS

STATES = ("scored", "below_line", "insufficient_data")
SCORED, BELOW_LINE, INSUFFICIENT = range(3)
STATE_ZH = {"scored": "已评分", "below_line": "已低于贫困线", "insufficient_data": "数据不足"}

CHUNK_ROWS = 1 << 16
"""Rows turned into one model matrix at a time: memory stays flat for a million households."""

ABOVE_ALL = 1e6
"""Added to the margin of households already under the line: the list begins with them."""

LAST = -1e9
"""Place in the list of households that cannot be scored."""

INCOME = "pc_net_income"
FACT_ZH = {
    INCOME: "人均纯收入",
    "poverty_line": "贫困线",
    "monitoring_line": "监测线",
    "exited": "户类型（脱贫户/一般农户）",
    "monitored": "是否监测对象",
    "shock": "大额刚性支出或收入骤减",
    "probability": "返贫致贫概率",
}
"""Chinese words for what the flags rest on."""

NO, UNKNOWN, YES = (np.int8(i) for i in range(3))  # three-valued: "and" is the smaller, "or" the larger, "not" is 2 - x
ANSWERS = np.array([False, None, True], dtype=object)
STATE_WORDS = np.array(STATES)
TIER_WORDS = np.array(TIERS)


@dataclass(frozen=True)
class Scores:
    """One score a household, in the order of the feature frame; every array has one entry a household.

    Attributes:
        household_id: text.
        position: of the household in the register.
        as_of: the day for which it holds.
        version: of the bundle.
        state: scored, below_line or insufficient_data.
        margin: log-odds before calibration; NaN where there is not enough data.
        probability: calibrated; NaN unless scored.
        low, high: the band of the probability; NaN unless scored.
        tier: red, orange, yellow or none.
        risk: sort key, larger first; ties by household_id.
        edge_band_flag: fact: ordinary household with income inside the band; True, False, or None where not evaluable.
        edge_candidate, unstable_candidate, sudden_candidate: advice; True, False, or None.
        missing_field: name of the missing field that matters most, "" where nothing is missing.
        pc_net_income: yuan a person and year.
        data_age_days: days from the end of the last month with incomes to `as_of`; NaN without any.
    """

    household_id: Array
    position: Array
    as_of: dt.date
    version: str
    state: Array
    margin: FloatArray
    probability: FloatArray
    low: FloatArray
    high: FloatArray
    tier: Array
    risk: FloatArray
    edge_band_flag: Array
    edge_candidate: Array
    unstable_candidate: Array
    sudden_candidate: Array
    missing_field: Array
    pc_net_income: FloatArray
    data_age_days: FloatArray

    def __len__(self) -> int:
        return len(self.household_id)

    @cached_property
    def order(self) -> Array:
        """Rows as the list shows them: those under the line first, then by margin, ties by household_id."""
        return np.lexsort((self.household_id, -self.risk))


def score(bundle: Bundle, frame: FeatureFrame, threads: int = 1, triggers: FloatArray | None = None) -> Scores:
    """Scores every household of a frame; each as it would be scored alone, to the last bit.

    Args:
        bundle: the model.
        frame: features of n households on a date.
        threads: for large frames.
        triggers: (n,) 1 where a rule calls for a visit, 0 where none does, NaN where that cannot be evaluated; no rules by default.

    Returns:
        scores in the frame's order.
    """
    facts = frame.facts
    margin, missing = _margins(bundle, frame, threads)
    income, poverty = facts.pc_net_income, facts.poverty_line
    not_enough = np.isnan(income)
    below = income < poverty
    if bundle.name == "falls_below":
        not_enough = not_enough | np.isnan(poverty)  # under an unknown line nobody can be said to fall
        no_score = not_enough | below
    else:
        no_score = not_enough
    state = np.where(not_enough, INSUFFICIENT, np.where(below & no_score, BELOW_LINE, SCORED))

    margin[not_enough] = np.nan
    shown = np.where(no_score, np.nan, margin)
    probability = bundle.calibration.probability(shown)
    low, high = bundle.calibration.bounds(shown, probability)
    level = bundle.thresholds.level(margin, probability)
    level[state == BELOW_LINE] = len(TIERS) - 1
    risk = np.where(not_enough, LAST, np.where(below, margin + ABOVE_ALL, margin))

    flags = _flags(frame, below, level, np.isnan(probability) & ~below, triggers)
    p = len(bundle.features)
    missing[not_enough] = p + 2
    missing[np.isnan(income)] = p + 1
    month = facts.data_month.astype(np.int64)
    month_end = (month + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - 1
    return Scores(
        household_id=frame.household_id,
        position=frame.position,
        as_of=frame.as_of,
        version=bundle.version,
        state=STATE_WORDS[state],
        margin=margin,
        probability=probability,
        low=low,
        high=high,
        tier=TIER_WORDS[level],
        risk=risk,
        edge_band_flag=flags[0],
        edge_candidate=flags[1],
        unstable_candidate=flags[2],
        sudden_candidate=flags[3],
        missing_field=bundle.field_names[missing],
        pc_net_income=income,
        data_age_days=np.where(month < 0, np.nan, day(frame.as_of) - month_end),
    )


def _margins(bundle: Bundle, frame: FeatureFrame, threads: int) -> tuple[FloatArray, Array]:
    """Margin of each household, and the index of its most telling missing feature (p where none is missing)."""
    columns = bundle.columns_in(frame.names)
    as_they_are = bundle.features == frame.names
    telling = bundle.telling
    margin = np.empty(len(frame))
    missing = np.empty(len(frame), dtype=np.int64)
    for start in range(0, len(frame), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        X = frame.values[rows] if as_they_are else frame.values[rows].take(columns, axis=1)
        margin[rows] = bundle.margin(X, threads)
        absent = np.isnan(X).take(telling, axis=1)
        if len(telling):
            first = absent.argmax(axis=1)
            missing[rows] = np.where(absent.any(axis=1), telling[first], len(columns))
        else:
            missing[rows] = len(columns)
    return margin, missing


def _three(known: BoolArray, holds: BoolArray) -> Array:
    return np.where(known, holds * YES, UNKNOWN)


def _flags(
    frame: FeatureFrame, below: BoolArray, level: Array, no_probability: BoolArray, triggers: FloatArray | None
) -> tuple[Array, Array, Array, Array]:
    """Edge-band flag and the three candidates, True / False / None.

    Worked example: an ordinary household whose income is known, in a county whose monitoring line is not: its flag is
    None (whether it is in the band cannot be said), its edge candidacy follows its probability, and its sudden
    candidacy is None if a shock is on record and its probability is high, else False.
    """
    facts = frame.facts
    income, poverty, monitoring = facts.pc_net_income, facts.poverty_line, facts.monitoring_line
    exited = _three(~np.isnan(facts.exited), facts.exited > 0)
    ordinary = YES - exited
    free = YES - _three(~np.isnan(facts.monitored), facts.monitored > 0)  # not already monitored
    evaluable = ~(np.isnan(income) | np.isnan(poverty) | np.isnan(monitoring) | np.isnan(facts.exited))
    band = _three(evaluable, (income >= poverty) & (income < monitoring))
    flag = np.minimum(ordinary, band)

    called = _three(~no_probability, level > 0)  # yellow or above
    if triggers is not None:
        called = np.maximum(called, _three(~np.isnan(triggers), triggers > 0))
    due = np.maximum(called, below * YES)
    above = _three(~(np.isnan(income) | np.isnan(monitoring)), income >= monitoring)
    shocked = _three(~np.isnan(facts.shock), facts.shock > 0)
    edge = np.minimum(np.minimum(ordinary, free), due)
    unstable = np.minimum(np.minimum(exited, free), due)
    sudden = np.minimum(np.minimum(free, above), np.minimum(shocked, called))
    return ANSWERS[flag], ANSWERS[edge], ANSWERS[unstable], ANSWERS[sudden]


def not_evaluable(frame: FeatureFrame, row: int) -> list[dict[str, str]]:
    """What could not be evaluated of one household, and why: what the nulls among its flags rest on.

    Args:
        frame: the features that were scored.
        row: of the household in the frame.

    Returns:
        [{field, zh, reason}] with field one of pc_net_income, poverty_line, monitoring_line, exited, monitored, shock.
    """
    facts = frame.facts
    reasons = {
        INCOME: "最近十二个月没有可用的收入或人口记录 no usable income or household size in the last twelve months",
        "poverty_line": "该地该日没有贫困线 no poverty line in force for the place and date",
        "monitoring_line": "该地该日没有监测线 no monitoring line in force for the place and date",
        "exited": "没有登记户类型 not on record whether exited or ordinary",
        "monitored": "监测状态不明 not known whether monitored",
        "shock": "支出与收入变化不明 expenditure and change of income not known",
    }
    return [
        {"field": field, "zh": FACT_ZH[field], "reason": reason}
        for field, reason in reasons.items()
        if np.isnan(getattr(facts, field)[row])
    ]


def field_zh(bundle: Bundle, field: str) -> str:
    """The Chinese name of a missing field; "" for ""."""
    if field in bundle.features:
        return bundle.declared[bundle.features.index(field)].zh
    return FACT_ZH.get(field, field)
