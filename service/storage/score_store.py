"""Lists of scores as they are read: which is in use, a page at a time in any order that an index knows, counts, one household."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal,
    null,
    or_,
    select,
)

from service.regions import COUNTY_DIGITS, LEVELS, VILLAGE_DIGITS
from service.storage.scope import REGION, inside, within
from service.storage.tables import CAUSE_BITS, CELLS, COUNTED, UNDETERMINED, active_list, lists, notes, reasons, scores, summaries, visits

Candidate = Literal["edge", "unstable", "sudden"]
Order = Literal["risk", "village", "id"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which households of a list are asked for; None asks for all.

    Attributes:
        cause: one of the reasons that raise the risk most.
        cell: where rules and model stand.
        visited: whether somebody was at the door since `since`.
        since: the day the list was made, YYYY-MM-DD; from that day on a visit counts.
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


class Stored(NamedTuple):
    """One household of a list, with its reasons as stored JSON."""

    household_id: str
    village: str
    risk: float
    rank_county: int
    rank_town: int
    rank_village: int
    state: str
    tier: str
    cell: str | None
    probability: float | None
    low: float | None
    high: float | None
    edge_band_flag: bool | None
    edge_candidate: bool | None
    unstable_candidate: bool | None
    sudden_candidate: bool | None
    pc_net_income: float | None
    poverty_line: float | None
    monitoring_line: float | None
    data_age_days: int | None
    causes: str | None  # without the facts behind them for whoever may not see facts
    verify: str | None  # NULL for whoever may not see facts
    triggers: str | None  # NULL for whoever may not see facts
    not_evaluable: str | None
    missing_field: str | None
    visited: bool | None  # since the day that `Wanted.since` names; None where a household is looked up by its id


class ListMark(NamedTuple):
    """What every request is told first: the list in use, its day, and what tells one state of lists, visits and notes from another."""

    list_version: int
    as_of: str
    synthetic: bool
    kept: int
    last_visit: int
    last_note: int


_IN_USE = select(lists).join(active_list, active_list.c.list_version == lists.c.list_version)
MARK: tuple[ColumnElement[Any], ...] = (
    *(_IN_USE.with_only_columns(lists.c[name]).scalar_subquery().label(name) for name in ("list_version", "as_of", "synthetic")),
    select(func.count()).select_from(lists).where(lists.c.finished).scalar_subquery().label("kept"),
    select(func.coalesce(func.max(visits.c.id), 0)).scalar_subquery().label("last_visit"),
    select(func.coalesce(func.max(notes.c.id), 0)).scalar_subquery().label("last_note"),
)
"""The columns of a `ListMark`, to be read beside whatever is read first: a poll that finds nothing new costs no further look."""


def mark_in(row: Any) -> ListMark | None:
    """The mark in a row that was read with the columns `MARK`; None where nothing was scored yet."""
    return None if row.list_version is None else ListMark(*(getattr(row, name) for name in ListMark._fields))


def active(connection: Connection) -> Row[Any] | None:
    """The list in use: a row of `lists`; None where nothing was scored yet."""
    return connection.execute(_IN_USE).one_or_none()


_SEEN = exists().where(visits.c.household_id == scores.c.household_id, visits.c.visited_on >= bindparam("since"))
_LIST = select(lists).where(lists.c.list_version == bindparam("version"), lists.c.finished)


def list_of(connection: Connection, version: int) -> Row[Any] | None:
    """A finished list by its version, whether it is in use or not."""
    return connection.execute(_LIST, {"version": version}).one_or_none()


def kept_lists(connection: Connection) -> Sequence[Row[Any]]:
    """All finished lists that are kept, the latest first."""
    return connection.execute(select(lists).where(lists.c.finished).order_by(lists.c.list_version.desc())).all()


# Which filters a query has, and how it is ordered, decides its text; it is made once for each such form.
@dataclass(frozen=True, slots=True)
class _Form:
    """The form of a walk along a list: what it is filtered and ordered by, without any value."""

    level: str
    order: Order
    goes_on: bool
    filters: frozenset[str]
    candidate: str | None
    visited: bool | None


def _filters(form: _Form) -> list[ColumnElement[bool]]:
    """The filters: all but the visits are answered by the index that is walked."""
    c = scores.c
    where: list[ColumnElement[bool]] = [c[name] == bindparam(name) for name in ("tier", "cell", "state") if name in form.filters]
    if UNDETERMINED in form.filters:
        where.append(c.cell.is_(None))
    if form.candidate is not None:
        where.append(c[f"{form.candidate}_candidate"].is_(True))
    if "cause" in form.filters:
        where.append(c.causes_mask.bitwise_and(bindparam("bit")) > 0)
    if form.visited is not None:
        where.append(_SEEN if form.visited else ~_SEEN)
    if "prefix" in form.filters:
        # A range, not a pattern: it is walked along the key, and no character of it means anything but itself.
        where += [c.household_id >= bindparam("first"), c.household_id < bindparam("beyond")]
    return where


def _walk(form: _Form) -> Select[Any]:
    """The ids of a list in an order, from a place on; each order is one walk along one index.

    by risk: (county, rank_county), (town, rank_town), (county, village, rank_village)
    by village: (county, village, rank_village); a town or a village is the range of the codes that begin with its own
    by id: the key; the region is only looked at, so this order is for a prefix, which few ids share
    """
    c = scores.c
    where = [c.list_version == bindparam("version"), *_filters(form)]
    keys: list[Any]
    if form.order == "id":
        where.append(within(scores, form.level))
        keys = [c.household_id]
        if form.goes_on:
            where.append(c.household_id > bindparam("after_id"))
    elif form.order == "risk" and form.level != "village":
        where.append(within(scores, form.level))
        keys = [c[f"rank_{form.level}"]]
        if form.goes_on:
            where.append(keys[0] > bindparam("after_rank"))
    else:
        where.append(c.county == bindparam("county"))
        if form.level != "county":  # as codes, not as texts: however a database sorts letters, it knows the order of digits
            where.append(c.village.between(bindparam("first_village"), bindparam("last_village")))
        keys = [c.village, c.rank_village]
        if form.goes_on:
            village: BindParameter[str] = bindparam("after_village")
            rank: BindParameter[int] = bindparam("after_rank")
            # `village >= ?` bounds the walk along the index; the plain OR form alone would begin at its start again.
            where.append(and_(c.village >= village, or_(c.village > village, c.rank_village > rank)))
    return select(c.household_id).where(*where).order_by(*keys).limit(bindparam("most", type_=Integer))


def _columns(visited: ColumnElement[Any], *, facts: bool) -> list[ColumnElement[Any]]:
    """The columns of a `Stored`, in its order."""
    r = reasons.c
    told: dict[str, ColumnElement[Any]] = {"not_evaluable": r.not_evaluable, "missing_field": r.missing_field, "visited": visited}
    told |= (
        {"causes": r.causes, "verify": r.verify, "triggers": r.triggers}
        if facts
        else {"causes": r.cause_words, "verify": null(), "triggers": null()}
    )
    return [told[name].label(name) if name in told else scores.c[name] for name in Stored._fields]


def _stored(connection: Connection, statement: Select[Any], values: Mapping[str, Any]) -> list[Stored]:
    # As named tuples, whose cells are reached in a tenth of the time that those of a result row take: a page asks for thousands.
    return list(map(Stored._make, connection.execute(statement, values)))


@cache
def _page(form: _Form, *, facts: bool) -> Select[Any]:
    """The rows of a walk, with their reasons and in its order."""
    asked = _walk(form).subquery()
    c, r = scores.c, reasons.c
    version: BindParameter[int] = bindparam("version")
    joined = scores.join(asked, and_(c.list_version == version, c.household_id == asked.c.household_id)).outerjoin(
        reasons, and_(r.list_version == version, r.household_id == c.household_id)
    )
    order = {"id": (c.household_id,), "village": (c.village, c.rank_village), "risk": (c[f"rank_{form.level}"],)}
    return select(*_columns(_SEEN, facts=facts)).select_from(joined).order_by(*order[form.order])


@cache
def _count(form: _Form) -> Select[int]:
    return select(func.count()).select_from(_walk(form).subquery())


def _form(region: str, order: Order, wanted: Wanted, after: Place | None) -> _Form:
    given = frozenset(name for name in ("tier", "cause", "cell", "state", "prefix") if getattr(wanted, name) is not None)
    if wanted.cell == UNDETERMINED:
        given = given - {"cell"} | {UNDETERMINED}
    return _Form(LEVELS[len(region)], order, after is not None, given, wanted.candidate, wanted.visited)


def _values(version: int, region: str, most: int, *, order: Order, wanted: Wanted, after: Place | None = None) -> dict[str, Any]:
    """What is filled in for every parameter that a form may have."""
    values: dict[str, Any] = {
        "version": version, REGION: region, "most": most, "county": region[:COUNTY_DIGITS], "since": wanted.since,
        "tier": wanted.tier, "cell": wanted.cell, "state": wanted.state,
        "first_village": region.ljust(VILLAGE_DIGITS, "0"), "last_village": region.ljust(VILLAGE_DIGITS, "9"),
    }  # fmt: skip
    if wanted.cause is not None:
        values["bit"] = CAUSE_BITS[wanted.cause]
    if wanted.prefix is not None:
        values |= {"first": wanted.prefix, "beyond": wanted.prefix[:-1] + chr(ord(wanted.prefix[-1]) + 1)}
    if after is not None and order == "id":
        values["after_id"] = after[0]
    elif after is not None:
        values["after_village"], values["after_rank"] = (region, *after)[-2:]
    return values


def page(
    connection: Connection,
    version: int,
    region: str,
    limit: int,
    *,
    order: Order = "risk",
    wanted: Wanted = ALL,
    after: Place | None = None,
    facts: bool = True,
) -> Sequence[Stored]:
    """The next households of a list.

    Args:
        connection: to read with.
        version: of the list.
        region: 6, 9 or 12 digits; nothing outside it is returned.
        limit: most rows.
        order: the riskiest first; village by village; or by id, which needs a prefix.
        wanted: which of them.
        after: where the page before ended.
        facts: whether the reasons come with the facts behind them and with what to check.

    Returns:
        one `Stored` a household.
    """
    statement = _page(_form(region, order, wanted, after), facts=facts)
    return _stored(connection, statement, _values(version, region, limit, order=order, wanted=wanted, after=after))


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
    statement = _count(_form(region, order, wanted, None))
    return connection.execute(statement, _values(version, region, most, order=order, wanted=wanted)).scalar_one()


@cache
def _households(level: str, *, facts: bool) -> Select[Any]:
    c, r = scores.c, reasons.c
    version: BindParameter[int] = bindparam("version")
    joined = scores.outerjoin(reasons, and_(r.list_version == version, r.household_id == c.household_id))
    where = (c.list_version == version, within(scores, level), c.household_id.in_(bindparam("ids", expanding=True)))
    return select(*_columns(null(), facts=facts)).select_from(joined).where(*where).order_by(c.household_id)


def households(connection: Connection, version: int, region: str, ids: Sequence[str], *, facts: bool = True) -> Sequence[Stored]:
    """Some households of a list by their ids, those of a region only; as `page` gives them, by id."""
    return _stored(connection, _households(LEVELS[len(region)], facts=facts), {"version": version, REGION: region, "ids": list(ids)})


def history(connection: Connection, household_id: str, region: str) -> Sequence[Row[Any]]:
    """The scores of a household in all lists that are kept, the first list first; none from when it stood in another region."""
    c = scores.c
    kept = select(lists.c.list_version).where(lists.c.finished)
    asked = select(scores, lists.c.as_of, lists.c.model_name, lists.c.model_version, lists.c.policy_version, lists.c.written_at).join(
        lists, lists.c.list_version == c.list_version
    )
    where = (c.list_version.in_(kept), c.household_id == household_id, inside(scores, region))
    return connection.execute(asked.where(*where).order_by(c.list_version)).all()


Group = Literal["county", "town", "village"]


@cache
def _counts(level: str, by: Group) -> Select[Any]:
    c = summaries.c
    sums = [func.coalesce(func.sum(c[f"{name}_count"]), literal(0)).label(name) for name in COUNTED]
    in_none = c.households_count - sum(c[f"cell_{cell}_count"] for cell in CELLS)
    sums.append(func.coalesce(func.sum(in_none), literal(0)).label(f"cell_{UNDETERMINED}"))
    where = (c.list_version == bindparam("version"), within(summaries, level))
    return select(c[by].label("region"), *sums).where(*where).group_by(c[by]).order_by(c[by])


def counts(connection: Connection, version: int, region: str, by: Group) -> Sequence[Row[Any]]:
    """Counts of a list within a region, by county, town or village: (region, one count a `TOLD` name)."""
    return connection.execute(_counts(LEVELS[len(region)], by), {"version": version, REGION: region}).all()
