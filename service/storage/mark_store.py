"""What stands beside the households of a page: whom the list moved."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from service.storage.tables import changes

TOLD = ("new", "moved")


def moved(connection: Connection, version: int, household_ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Those of some households that a list has newly, or in another tier than the list before: (kind, tier before)."""
    c = changes.c
    asked = select(c.household_id, c.kind, c.tier_before).where(
        c.list_version == version, c.household_id.in_(household_ids), c.kind.in_(TOLD)
    )
    return {row.household_id: (row.kind, row.tier_before) for row in connection.execute(asked)} if household_ids else {}
