"""The rows of one household, or of a place's, found by key and put into the same arrays as a county's: what scores a county scores them."""

from __future__ import annotations

import numpy as np
from sqlalchemy import ColumnElement, Connection, select

from features.register import Array, Register, assemble
from features.tables import TABLES
from service.regions import COUNTY_DIGITS, TOWN_DIGITS
from service.storage.codebook import readable
from service.storage.register_store import INDICATORS, as_declared, import_of, info_of, read_rows
from service.storage.tables import register_ids, register_words, scores

SPOKEN = (("households", "village_code"), ("findings", "department"))
"""Columns of texts that somebody asks the words of."""


def load_household(connection: Connection, household_id: str, import_id: int) -> Register | None:
    """The register of one household, as an import left it.

    Args:
        connection: to read with.
        household_id: pseudonym.
        import_id: the import to see; rows that came later or had gone by then are not read.

    Returns:
        a register with one household; None where nothing of it is stored for that import, or the stored numbers have another meaning.
    """
    return _load(connection, register_ids.c.household_id == household_id, import_id)


def load_place(connection: Connection, list_version: int, region: str, import_id: int) -> Register | None:
    """The register of the households that a list has in a town or village, as an import left it.

    Args:
        connection: to read with.
        list_version: of the list.
        region: area code of 9 or 12 digits.
        import_id: the import that the list was made from.

    Returns:
        a register, households sorted by id; None where nothing of them is stored for that import.
    """
    place = scores.c.town if len(region) == TOWN_DIGITS else scores.c.village
    inside = (scores.c.list_version == list_version, scores.c.county == region[:COUNTY_DIGITS], place == region)
    there = select(scores.c.household_id).where(*inside)
    return _load(connection, register_ids.c.household_id.in_(there), import_id)


def _load(connection: Connection, which: ColumnElement[bool], import_id: int) -> Register | None:
    record = import_of(connection, import_id)
    query = select(register_ids.c.household, register_ids.c.household_id).where(which).order_by(register_ids.c.household_id)
    known = connection.execute(query).all()
    if record is None or not known or not readable(record.meanings):
        return None
    numbers = [row.household for row in known]
    rows = {name: read_rows(connection, schema, import_id, numbers)[0] for name, schema in TABLES.items()}
    if not len(rows["households"]):
        return None
    place = np.zeros(max(numbers) + 1, dtype=np.int32)
    place[numbers] = np.arange(len(numbers), dtype=np.int32)
    info = info_of(record)
    measured = rows["indicators"]
    rows["indicators"] = as_declared(measured, _words(connection, INDICATORS, measured.columns[INDICATORS[1]]), info)
    tables = {name: assemble(TABLES[name], place[table.household], table.columns) for name, table in rows.items()}
    texts = {INDICATORS: [indicator.name for indicator in info.indicators]}
    # Only the words of its own rows are read; ids of members are numbers here, and nobody asks what they stand for.
    for name, column in SPOKEN:
        codes = tables[name].columns[column]
        places = np.unique(codes)
        found = _words(connection, (name, column), places)
        tables[name].columns[column] = np.searchsorted(places, codes).astype(codes.dtype)
        texts[name, column] = [found.get(place, "") for place in places.tolist()]
    return Register(np.array([row.household_id for row in known], dtype=np.str_), tables, texts, info)


def _words(connection: Connection, column: tuple[str, str], places: Array) -> dict[int, str]:
    """The words that stand at some places of a column's list."""
    w, asked = register_words.c, np.unique(places).tolist()
    if not asked:
        return {}
    query = select(w.place, w.word).where(w.table_name == column[0], w.column_name == column[1], w.place.in_(asked))
    return {row.place: row.word for row in connection.execute(query)}
