"""Lists of scores as they are read: which is in use, a page at a time in any order that an index knows, counts, one household."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, literal, or_, select

from service.regions import COUNTY_DIGITS, LEVELS, VILLAGE_DIGITS
from service.storage.scope import inside
from service.storage.tables import CAUSE_BITS, COUNTED, active_list, lists, reasons, scores, summaries, visits

Candidate = Literal["edge", "unstable", "sudden"]
Order = Literal["risk", "village", "id"]
TOLD = ("causes", "cause_words", "verify", "not_evaluable", "missing_field")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which households of a list are asked for; None asks for all.

    Attributes:
        cause: one of the reasons that raise the risk most.
        cell: where rules and model stand.
        visited: whether somebody was at the door since `since`.
        since: the day the list was made, YYYY-MM-DD.
        prefix: how the household's id begins.
    """

    tier: str | None = None
    candidate: Candidate | None = None
    cause: str | None = None
    cell: str | None = None
    state: str | None = None
    visited: bool | None = None
    since: str = ""
    prefix: str | None = None


ALL = Wanted()

Place = tuple[int] | tuple[str, int] | tuple[str]
"""Where a page ended: a rank; a village and a rank in it; or an id; as the order has it."""


class ListMark(NamedTuple):
    """What tells one state of the lists from another: the list in use, and the last visit that was recorded."""

    list_version: int
    last_visit: int


_ACTIVE = select(lists).join(active_list, active_list.c.list_version == lists.c.list_version)


def active(connection: Connection) -> Row[Any] | None:
    """The list in use: a row of `lists`; None where nothing was scored yet."""
    return connection.execute(_ACTIVE).one_or_none()


_MARK = select(active_list.c.list_version, select(func.coalesce(func.max(visits.c.id), 0)).scalar_subquery())


def mark(connection: Connection) -> ListMark | None:
    """What a dashboard that polls is told first; None where nothing was scored yet."""
    row = connection.execute(_MARK).one_or_none()
    return None if row is None else ListMark(*row)


def list_of(connection: Connection, version: int) -> Row[Any] | None:
    """A finished list by its version, whether it is in use or not."""
    return connection.execute(select(lists).where(lists.c.list_version == version, lists.c.finished)).one_or_none()


def kept_lists(connection: Connection) -> Sequence[Row[Any]]:
    """All finished lists that are kept, the latest first."""
    return connection.execute(select(lists).where(lists.c.finished).order_by(lists.c.list_version.desc())).all()


def _wanted(wanted: Wanted) -> list[ColumnElement[bool]]:
    """The filters: all but the visits are answered by the index that is walked."""
    c = scores.c
    where: list[ColumnElement[bool]] = [
        c[name] == value for name, value in (("tier", wanted.tier), ("cell", wanted.cell), ("state", wanted.state)) if value is not None
    ]
    if wanted.candidate is not None:
        where.append(c[f"{wanted.candidate}_candidate"].is_(True))
    if wanted.cause is not None:
        where.append(c.causes_mask.bitwise_and(CAUSE_BITS[wanted.cause]) > 0)
    if wanted.visited is not None:
        seen = exists().where(visits.c.household_id == c.household_id, visits.c.visited_on >= wanted.since)
        where.append(seen if wanted.visited else ~seen)
    if wanted.prefix is not None:
        # A range, not a pattern: it is walked along the key, and no character of it means anything but itself.
        where.append(c.household_id >= wanted.prefix)
        where.append(c.household_id < wanted.prefix[:-1] + chr(ord(wanted.prefix[-1]) + 1))
    return where


def _walk(version: int, region: str, order: Order, wanted: Wanted, after: Place | None) -> Select[Any]:
    """The ids of a list in an order, from a place on; each order is one walk along one index.

    by risk: (county, rank_county), (town, rank_town), (county, village, rank_village)
    by village: (county, village, rank_village); a town or a village is the range of the codes that begin with its own
    by id: the key; the region is only looked at, so this order is for a prefix, which few ids share
    """
    c = scores.c
    level = LEVELS[len(region)]
    where = [c.list_version == version, *_wanted(wanted)]
    keys: list[Any]
    if order == "id":
        where.append(inside(scores, region))
        keys = [c.household_id]
        if after is not None:
            where.append(c.household_id > after[0])
    elif order == "risk" and level != "village":
        where.append(inside(scores, region))
        keys = [c[f"rank_{level}"]]
        if after is not None:
            where.append(keys[0] > after[-1])
    else:
        where.append(c.county == region[:COUNTY_DIGITS])
        if level != "county":  # as codes, not as texts: however a database sorts letters, it knows the order of digits
            where.append(c.village.between(region.ljust(VILLAGE_DIGITS, "0"), region.ljust(VILLAGE_DIGITS, "9")))
        keys = [c.village, c.rank_village]
        if after is not None:
            village, rank = (region, *after)[-2:]
            # `village >= ?` bounds the walk along the index; the plain OR form alone would begin at its start again.
            where.append(and_(c.village >= village, or_(c.village > village, c.rank_village > rank)))
    return select(c.household_id).where(*where).order_by(*keys)


def page(
    connection: Connection,
    version: int,
    region: str,
    limit: int,
    *,
    order: Order = "risk",
    wanted: Wanted = ALL,
    after: Place | None = None,
) -> Sequence[Row[Any]]:
    """The next households of a list.

    Args:
        connection: to read with.
        version: of the list.
        region: 6, 9 or 12 digits; nothing outside it is returned.
        limit: most rows.
        order: the riskiest first; village by village; or by id, which needs a prefix.
        wanted: which of them.
        after: where the page before ended.

    Returns:
        rows of `scores` with the columns of `reasons`.
    """
    asked = _walk(version, region, order, wanted, after).limit(limit).subquery()
    c, r = scores.c, reasons.c
    joined = scores.join(asked, and_(c.list_version == version, c.household_id == asked.c.household_id)).outerjoin(
        reasons, and_(r.list_version == version, r.household_id == c.household_id)
    )
    keys: list[Any] = [c.household_id] if order == "id" else [c.village, c.rank_village] if order == "village" else [_rank(region)]
    return connection.execute(select(scores, *(r[name] for name in TOLD)).select_from(joined).order_by(*keys)).all()


def _rank(region: str) -> ColumnElement[int]:
    found: ColumnElement[int] = scores.c[f"rank_{LEVELS[len(region)]}"]
    return found


def place_of(row: Any, region: str, order: Order) -> Place:
    """Where a page ends that ends with this row."""
    if order == "id":
        return (row.household_id,)
    if order == "village":
        return row.village, row.rank_village
    return (getattr(row, f"rank_{LEVELS[len(region)]}"),)


def count_up_to(connection: Connection, version: int, region: str, wanted: Wanted, most: int) -> int:
    """How many households are asked for; counts along the index, and no further than `most`."""
    order: Order = "risk" if wanted.prefix is None else "id"
    walked = _walk(version, region, order, wanted, None).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(walked)).scalar_one()


def households(connection: Connection, version: int, region: str, ids: Sequence[str]) -> Sequence[Row[Any]]:
    """Some households of a list by their ids, those of a region only; rows as `page` gives them, by id."""
    c, r = scores.c, reasons.c
    joined = scores.outerjoin(reasons, and_(r.list_version == version, r.household_id == c.household_id))
    asked = select(scores, *(r[name] for name in TOLD)).select_from(joined)
    where = (c.list_version == version, inside(scores, region), c.household_id.in_(ids))
    return connection.execute(asked.where(*where).order_by(c.household_id)).all()


def history(connection: Connection, household_id: str, region: str) -> Sequence[Row[Any]]:
    """The scores of a household in all lists that are kept, the first list first; none from when it stood in another region."""
    c = scores.c
    kept = select(lists.c.list_version).where(lists.c.finished)
    asked = select(scores, lists.c.as_of, lists.c.model_name, lists.c.model_version, lists.c.written_at).join(
        lists, lists.c.list_version == c.list_version
    )
    where = (c.list_version.in_(kept), c.household_id == household_id, inside(scores, region))
    return connection.execute(asked.where(*where).order_by(c.list_version)).all()


def counts(connection: Connection, version: int, region: str, by: Literal["county", "town", "village"]) -> Sequence[Row[Any]]:
    """Counts of a list within a region, by county, town or village: (region, one count a `COUNTED` name)."""
    c = summaries.c
    group = c[by]
    sums = [func.coalesce(func.sum(c[f"{name}_count"]), literal(0)).label(name) for name in COUNTED]
    return connection.execute(
        select(group.label("region"), *sums).where(c.list_version == version, inside(summaries, region)).group_by(group).order_by(group)
    ).all()
