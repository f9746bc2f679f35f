"""From a register to scored households: the same steps for the stored county, for a file, and for a request."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np

from features.build import FeatureFrame, features_of, look
from features.errors import UserError
from features.policy.judgement import Judgement, told
from features.policy.names import department
from features.policy.registry import Policy
from features.policy.shipped import load
from features.register import Array, Register
from models.bundle import Bundle
from models.door import verify_at_door
from models.explain import MOST_CAUSES, Cause, explain
from models.scorer import Scores, field_zh, not_evaluable, score
from service.regions import COUNTY_DIGITS, TOWN_DIGITS, VILLAGE_DIGITS
from service.storage.tables import CELLS

A = TypeVar("A")
B = TypeVar("B")
Progress = Callable[[str], None]
OPEN_RULES = {
    "field": "triggers",
    "zh": "部门线索",
    "reason": "有规则缺少数据，户详情中列出 some rules lack data; the household's own page names them",
}
DECIMALS = 6  # of contributions, in log-odds: more could not be seen and doubles a page


@dataclass(frozen=True, slots=True)
class Scored:
    """A register scored on a date: features and scores side by side, row by row; what policy says, by the place in the register."""

    register: Register
    judged: Judgement
    frame: FeatureFrame
    scores: Scores
    bundle: Bundle
    policy: Policy

    @property
    def villages(self) -> Array:
        """(n,) 12-digit village code of each row; "" where none is known."""
        codes = np.array([*self.register.texts.get(("households", "village_code"), []), ""], dtype=np.str_)
        return codes[self.frame.facts.village]

    @property
    def row_of(self) -> Array:
        """(register,) the row of each household of the register; -1 where it has none."""
        rows = np.full(len(self.register), -1)
        rows[self.frame.position] = np.arange(len(self.frame))
        return rows

    @property
    def called(self) -> Array:
        """(n,) 1 where a rule calls for a visit, 0 where none does, NaN where none does and some cannot be evaluated."""
        called: Array = self.judged.called[self.frame.position]
        return called

    @property
    def flagged(self) -> Array:
        """Rows whose reasons are worked out in any case: those in a tier, those under the line among them."""
        return np.flatnonzero(self.scores.tier != "none")


def score_register(
    register: Register,
    bundle: Bundle,
    as_of: dt.date,
    threads: int,
    progress: Progress = lambda _: None,
    *,
    counties: Path | None = None,
) -> Scored:
    """Scores every household that was known on a date.

    Args:
        register: the facts.
        bundle: the model.
        as_of: the day; nothing known later counts.
        threads: for large registers.
        progress: called with the name of each step as it starts.
        counties: folder of the county's own policy files.

    Raises:
        UserError: the model looks at indicators that the register does not have.
    """
    policy = load(synthetic=register.info.synthetic, counties=counties)
    progress("features and rules")
    seen = look(register, as_of, policy)
    frame, judged = _side_by_side(lambda: features_of(seen), lambda: Judgement(seen, policy), apart=threads > 1)
    lacking = sorted(set(bundle.features) - set(frame.names))
    if lacking:
        raise UserError(
            f"模型 {bundle.version} 需要本数据没有的指标 the model needs indicators that this register lacks: {', '.join(lacking[:5])}; "
            "declare them in register.yaml, or promote a model trained on this kind of register"
        )
    progress("scores")
    return Scored(register, judged, frame, score(bundle, frame, threads, judged.called[frame.position]), bundle, policy)


def _side_by_side(one: Callable[[], A], other: Callable[[], B], *, apart: bool) -> tuple[A, B]:
    """What two steps give that do not depend on each other; each on a processor of its own where that is worth a thread."""
    if not apart:
        return one(), other()
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(other)
        return one(), beside.result()


def list_columns(scored: Scored, *, ranked: bool = True) -> dict[str, Array]:
    """The columns of a list, one cell a household in the frame's order; NaN is unknown.

    Args:
        scored: what was scored.
        ranked: add ranks, which count from 1 within the village, the town and the county, by risk, then by id.
    """
    scores, facts, villages = scored.scores, scored.frame.facts, scored.villages
    county = np.where(villages == "", scored.register.info.county, villages.astype(f"U{COUNTY_DIGITS}"))
    columns: dict[str, Array] = {
        "household_id": scores.household_id,
        "county": county,
        "town": villages.astype(f"U{TOWN_DIGITS}"),
        "village": villages.astype(f"U{VILLAGE_DIGITS}"),
        "risk": scores.risk,
    }
    for level in ("county", "town", "village") if ranked else ():
        columns[f"rank_{level}"] = _ranks(columns[level], scores.order)
    for name in ("state", "tier"):
        columns[name] = getattr(scores, name)
    columns["cell"] = _cells(scores, scored.called)
    for name in ("probability", "low", "high"):
        columns[name] = getattr(scores, name)
    for name in ("edge_band_flag", "edge_candidate", "unstable_candidate", "sudden_candidate"):
        columns[name] = np.array([np.nan if value is None else float(value) for value in getattr(scores, name)])
    columns["pc_net_income"] = facts.pc_net_income
    columns["poverty_line"] = facts.poverty_line
    columns["monitoring_line"] = facts.monitoring_line
    columns["data_age_days"] = scores.data_age_days
    return columns


def _cells(scores: Scores, called: Array) -> Array:
    """Who calls for a visit to each household, rules or tier.

    None where that cannot be told: no rule calls and one lacks data, whatever the tier; or nothing can be scored, and no rule calls.
    """
    by_rule, by_model = called == 1, scores.tier != "none"  # a household under the line already is red by the line, not by the model
    silent = np.isnan(called) | (~by_model & ~by_rule & (scores.state == "insufficient_data"))
    place = np.select(
        [silent, by_rule & by_model, by_model, by_rule], [len(CELLS), *(CELLS.index(cell) for cell in CELLS[:3])], CELLS.index("neither")
    )
    cells: Array = np.array([*CELLS, None], dtype=object)[place]
    return cells


def main_causes(causes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The reasons that raise a household's risk most, the first first: those that its list can be filtered by."""
    return [cause["cause"] for cause in causes if cause["contribution"] > 0][:MOST_CAUSES]


def _ranks(group: Array, order: Array) -> Array:
    """Place of each row within its group, from 1, where `order` lists the rows from the first to the last."""
    _, place = np.unique(group, return_inverse=True)
    by_group = order[np.argsort(place[order], kind="stable")]
    sizes = np.bincount(place)
    starts = np.cumsum(sizes) - sizes
    ranks = np.empty(len(group), dtype=np.int64)
    ranks[by_group] = np.arange(len(group)) - np.repeat(starts, sizes) + 1
    return ranks


def reasons(scored: Scored, rows: Array, threads: int) -> dict[str, list[Any]]:
    """Why the scores of some rows are what they are.

    Returns:
        `causes`: as plain values, what raises the risk most first; `verify`: what to check at the door; one entry a row.
    """
    causes = explain(scored.bundle, scored.frame, scored.scores, rows, threads)
    return {
        "causes": [[_told(cause) for cause in row if cause.contribution] for row in causes],
        "verify": [[check._asdict() for check in verify_at_door(row)] for row in causes],
    }


def _told(cause: Cause) -> dict[str, Any]:
    """A reason as it is shown: what says nothing of this household would only hide what does."""
    shown = cause.to_json()
    shown["contribution"] = round(cause.contribution, DECIMALS)
    shown["facts"] = [fact | {"contribution": round(fact["contribution"], DECIMALS)} for fact in shown["facts"] if fact["contribution"]]
    return shown


def triggers(scored: Scored) -> dict[int, list[dict[str, Any]]]:
    """Which rules call for a visit, and by whose data; by row, those only for which one does."""
    row_of = scored.row_of
    called: dict[int, list[dict[str, Any]]] = {}
    for rule, households, _ in scored.judged.held("triggers"):
        shown = told(rule) | {"department_en": department(rule.department)}
        for row in row_of[households].tolist():
            called.setdefault(row, []).append(shown)
    called.pop(-1, None)
    return called


def gaps(scored: Scored, row: int) -> list[dict[str, str]] | None:
    """What could not be evaluated of a household; None where nothing."""
    found = not_evaluable(scored.frame, row)
    if isnan(scored.called[row]):
        found.append(OPEN_RULES)
    return found or None


def missing_field(scored: Scored, row: int) -> dict[str, str] | None:
    """The missing entry that would say most of a household; None where nothing is missing."""
    name = str(scored.scores.missing_field[row])
    return {"field": name, "zh": field_zh(scored.bundle, name)} if name else None


def rows_of(scored: Scored) -> list[SimpleNamespace]:
    """Each row with the columns of a list as attributes, for a request; it is in no list, so it has no rank."""
    columns = list_columns(scored, ranked=False)
    flags = {name for name in columns if name.endswith(("_flag", "_candidate"))}
    plain: dict[str, list[Any]] = {}
    for name, values in columns.items():
        cells = values.tolist()
        if values.dtype.kind == "f":
            cells = [None if isnan(cell) else bool(cell) if name in flags else cell for cell in cells]
        plain[name] = cells
    plain["data_age_days"] = [None if cell is None else int(cell) for cell in plain["data_age_days"]]
    for level in ("county", "town", "village"):
        plain[f"rank_{level}"] = [None] * len(scored.frame)
    return [SimpleNamespace(**dict(zip(plain, row, strict=True))) for row in zip(*plain.values(), strict=True)]
