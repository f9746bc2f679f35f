"""Registers compared row by row, whatever numbers stand for their words."""

from __future__ import annotations

from typing import Any

from features.register import Register
from features.tables import TABLES


def facts(register: Register) -> set[tuple[Any, ...]]:
    """Every row as values; equal rows are told apart by counting them."""
    found: dict[tuple[Any, ...], int] = {}
    for name, table in register.tables.items():
        for row in range(len(table)):
            cells: list[Any] = [name, str(register.household_id[table.household[row]])]
            for column in TABLES[name].columns:
                if column.name == "household_id":
                    continue
                cell = table.columns[column.name][row].item()
                words = register.texts.get((name, column.name))
                cells.append(words[cell] if words is not None and cell >= 0 else str(cell))
            found[tuple(cells)] = found.get(tuple(cells), 0) + 1
    return {(*cells, count) for cells, count in found.items()}
