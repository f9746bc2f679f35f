"""What the stored numbers of the register mean: written beside each import, so that a later programme can tell if it reads them right."""

from __future__ import annotations

import json

from features.tables import TABLES


def codebook() -> str:
    """Of every column its kind and, in their order, its codes; a stored category is the place of its code. JSON."""
    return json.dumps({name: {column.name: [column.kind, *column.codes] for column in schema.columns} for name, schema in TABLES.items()})


def readable(stored: str | None) -> bool:
    """Whether numbers that were written with a codebook still mean the same.

    They do where tables, columns and codes were only added since: of those nothing is stored, and what is not stored is blank. Of what
    a programme before the twelfth step of the database wrote, nothing is told.

    >>> readable(codebook()), readable('{"members": {"sex": ["category", "female", "male"]}}'), readable(None)
    (True, False, False)
    """
    if stored is None:
        return False
    then, now = json.loads(stored), json.loads(codebook())
    return all(
        now.get(table, {}).get(name, [])[: len(meaning)] == meaning for table, columns in then.items() for name, meaning in columns.items()
    )
