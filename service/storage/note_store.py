"""Notes that people write on findings and clues: only ever added to. A finding without the note it demands holds the household's clues."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, exists, insert, select

from service.clock import day_of, stamp
from service.storage.database import Database, insert_columns
from service.storage.tables import note_demands, notes


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote.

    Attributes:
        household_id: pseudonym.
        about: the rule of a finding, or clue:NUMBER.
        note: free text, without numbers that name a person.
    """

    household_id: str
    about: str
    note: str


def add_note(database: Database, note: Note, *, recorded_by: str, now: dt.datetime) -> tuple[Row[Any], bool]:
    """Writes a note.

    Returns:
        the stored row, and whether it was written now: the same person's last word on the same matter is not written twice.
    """
    c = notes.c
    with database.writing() as connection:
        about = (c.household_id == note.household_id, c.about == note.about)
        last = connection.execute(select(notes).where(*about).order_by(c.id.desc()).limit(1)).one_or_none()
        if last is not None and (last.note, last.recorded_by, last.noted_on) == (note.note, recorded_by, day_of(stamp(now))):
            return last, False
        values = {"household_id": note.household_id, "about": note.about, "note": note.note, "noted_on": day_of(stamp(now))}
        row = connection.execute(insert(notes).values(**values, recorded_at=stamp(now), recorded_by=recorded_by).returning(notes)).one()
        return row, True


def notes_of(connection: Connection, household_id: str) -> Sequence[Row[Any]]:
    """The notes on a household, the latest first. Whether it may be seen is for the caller to ask."""
    c = notes.c
    return connection.execute(select(notes).where(c.household_id == household_id).order_by(c.id.desc())).all()


def keep_demands(connection: Connection, demands: Sequence[tuple[str, str, str]]) -> None:
    """Puts the findings of a new list that demand a note in the place of the last list's: (household, rule, day found)."""
    connection.execute(delete(note_demands))
    if demands:
        columns = dict(zip(("household_id", "about", "found_on"), zip(*demands, strict=True), strict=True))
        insert_columns(connection, note_demands, columns, len(demands))


def demands_of(connection: Connection, household_id: str) -> dict[str, bool]:
    """The findings of a household that demand a note, by rule, and whether it still lacks."""
    c = note_demands.c
    asked = select(c.about, (~_noted()).label("lacks")).where(c.household_id == household_id)
    return {row.about: bool(row.lacks) for row in connection.execute(asked)}


def held(table: Table) -> ColumnElement[bool]:
    """Whether the household of a row has a finding without a note."""
    return exists().where(note_demands.c.household_id == table.c.household_id, ~_noted()).correlate(table)


def _noted() -> ColumnElement[bool]:
    """A note on the finding was written on the day of the finding, or later."""
    c, d = notes.c, note_demands.c
    return exists().where(c.household_id == d.household_id, c.about == d.about, c.noted_on >= d.found_on).correlate(note_demands)
