"""Which rows lie so far back that whoever asks for recent months leaves them out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np

from features.register import Array, BoolArray, day
from features.tables import TABLES, Kind

# By which column a row of these tables is old. Not spells of work or help: an end is a later row of the same spell, and to
# leave out the row that says "ended in 2017" would let the older row that knows of no end count again.
AGE_COLUMNS = {"incomes": "period_end", "events": "occurred_on", "visits": "visited_on"}


def too_old(table: str, columns: Mapping[str, Array], since: dt.date | None) -> BoolArray:
    """Which encoded rows of a table lie wholly before a day; a blank is not known to be old."""
    column = AGE_COLUMNS.get(table)
    if since is None or column is None:
        return np.zeros(len(columns["known_on"]), dtype=bool)
    bound = day(since) if TABLES[table].column(column).kind is Kind.DATE else (since.year - 1970) * 12 + since.month - 1
    return np.asarray(columns[column] < bound)
