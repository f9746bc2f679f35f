"""How complete a household's record is, by the sections that its county verifies (镇安县“九核”): of each, which columns are blank.

Worked example: nine sections; of one member the labour is not on record, and nobody asked the family for its wishes. Seven of nine are
held, so the record is not complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from features.policy.choice import Cells, choices, spread
from features.policy.declared import Cell, Section
from features.register import NEVER, Array, BoolArray
from features.seen import Seen
from features.tables import TABLES, Kind


class Verified(NamedTuple):
    """A section of one household.

    Attributes:
        held: whether all of it is on record; None: no table of the register holds it.
        missing: its blank columns, as table.column.
    """

    section: Section
    held: bool | None
    missing: list[str]


def verified(sections: Mapping[str, Section], seen: Seen, row: int) -> dict[str, Verified]:
    """Every section of one household.

    Args:
        sections: what the county verifies.
        seen: the register on a date.
        row: of the household in it.
    """
    found = {}
    for name, section in sections.items():
        missing = [column for column, asked_of in section.columns.items() if not _held(column, asked_of, seen, row)]
        found[name] = Verified(section, None if not section.columns else not missing, missing)
    return found


def _held(name: str, asked_of: Mapping[str, Cell], seen: Seen, row: int) -> bool:
    """Whether a column is on record for a household: it has rows there, and none of those whom it is asked of is blank."""
    table, _, column = name.partition(".")
    rows = seen.people.table if table == "members" else seen[table]
    own: BoolArray = rows.household == row
    if not own.any():
        return False
    cells = Cells(seen, table, rows)
    for choice in choices(table, [asked_of]):
        own = own & spread(choice.hold(cells)[1], 1)[:, 0]
    return not bool((own & _blank(table, column, rows[column])).any())


def _blank(table: str, column: str, cells: Array) -> BoolArray:
    kind = TABLES[table].column(column).kind
    if kind in (Kind.NUMBER, Kind.FLAG):
        return np.isnan(cells)
    return np.asarray(cells == NEVER) if kind is Kind.DATE else np.asarray(cells < 0)
