"""Visits in the database, and the one place that writes them: a visit is never overwritten, a correction is a further revision.

Whoever records a visit says which revision it replaces (none for the first), and so wants to write the one after it. Worked example, one
household on one day: the village records revision 1; its retry after a lost answer wants revision 1 again, has the same content, and finds
it there; the township, not knowing of it, wants revision 1 with other content, and is told; it then replaces 1, and writes revision 2.
Two who want the same revision at once meet at the unique key.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, insert, select
from sqlalchemy.exc import IntegrityError

from service.clock import CHINA, read_stamp, stamp
from service.storage.clue_store import answer
from service.storage.database import Database
from service.storage.scope import inside
from service.storage.tables import lists, scores, visits

FROM_A_LIST = "list"


@dataclass(frozen=True, slots=True)
class Visit:
    """What somebody found at a household's door.

    Attributes:
        household_id: pseudonym.
        visited_on: YYYY-MM-DD.
        reason: why it was made; a code of the register's table of visits.
        found: a code of the same table.
        note: free text, without numbers that name a person.
        probability: with what probability the household was chosen, where that is known (a drawn audit sample); else None.
    """

    household_id: str
    visited_on: str
    reason: str
    found: str
    note: str
    probability: float | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a visit that somebody wanted to record.

    Attributes:
        outcome: written; there (the same content was stored already); conflict (something else was).
        row: the row of `visits` that holds it, or that stands in its way; None where the revision to replace does not exist.
    """

    outcome: Literal["written", "there", "conflict"]
    row: Row[Any] | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a household lies: area codes of 6, 9 and 12 digits."""

    county: str
    town: str
    village: str


def place_of(connection: Connection, list_version: int, household_id: str, region: str) -> Place | None:
    """County, town and village of a household of a list; None where it is not there, or outside the region."""
    c = scores.c
    row = connection.execute(
        select(c.county, c.town, c.village).where(c.list_version == list_version, c.household_id == household_id, inside(scores, region))
    ).one_or_none()
    return None if row is None else Place(*row)


def record(database: Database, visit: Visit, place: Place, *, replaces: int | None, recorded_by: str, now: dt.datetime) -> Recorded:
    """Writes a visit, or a correction of one.

    Args:
        database: where to.
        visit: what was found.
        place: where the household lies.
        replaces: the newest revision of the visit to that household on that day, which this corrects; None for the first.
        recorded_by: who says so.
        now: when it is recorded.
    """
    revision = (replaces or 0) + 1
    try:
        with database.writing() as connection:
            settled = _settled(_revisions(connection, visit), visit, revision)
            if settled is not None:
                return settled
            row = connection.execute(
                insert(visits)
                .values(
                    **asdict(visit),
                    revision=revision,
                    **asdict(place),
                    list_version=_list_on(connection, visit.visited_on) if visit.reason == FROM_A_LIST else None,
                    recorded_at=stamp(now),
                    recorded_by=recorded_by,
                )
                .returning(visits)
            ).one()
            answer(connection, row)
            return Recorded("written", row)
    except IntegrityError:
        # Somebody else wrote this revision between our look and our writing: it is there now, and is what is to be told.
        with database.reading() as connection:
            settled = _settled(_revisions(connection, visit), visit, revision)
        if settled is None:
            raise
        return settled


def _revisions(connection: Connection, visit: Visit) -> Sequence[Row[Any]]:
    c = visits.c
    where = (c.household_id == visit.household_id, c.visited_on == visit.visited_on)
    return connection.execute(select(visits).where(*where).order_by(c.revision)).all()


def _settled(there: Sequence[Row[Any]], visit: Visit, revision: int) -> Recorded | None:
    """What to answer without writing anything; None where the revision is to be written."""
    for row in there:
        if row.revision in (revision, len(there)) and all(getattr(row, name) == value for name, value in asdict(visit).items()):
            return Recorded("there", row)
    if revision == len(there) + 1:
        return None
    return Recorded("conflict", there[-1] if there else None)


def _list_on(connection: Connection, day: str) -> int | None:
    """The list that was in use at the end of a day in China: what whoever went out that day could have had in hand."""
    midnight = dt.datetime.combine(dt.date.fromisoformat(day) + dt.timedelta(days=1), dt.time(), CHINA)
    return connection.execute(
        select(func.max(lists.c.list_version)).where(lists.c.finished, lists.c.written_at < stamp(midnight))
    ).scalar_one_or_none()


def visits_of(connection: Connection, list_version: int, household_id: str, region: str) -> Sequence[Row[Any]] | None:
    """Every revision of every visit to a household, the newest first; None where the household is not in the region.

    A household's visits go with it: who is responsible for it now sees what others found before it moved here.
    """
    s = scores.c
    mine = and_(s.list_version == list_version, s.household_id == household_id, inside(scores, region))
    found = connection.execute(
        select(visits)
        .select_from(scores.outerjoin(visits, visits.c.household_id == s.household_id))
        .where(mine)
        .order_by(visits.c.visited_on.desc(), visits.c.revision.desc())
    ).all()
    return None if not found else [row for row in found if row.id is not None]


def _newest() -> ColumnElement[bool]:
    """No later revision of the same visit is there."""
    later = visits.alias()
    c = visits.c
    return ~exists().where(later.c.household_id == c.household_id, later.c.visited_on == c.visited_on, later.c.revision > c.revision)


def recent(
    connection: Connection, region: str, limit: int, *, since: dt.date | None = None, before: int | None = None
) -> Sequence[Row[Any]]:
    """Visits of a region, what was recorded last first; of a corrected visit only its newest revision.

    Args:
        connection: to read with.
        region: 6, 9 or 12 digits; nothing outside it is returned.
        limit: most rows.
        since: only what was recorded on this day (in China) or later, whenever the visit was made.
        before: only what was recorded before the visit with this id.
    """
    c = visits.c
    where = [inside(visits, region), _newest()]
    if since is not None:
        where.append(c.recorded_at >= stamp(dt.datetime.combine(since, dt.time(), CHINA)))
    if before is not None:
        where.append(c.id < before)
    return connection.execute(select(visits).where(*where).order_by(c.id.desc()).limit(limit)).all()


def exported_visits(connection: Connection) -> list[dict[str, Any]]:
    """The visits as rows of the register's table `visits`, for those who train: what was found, and from which day on it was known.

    A correction is a row of its own with the day on which it came, so that a model trained "as of" an earlier day sees what was believed
    then. A correction of the reason makes another row of the register (it is part of a visit's identity there); the revisions before it
    are left out, since they would stand beside it as a visit that nobody made.
    """
    c = visits.c
    later = visits.alias()
    contradicted = exists().where(
        later.c.household_id == c.household_id,
        later.c.visited_on == c.visited_on,
        later.c.reason != c.reason,
        later.c.revision > c.revision,
    )
    rows = connection.execute(select(visits).where(~contradicted).order_by(c.household_id, c.visited_on, c.revision)).all()
    return [
        {
            "household_id": row.household_id,
            "visited_on": dt.date.fromisoformat(row.visited_on),
            "reason": row.reason,
            "probability": row.probability,
            "found": row.found,
            "known_on": read_stamp(row.recorded_at).astimezone(CHINA).date(),
        }
        for row in rows
    ]
