"""Kinds of columns that the tables share: how a register's cells are held, ids and area codes that order alike on every database."""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, SmallInteger, String

from features.tables import Kind

SQL_TYPES = {
    Kind.ID: Integer,
    Kind.TEXT: Integer,
    Kind.CATEGORY: SmallInteger,
    Kind.FLAG: SmallInteger,
    Kind.NUMBER: Double,
    Kind.DATE: Integer,
    Kind.MONTH: Integer,
}
CODE_LENGTH = 12


def _plain_order(length: int) -> String:
    """Text that orders by its characters' codes, on every database: ids break ties by it, and a region is a range of codes."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


ID = _plain_order(64)
COUNTY, TOWN, VILLAGE = (_plain_order(digits) for digits in (6, 9, 12))


def place() -> tuple[Column[str], ...]:
    """Where a household lies: by these columns a region is asked for."""
    return tuple(Column(level, kind, nullable=False) for level, kind in (("county", COUNTY), ("town", TOWN), ("village", VILLAGE)))
