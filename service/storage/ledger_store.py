"""The counts of ledgers beside a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Connection, Select, bindparam, select

from service.regions import LEVELS
from service.storage.scope import REGION, within
from service.storage.tables import summaries

Counted = Mapping[str, Mapping[str, Sequence[int]]]
"""By village and ledger: households in it, and those of which it cannot be told."""


@cache
def _ledgers(level: str) -> Select[Any]:
    c = summaries.c
    return select(c.village, c.ledgers).where(c.list_version == bindparam("version"), within(summaries, level)).order_by(c.village)


def ledger_counts(connection: Connection, version: int, region: str) -> Counted | None:
    """By village and ledger how many households of a list are in it, and of how many it cannot be told.

    Returns:
        None where the list is of a time when nobody counted.
    """
    rows = connection.execute(_ledgers(LEVELS[len(region)]), {"version": version, REGION: region}).all()
    if any(row.ledgers is None for row in rows):
        return None
    return {row.village: orjson.loads(row.ledgers) for row in rows}
