"""Lists of scores in the database: written beside the one in use, switched to in the same transaction, read a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, or_, select

from features.register import Array
from service.regions import LEVELS
from service.storage.database import Cells, insert_columns
from service.storage.tables import COUNTED, active_list, lists, reasons, scores, summaries

Candidate = Literal["edge", "unstable", "sudden"]


@dataclass(frozen=True, slots=True)
class ListRecord:
    """What a list was made from; the same again need not be made twice."""

    import_id: int
    as_of: str
    county: str
    synthetic: bool
    households: int
    model_name: str
    model_version: str
    policy_version: str
    data_version: str
    written_at: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the next begins behind this household of this list."""

    list_version: int
    risk: float
    household_id: str


def write_list(
    connection: Connection,
    record: ListRecord,
    columns: Mapping[str, Cells],
    told: Mapping[str, Cells],
    summary: Mapping[str, Cells],
) -> int:
    """Writes a new list with its reasons and its summary, and makes it the one in use.

    Args:
        connection: inside a writing transaction: readers see the old list until it ends.
        record: what the list was made from.
        columns: the columns of `scores` but list_version, one cell a household.
        told: the columns of `reasons` but list_version, for the households that have something to say.
        summary: the columns of `summaries` but list_version, one cell a village.

    Returns:
        the list's version.
    """
    version = int(connection.execute(insert(lists).values(**asdict(record)).returning(lists.c.list_version)).scalar_one())
    for table, cells in ((scores, columns), (reasons, told), (summaries, summary)):
        rows = len(next(iter(cells.values())))
        insert_columns(connection, table, {"list_version": np.full(rows, version), **cells}, rows)
    connection.execute(delete(active_list))
    connection.execute(insert(active_list).values(id=1, list_version=version))
    return version


def summarise(columns: Mapping[str, Array]) -> dict[str, Cells]:
    """Counts the households of a list by village: the columns of `summaries`."""
    villages, first, place = np.unique(columns["village"], return_index=True, return_inverse=True)
    state, tier = columns["state"], columns["tier"]
    counted = {
        "households": np.ones(len(state), dtype=bool),
        **{name: state == name for name in ("scored", "below_line", "insufficient_data")},
        **{name: tier == name for name in ("red", "orange", "yellow", "none")},
        "edge_band": columns["edge_band_flag"] == 1,
        **{name: columns[name] == 1 for name in ("edge_candidate", "unstable_candidate", "sudden_candidate")},
    }
    counts = {
        f"{name}_count": np.bincount(place, weights=which, minlength=len(villages)).astype(np.int64) for name, which in counted.items()
    }
    return {"village": villages, "town": columns["town"][first], "county": columns["county"][first], **counts}


_ACTIVE = select(lists).join(active_list, active_list.c.list_version == lists.c.list_version)


def active(connection: Connection) -> Row[Any] | None:
    """The list in use: a row of `lists`; None where nothing was scored yet."""
    return connection.execute(_ACTIVE).one_or_none()


def list_of(connection: Connection, version: int) -> Row[Any] | None:
    """A list by its version, whether it is in use or not."""
    return connection.execute(select(lists).where(lists.c.list_version == version)).one_or_none()


def _inside(table: Any, region: str) -> ColumnElement[bool]:
    """The rows of a region: the scope of a token ends up here, inside the query."""
    clause: ColumnElement[bool] = table.c[LEVELS[len(region)]] == region
    return clause


def page(
    connection: Connection,
    version: int,
    region: str,
    limit: int,
    *,
    tier: str | None = None,
    candidate: Candidate | None = None,
    after: Position | None = None,
) -> Sequence[Row[Any]]:
    """The next households of a list, the riskiest first.

    Args:
        connection: to read with.
        version: of the list.
        region: 6, 9 or 12 digits; nothing outside it is returned.
        limit: most rows.
        tier: only this tier.
        candidate: only candidates of this kind.
        after: where the page before ended.

    Returns:
        rows of `scores` with the columns of `reasons`.
    """
    c = scores.c
    where = [c.list_version == version, _inside(scores, region)]
    if tier is not None:
        where.append(c.tier == tier)
    if candidate is not None:
        where.append(c[f"{candidate}_candidate"].is_(True))
    if after is not None:
        # `risk <= ?` bounds the walk down the index; the plain OR form alone would begin at its top again.
        where.append(and_(c.risk <= after.risk, or_(c.risk < after.risk, c.household_id > after.household_id)))
    asked = select(c.household_id).where(*where).order_by(c.risk.desc(), c.household_id).limit(limit).subquery()
    r = reasons.c
    told = (r.causes, r.cause_words, r.verify, r.not_evaluable, r.missing_field)
    joined = scores.join(asked, and_(c.list_version == version, c.household_id == asked.c.household_id)).outerjoin(
        reasons, and_(r.list_version == version, r.household_id == c.household_id)
    )
    return connection.execute(select(scores, *told).select_from(joined).order_by(c.risk.desc(), c.household_id)).all()


def counts(connection: Connection, version: int, region: str, by: Literal["town", "village"]) -> Sequence[Row[Any]]:
    """Counts of a list within a region, by town or by village: (code, county, one count a `COUNTED` name)."""
    c = summaries.c
    group = c[by]
    sums = [func.sum(c[f"{name}_count"]).label(name) for name in COUNTED]
    return connection.execute(
        select(group.label("region"), *sums).where(c.list_version == version, _inside(summaries, region)).group_by(group).order_by(group)
    ).all()
