"""What a list changes against the one before, household by household: told when it is written, put together when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, and_, select

from features.register import Array
from service.storage.database import Cells, plain_rows
from service.storage.scope import inside
from service.storage.tables import CANDIDATES, changes, lists, reasons, scores

TEXTS = ("village", "state", "tier", "cell")
NUMBERS = (
    "probability", "low", "high", "edge_band_flag", *(f"{kind}_candidate" for kind in CANDIDATES), "causes_mask", "pc_net_income",
    "poverty_line", "monitoring_line",
)  # fmt: skip
REASONS = ("causes", "verify", "triggers", "not_evaluable", "missing_field")
"""With these a household's score is another one; ranks, and how old the data are, change with everybody else's."""

READ_AT_ONCE = 2_000  # of the reasons, which are long
ROWS_A_HOUSEHOLD = 2  # in one list: it left a village and is new in another


def differences(connection: Connection, before: int, columns: Mapping[str, Array], told: Mapping[str, Cells]) -> dict[str, Cells]:
    """What is different for each household between a stored list and a new one.

    Args:
        connection: to read the stored list with.
        before: its version.
        columns: the new list, the columns of `scores`, in any order.
        told: the new list's reasons, the columns of `reasons`.

    Returns:
        the columns of `changes` but list_version, sorted by household.
    """
    c = scores.c
    asked = select(c.household_id, c.county, c.town, *(c[name] for name in (*TEXTS, *NUMBERS))).where(c.list_version == before)
    names = ("household_id", "county", "town", *TEXTS, *NUMBERS)
    cells = list(zip(*plain_rows(connection, asked.order_by(c.household_id)), strict=True)) or [()] * len(names)
    old = {name: np.array(column, np.float64 if name in NUMBERS else np.str_) for name, column in zip(names, cells, strict=True)}
    order = np.argsort(columns["household_id"])
    new = {name: np.asarray(columns[name])[order] for name in names}

    place = np.minimum(np.searchsorted(old["household_id"], new["household_id"]), max(0, len(old["household_id"]) - 1))
    known = old["household_id"][place] == new["household_id"] if len(old["household_id"]) else np.zeros(len(order), dtype=bool)
    differs = np.isin(new["household_id"], np.array(_told_otherwise(connection, before, told), dtype=np.str_))
    if known.any():
        for name in TEXTS:
            differs |= new[name].astype(np.str_) != old[name][place]
        for name in NUMBERS:
            was, now = old[name][place], new[name].astype(np.float64)
            differs |= (was != now) & ~(np.isnan(was) & np.isnan(now))
    stays = np.zeros(len(order), dtype=bool)
    if known.any():
        stays = known & (new["village"] == old["village"][place])
    arrived = np.flatnonzero(~stays)  # new to the county, or to the village
    gone = np.ones(len(old["household_id"]), dtype=bool)
    gone[place[stays]] = False
    changed = np.flatnonzero(stays & differs)
    moved = changed[new["tier"][changed] != old["tier"][place[changed]]]
    same_tier = np.setdiff1d(changed, moved)
    left = np.flatnonzero(gone)

    def part(kind: str, was: Array | None, now: Array | None) -> dict[str, list[Any]]:
        """Rows of one kind: `was` are places in the old list, `now` in the new one."""
        rows = len(now if now is not None else was if was is not None else ())
        where, at = (new, now) if now is not None else (old, was)
        nothing: list[Any] = [None] * rows
        return {
            **{name: where[name][at].tolist() for name in ("household_id", "village", "county", "town")},
            "kind": [kind] * rows,
            "tier_before": nothing if was is None else old["tier"][was].tolist(),
            "tier": nothing if now is None else new["tier"][now].tolist(),
            "causes_before": [0] * rows if was is None else old["causes_mask"][was].astype(np.int64).tolist(),
            "causes": [0] * rows if now is None else new["causes_mask"][now].astype(np.int64).tolist(),
        }

    parts = (
        part("new", None, arrived),
        part("left", left, None),
        part("moved", place[moved], moved),
        part("changed", place[same_tier], same_tier),
    )
    together = {name: list(chain.from_iterable(piece[name] for piece in parts)) for name in parts[0]}
    by_household = sorted(range(len(together["kind"])), key=together["household_id"].__getitem__)
    return {name: [values[row] for row in by_household] for name, values in together.items()}


def _told_otherwise(connection: Connection, before: int, told: Mapping[str, Cells]) -> list[str]:
    """The households of which a stored list and a new one give other reasons, or only one of them gives any."""
    mine = zip(*(told[name] for name in REASONS), strict=True)
    new = dict(zip(map(str, told["household_id"]), mine, strict=True))
    c = reasons.c
    asked = select(c.household_id, *(c[name] for name in REASONS)).where(c.list_version == before)
    rows = connection.execute(asked.execution_options(yield_per=READ_AT_ONCE))
    return [str(row[0]) for row in rows if new.pop(row[0], None) != tuple(row[1:])] + list(new)


def versions_between(connection: Connection, older: int, newer: int) -> list[int] | None:
    """The lists behind `older` up to `newer`, as each followed the one before; None where they do not lead from one to the other."""
    c = lists.c
    asked = select(c.list_version, c.previous).where(c.finished, c.list_version > older)
    previous = {row.list_version: row.previous for row in connection.execute(asked)}
    found: list[int] = []
    at: int | None = newer
    while at is not None and at != older:
        if at not in previous:
            return None
        found.append(at)
        at = previous[at]
    return found[::-1] if at == older else None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a household between two lists, as seen in one region."""

    household_id: str
    village: str
    kind: str
    tier_before: str | None
    tier: str | None
    causes_before: int
    causes: int


def changes_between(
    connection: Connection, older: int, versions: Sequence[int], region: str, *, limit: int, after: str = ""
) -> tuple[list[Change], str | None]:
    """What several lists in a row come to, household by household, in the order of their ids.

    Each list's own changes are walked along its index from `after` on; what is behind the point that all of them have reached is left
    to the next page. A household that came and went again, within the lists or the region, or whose score is again what it was, is not
    told; so a page may be shorter than asked for.

    Args:
        connection: to read with.
        older: the list that all is held against.
        versions: those behind it, as `versions_between` gives them.
        region: 6, 9 or 12 digits; nothing outside it is told.
        limit: most changes told.
        after: id of the household where the page before ended.

    Returns:
        the changes, and where to go on; None where this is all.
    """
    c = changes.c
    most = limit + ROWS_A_HOUSEHOLD
    asked = select(changes).where(inside(changes, region), c.household_id > after).order_by(c.household_id).limit(most)
    reached: str | None = None  # every list was read up to here, this household itself perhaps in part
    read: list[Row[Any]] = []
    for version in versions:
        rows = connection.execute(asked.where(c.list_version == version)).all()
        read += rows
        if len(rows) == most:
            end = rows[-1].household_id
            reached = end if reached is None else min(reached, end)
    whole = [row for row in read if reached is None or row.household_id < reached]
    told = list(_told(whole))
    end = None if reached is None else max(row.household_id for row in whole)
    if len(told) > limit:
        told, end = told[:limit], told[limit - 1].household_id
    if len(versions) > 1:
        again = _as_before(connection, older, versions[-1], [change.household_id for change in told if change.kind == "changed"])
        told = [change for change in told if change.household_id not in again]
    return told, end


def _as_before(connection: Connection, older: int, newer: int, ids: Sequence[str]) -> set[str]:
    """Which of some households, each of which was scored otherwise in between, have in both lists the same score for the same reasons."""
    s, r = scores.c, reasons.c
    told = and_(r.list_version == s.list_version, r.household_id == s.household_id)
    asked = select(s.household_id, *(s[name] for name in (*TEXTS, *NUMBERS)), *(r[name] for name in REASONS)).outerjoin_from(
        scores, reasons, told
    )
    was, now = (
        {row.household_id: tuple(row) for row in connection.execute(asked.where(s.list_version == version, s.household_id.in_(ids)))}
        for version in (older, newer)
    )
    return {name for name, row in now.items() if was.get(name) == row}


def _told(rows: Sequence[Row[Any]]) -> Iterator[Change]:
    by_household: dict[str, list[Row[Any]]] = {}
    for row in rows:
        by_household.setdefault(row.household_id, []).append(row)
    for household_id in sorted(by_household):
        mine = sorted(by_household[household_id], key=lambda row: row.list_version)
        first = [row for row in mine if row.list_version == mine[0].list_version]
        last = [row for row in mine if row.list_version == mine[-1].list_version]
        # Of two rows in one list the household moved between villages: it stood in the one and stands in the other.
        was = next((row for row in first if row.kind != "new"), None)
        now = next((row for row in last if row.kind != "left"), None)
        if was is None and now is None:
            continue
        kind = "new" if was is None else "left" if now is None else "moved" if was.tier_before != now.tier else "changed"
        yield Change(
            household_id,
            (now or mine[-1]).village,
            kind,
            None if was is None else was.tier_before,
            None if now is None else now.tier,
            0 if was is None else was.causes_before,
            0 if now is None else now.causes,
        )
