"""One household's rows of the register, found by key and put into the same arrays as a county's: what scores a county scores it."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection, select

from features.register import Register, assemble
from features.tables import TABLES
from service.storage.register_store import import_of, info_of, read_rows
from service.storage.tables import codebook, register_ids, register_words

VILLAGE = ("households", "village_code")


def load_household(connection: Connection, household_id: str, import_id: int) -> Register | None:
    """The register of one household, as an import left it.

    Args:
        connection: to read with.
        household_id: pseudonym.
        import_id: the import to see; rows that came later or had gone by then are not read.

    Returns:
        a register with one household; None where nothing of it is stored for that import, or the stored numbers have another meaning.
    """
    record = import_of(connection, import_id)
    number = connection.execute(select(register_ids.c.household).where(register_ids.c.household_id == household_id)).scalar_one_or_none()
    if record is None or number is None or record.codebook != codebook():
        return None
    rows = {name: read_rows(connection, schema, import_id, [number])[0] for name, schema in TABLES.items()}
    tables = {name: assemble(TABLES[name], np.zeros(len(table), dtype=np.int32), table.columns) for name, table in rows.items()}
    if not len(tables["households"]):
        return None
    # Only the words of its own villages are read; ids of members are numbers here, and nobody asks what they stand for.
    codes = tables["households"].columns["village_code"]
    places = np.unique(codes)
    w = register_words.c
    asked = select(w.place, w.word).where(w.table_name == VILLAGE[0], w.column_name == VILLAGE[1], w.place.in_(places.tolist()))
    found = {row.place: row.word for row in connection.execute(asked)}
    tables["households"].columns["village_code"] = np.searchsorted(places, codes).astype(codes.dtype)
    texts = {VILLAGE: [found.get(place, "") for place in places.tolist()]}
    return Register(np.array([household_id], dtype=np.str_), tables, texts, info_of(record))
