"""The region of a query: the scope of a token ends up here, inside the query itself."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, bindparam

from service.regions import LEVELS

REGION = "region"  # the parameter of a query that is made once and asked for many regions


def inside(table: Table, region: str) -> ColumnElement[bool]:
    """The rows of a region, for a table with the columns county, town and village.

    Args:
        table: to read from.
        region: 6, 9 or 12 digits.
    """
    clause: ColumnElement[bool] = table.c[LEVELS[len(region)]] == region
    return clause


def within(table: Table, level: str) -> ColumnElement[bool]:
    """As `inside`, for a query that is made once: the region of this level comes with each execution, as `REGION`."""
    clause: ColumnElement[bool] = table.c[level] == bindparam(REGION)
    return clause
