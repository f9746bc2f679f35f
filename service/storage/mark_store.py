"""What stands beside the households of a page: who was visited since the list was made, and whom the list moved."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from service.clock import day_of
from service.storage.score_store import list_of
from service.storage.tables import changes, visits

TOLD = ("new", "moved")


def visited(connection: Connection, version: int, household_ids: Sequence[str]) -> set[str]:
    """Those of some households at whose door somebody was since the day a list was made."""
    record = list_of(connection, version)
    if record is None or not household_ids:
        return set()
    c = visits.c
    since = day_of(record.written_at)
    return set(connection.execute(select(c.household_id).where(c.household_id.in_(household_ids), c.visited_on >= since)).scalars())


def moved(connection: Connection, version: int, household_ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Those of some households that a list has newly, or in another tier than the list before: (kind, tier before)."""
    c = changes.c
    asked = select(c.household_id, c.kind, c.tier_before).where(
        c.list_version == version, c.household_id.in_(household_ids), c.kind.in_(TOLD)
    )
    return {row.household_id: (row.kind, row.tier_before) for row in connection.execute(asked)} if household_ids else {}
