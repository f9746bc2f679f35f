"""One county's model from register to judged bundle: dates, rows, fit, baselines, intervals, groups, leak checks, card.

No refit after the judgement: what was judged is what is served.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from features.codes import code
from features.errors import UserError
from features.policy.registry import Policy
from features.register import BoolArray, Register, last_full_month
from models.bundle import Bundle, compose
from models.tiers import TOP_SHARES, Thresholds
from training.card import headline
from training.contestants import field
from training.dataset import Dataset, History, collect
from training.evaluate import Prediction, calibration, groups, judge
from training.fit import DEFAULTS, Settings, fit
from training.labels import SPAN_MONTHS, month_end, shift
from training.leaks import alarms
from training.splits import COMPLETE, Split, TooLittleError, held_out, split

Progress = Callable[[str, int, int], None]  # step, done, of how many
LIMITS = (
    "冲击多半无法预见：许多跌破发生在分数不高的户。Much of what makes a household fall is in no register: many falls come from "
    "households that do not score high.",
    "帮扶会掩盖风险，期内受帮扶的户另列。Help hides falls; households helped within the outcome's months are judged apart.",
    "区间是发生率的不确定，不是单户的命运。The band says how well the calibration households pin down a rate, not one household's fate.",
    "识别由人工过程产生，受走访力度影响。Being identified is a human process, biased by effort.",
)


@dataclass(frozen=True, slots=True)
class Tiers:
    """Where the tiers begin, and who chose that.

    Attributes:
        shares: of the calibration households that are red, red or orange, red to yellow.
        by: who chose them, when and why; empty for the software's default.
    """

    shares: tuple[float, float, float] = TOP_SHARES
    by: str = ""

    def __post_init__(self) -> None:
        red, orange, yellow = self.shares
        if not 0 < red <= orange <= yellow < 1:
            raise UserError(f"档线应为从小到大的三个百分比 tiers are three rising percentages between 0 and 100: {self.shares}")
        if self.shares != TOP_SHARES and not self.by.strip():
            raise UserError("请写明档线由谁确定、为什么 say who chose the tiers, and why: --tiers-by")


DEFAULT_TIERS = Tiers()


@dataclass(frozen=True, slots=True)
class Judged:
    """A model with its judgement.

    Attributes:
        bundle: ready to be written.
        metrics, paired: rows as `training.evaluate.judge` gives them.
        alarms: what looks like leakage.
        test: the rows that judged it.
        ours: its answer for them.
    """

    bundle: Bundle
    metrics: list[dict[str, Any]]
    paired: list[dict[str, Any]]
    alarms: list[str]
    test: Dataset
    ours: Prediction


def known_until(register: Register) -> dt.date:
    """The last day of which the register claims to know, or the last on which an income row became known."""
    if register.info.known_until:
        return register.info.known_until
    seen = register.tables["incomes"].visible_on
    if not len(seen):
        raise TooLittleError("登记册中没有收入记录 the register holds no incomes; without them nobody can be seen to fall 无法训练")
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(seen.max()))


def first_date(history: History) -> dt.date:
    """The earliest quarter's end with a year of incomes behind it.

    Raises:
        TooLittleError: no incomes.
    """
    starts = history.register.tables["incomes"].columns["period_start"]
    if not len(starts):
        raise TooLittleError("登记册中没有收入记录 the register holds no incomes")
    month = int(starts.min()) + SPAN_MONTHS - 1
    month += (2 - month) % 3
    if history.name == "identified":
        month = max(month, last_full_month(dt.date(2019, 12, 31)))  # nobody was identified before 2020
    return month_end(month)


def last_date(history: History) -> dt.date:
    """The latest quarter's end whose outcome is known of nearly all households."""
    until, first = known_until(history.register), first_date(history)
    month = last_full_month(until)
    month -= (month - 2) % 3
    test = shift(month_end(month), -SPAN_MONTHS)
    while test > first and history.completeness(test, until) < COMPLETE:
        test = shift(test, -3)
    return test


def plan(history: History, test: dt.date | None, step_months: int) -> Split:
    """The dates of the model: judged as late as outcomes are known, or at the date asked for.

    Raises:
        TooLittleError: the register does not reach far enough.
    """
    judged_at = test or last_date(history)
    return split(first_date(history), judged_at, step_months=step_months, complete=lambda date: history.completeness(date, judged_at))


def train(
    register: Register,
    policy: Policy,
    *,
    name: str = "falls_below",
    test: dt.date | None = None,
    step_months: int = 3,
    settings: Settings = DEFAULTS,
    force: bool = False,
    leave_town_out: bool = True,
    tiers: Tiers = DEFAULT_TIERS,
    progress: Progress = lambda *_: None,
) -> Judged:
    """Fits, calibrates and judges a model of one county.

    Args:
        register: the facts.
        policy: lines by date.
        name: falls_below or identified.
        test: as_of of the judgement; None for the latest whose outcome is known.
        step_months: distance of the fitting dates.
        settings: of the fit.
        force: fit although there are too few events.
        leave_town_out: also fit without one town and judge in it.
        tiers: where red, orange and yellow begin, and who chose that.
        progress: called as steps advance.

    Raises:
        TooLittleError, TooFewError: with what is lacking.
    """
    history = History(register, policy, name)
    dates = plan(history, test, step_months)
    steps = len(dates.fit) + 6
    done = 0

    def advance(what: object) -> None:
        nonlocal done
        done += 1
        progress(str(what), done, steps)

    away = held_out(register.household_id, settings.seed)
    rows = collect(history, dates.fit, dates.test, progress=advance)
    later = collect(history, [dates.calibrate], dates.test, progress=advance)
    judged = collect(history, [dates.test], known_until(register), progress=advance)
    rows, later = rows.select(~away[rows.household]), later.select(~away[later.household])
    advance("拟合与校准 fit and calibrate")
    fitted = fit(rows, later, settings, force=force)

    advance("基线 baselines")
    predictions = [answer(judged) for answer in field(rows, fitted, settings.threads).values()]
    ours = predictions[0]
    everybody = np.ones(len(judged), dtype=bool)
    segments = {
        "all": everybody,
        "edge": judged.edge,
        "unseen_households": away[judged.household],
        "not_helped": ~judged.helped,
    }
    advance("检验 judge")
    metrics, paired = judge(judged.y, judged.household, predictions, segments, seed=settings.seed)
    if leave_town_out:
        chosen = {name: float(str(fitted.chosen[name])) for name in ("rounds", "blend")}
        metrics += _unseen_town(register, rows, later, judged, settings=replace(settings, seeds=1), chosen=chosen)
    found = alarms(judged, ours)
    card = {
        "name": name,
        "headline": headline(paired),
        "county": register.info.county,
        "synthetic": register.info.synthetic,
        "data_version": register.info.digest,
        "policy_version": policy.version,
        "made_of": made_of(fitted.chosen),
        "features": len(rows.features),
        "dates": {
            "fit": [date.isoformat() for date in dates.fit],
            "calibrate": dates.calibrate.isoformat(),
            "test": dates.test.isoformat(),
            "known_until": known_until(register).isoformat(),
        },
        "counts": [*rows.counts, *later.counts, *judged.counts],
        "settings": fitted.chosen,
        "metrics": metrics,
        "paired": paired,
        "calibration": calibration(judged.y, ours.probability, judged.household, seed=settings.seed),
        "groups": groups(judged.y, ours, judged.household, household_groups(register, judged), seed=settings.seed),
        "leaks": found or ["未见泄漏迹象 no alarm: single features, distance to the line, all features together"],
        "alarms": found,
        "limits": list(LIMITS),
        "tiers": {"shares": list(tiers.shares), "by": tiers.by},
    }
    reference = fitted.margin(later.X, settings.threads)
    bundle = compose(
        name,
        rows.names,
        fitted.members,
        fitted.calibration,
        later.X,
        indicators=register.info.indicators,
        card=card,
        thresholds=Thresholds.of(reference, fitted.calibration.probability(reference), tiers.shares),
        threads=settings.threads,
    )
    return Judged(bundle, metrics, paired, found, judged, ours)


def made_of(chosen: dict[str, object]) -> str:
    """What the model is made of, in words."""
    blend = float(str(chosen["blend"]))
    return (
        f"{chosen['seeds']} × {chosen['rounds']} 棵小树 small trees of {chosen['leaves']} leaves (weight {1 - blend:.2f}), "
        f"岭样条逻辑回归 ridge-spline logistic (weight {blend:.2f})"
    )


def towns(register: Register) -> list[str]:
    """The 9-digit township code of each village, in the order of the village codes."""
    return [code[:9] for code in register.texts["households", "village_code"]]


def _unseen_town(
    register: Register, rows: Dataset, later: Dataset, judged: Dataset, *, settings: Settings, chosen: dict[str, float]
) -> list[dict[str, Any]]:
    """The same way of fitting, without the town of middling size, judged in that town alone."""
    codes = np.array(towns(register))
    names, place = np.unique(codes, return_inverse=True)
    if len(names) < 2:
        return []
    sizes = np.bincount(place[judged.village], minlength=len(names))
    town = int(np.argsort(sizes, kind="stable")[len(names) // 2])
    there = place[judged.village] == town
    if not judged.y[there].sum():
        return []
    fitted = fit(rows.select(place[rows.village] != town), later.select(place[later.village] != town), settings, force=True, chosen=chosen)
    margin = fitted.margin(judged.X[there], settings.threads)
    answer = Prediction("ours", margin, fitted.calibration.probability(margin))
    segment = {f"unseen_town {names[town]}": np.ones(int(there.sum()), dtype=bool)}
    return judge(judged.y[there], judged.household[there], [answer], segment, seed=settings.seed)[0]


def household_groups(register: Register, rows: Dataset) -> dict[str, BoolArray]:
    """Groups of households by which a model may fail: each with its denominator in the card."""

    def column(name: str) -> np.ndarray:
        return np.asarray(rows.X[:, rows.names.index(name)]) if name in rows.names else np.full(len(rows), np.nan)

    out: dict[str, BoolArray] = {
        "脱贫户 exited": column("exited_household") == 1,
        "一般农户 ordinary": column("exited_household") == 0,
        "单人户 single person": column("single_person") == 1,
        "仅老人 elderly only": column("elderly_alone") == 1,
        "有残疾人 with a disabled member": column("disabled_members") > 0,
        "易地搬迁 relocated": column("relocated_household") == 1,
        "整户无劳动力 without labour": column("no_labour_household") == 1,
    }
    head = _head_female(register, rows)
    out |= {"女性户主 female head": head == 1, "男性户主 male head": head == 0}
    codes = np.array(towns(register))
    for town in np.unique(codes):
        out[f"乡镇 town {town}"] = codes[rows.village] == town
    return out


def _head_female(register: Register, rows: Dataset) -> np.ndarray:
    """Sex of the head, for this audit only: it never trains."""
    view = register.at(rows.dates[0])["members"]
    head = view["relation_to_head"] == code("members", "relation_to_head", "head")
    female = view["sex"] == code("members", "sex", "female")
    female_head = view.highest(np.where(head, female.astype(np.float64), np.nan))
    return np.asarray(female_head[rows.household])
