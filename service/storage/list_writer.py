"""Writes a list of scores beside the one in use, in small steps that nobody sees, and switches to it by one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, delete, insert, select, update

from features.catalog import CAUSES
from features.register import Array
from service.storage.change_store import differences
from service.storage.database import Cells, Database, insert_columns
from service.storage.exclusive import only_one
from service.storage.tables import CANDIDATES, CAUSE_BITS, CELLS, active_list, changes, lists, reasons, scores, summaries

STEP = 20_000  # rows a transaction: others who want to write wait for one of them, not for the whole list
SHAPE = 3  # raised where lists come to hold more, or say it otherwise
PLACE = "list"
PARTS = (changes, summaries, reasons, scores)


@dataclass(frozen=True, slots=True)
class ListRecord:
    """What a list was made from; the same again need not be made twice."""

    import_id: int
    as_of: str
    county: str
    synthetic: bool
    households: int
    model_name: str
    model_version: str
    policy_version: str
    data_version: str
    base_margin: float
    written_at: str


def write_list(
    database: Database,
    record: ListRecord,
    columns: Mapping[str, Array],
    told: Mapping[str, Cells],
    summary: Mapping[str, Cells],
    *,
    beside: Callable[[Connection, int], None] = lambda _, __: None,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Writes a new list with its reasons, its counts and what it changes, and makes it the one in use.

    Args:
        database: readers see the old list until the last step; if a step fails, the old list stays, and the next list sweeps up.
        record: what the list was made from.
        columns: the columns of `scores` but list_version, one cell a household.
        told: the columns of `reasons` but list_version, for the households that have something to say.
        summary: the columns of `summaries` but list_version, one cell a village.
        beside: writes what takes effect together with the list; given the list's version.
        progress: called with each step.

    Returns:
        the list's version.
    """
    with only_one(database, PLACE) as held:
        sweep(database)
        with database.writing() as connection:
            values = {**asdict(record), "finished": False, "shape": SHAPE}
            version = int(connection.execute(insert(lists).values(values).returning(lists.c.list_version)).scalar_one())
        progress("list")
        for table, cells in ((scores, columns), (reasons, told), (summaries, summary)):
            _write(database, table, version, cells)
        progress("changes")
        with database.reading() as connection:
            before = connection.execute(select(active_list.c.list_version)).scalar_one_or_none()
            found = None if before is None else differences(connection, before, columns, told)
        if found is not None:
            _write(database, changes, version, found)
        with database.writing() as connection:
            held()  # as with an import: asked in the writers' turn, in which others sweep too
            beside(connection, version)
            connection.execute(update(lists).where(lists.c.list_version == version).values(finished=True, previous=before))
            connection.execute(delete(active_list))
            connection.execute(insert(active_list).values(id=1, list_version=version))
    return version


def sweep(database: Database) -> None:
    """Removes what is left of lists whose writing broke off. Nobody may write a list meanwhile."""
    with database.writing() as connection:
        broken = connection.execute(select(lists.c.list_version).where(~lists.c.finished)).scalars().all()
    for version in broken:
        remove_list(database, version)


def _write(database: Database, table: Table, version: int, cells: Mapping[str, Cells]) -> None:
    rows = len(next(iter(cells.values())))
    for start in range(0, rows, STEP):
        step = {name: values[start : start + STEP] for name, values in cells.items()}
        count = min(STEP, rows - start)
        with database.writing() as connection:
            insert_columns(connection, table, {"list_version": np.full(count, version), **step}, count)


def remove_list(database: Database, version: int) -> None:
    """Removes a list that is not in use, in small steps; from the first of them on nobody is shown it.

    Raises:
        ValueError: the list is in use.
    """
    with database.writing() as connection:
        if connection.execute(select(active_list.c.list_version)).scalar_one_or_none() == version:
            raise ValueError(f"list {version} is in use")
        connection.execute(update(lists).where(lists.c.list_version == version).values(finished=False))
    for table in PARTS:
        _erase(database, table, version)
    with database.writing() as connection:
        connection.execute(delete(lists).where(lists.c.list_version == version))


def _erase(database: Database, table: Table, version: int) -> None:
    name = table.c[list(table.primary_key.columns)[1].name]  # behind list_version
    here = table.c.list_version == version
    while True:
        with database.writing() as connection:
            last = connection.execute(select(name).where(here).order_by(name).offset(STEP).limit(1)).scalar_one_or_none()
            connection.execute(delete(table).where(here if last is None else here & (name < last)))
        if last is None:
            return


def summarise(columns: Mapping[str, Array], village_counted: Array) -> dict[str, Cells]:
    """Counts the households of a list by village: the columns of `summaries`.

    Args:
        columns: of the list.
        village_counted: which households count for the tier of their village.
    """
    villages, first, place = np.unique(columns["village"], return_index=True, return_inverse=True)
    state, tier, mask = columns["state"], columns["tier"], columns["causes_mask"]
    counted: dict[str, Any] = {
        "households": np.ones(len(state), dtype=bool),
        **{name: state == name for name in ("scored", "below_line", "insufficient_data")},
        **{name: tier == name for name in ("red", "orange", "yellow", "none")},
        "edge_band": columns["edge_band_flag"] == 1,
        **{f"{kind}_candidate": columns[f"{kind}_candidate"] == 1 for kind in CANDIDATES},
        **{f"cause_{cause}": mask & CAUSE_BITS[cause] > 0 for cause in CAUSES},
        **{f"cell_{cell}": columns["cell"] == cell for cell in CELLS},
        "village_counted": village_counted,
    }
    counts = {
        f"{name}_count": np.bincount(place, weights=which, minlength=len(villages)).astype(np.int64) for name, which in counted.items()
    }
    return {"village": villages, "town": columns["town"][first], "county": columns["county"][first], **counts}
