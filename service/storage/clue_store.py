"""Clues as they are stored: opened and added to in the step that puts a list in use, answered in the step that records a visit.

Nothing of a clue is ever taken away. Its place follows its household from list to list; its state is the one thing that a visit changes.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, bindparam, exists, func, or_, select, update

from features.register import Array, day
from service.clues import Clue, Pushed, begin, date_of, day_of, where
from service.storage.database import insert_columns
from service.storage.note_store import held
from service.storage.scope import inside
from service.storage.tables import clue_evidence, clues

State = Literal["open", "answered"]
OPEN: State = "open"
ANSWERED: State = "answered"
NOBODY_THERE = "absent"  # a visit at which nobody was met answers nothing
PLACES = ("county", "town", "village")


def keep_clues(connection: Connection, version: int, as_of: dt.date, columns: Mapping[str, Array], said: Sequence[Pushed]) -> None:
    """Opens clues for what a list's triggers say, or adds it to those that are open; what was said before adds nothing.

    Args:
        connection: inside the writers' turn, so that no visit answers a clue meanwhile.
        version: of the list.
        as_of: its day.
        columns: of the list: `household_id` and where each lies.
        said: what the triggers say.
    """
    ids, today = columns["household_id"].tolist(), day(as_of)
    row_of = dict(zip(ids, range(len(ids)), strict=True))
    book = _book(connection)
    number = connection.execute(select(func.coalesce(func.max(clues.c.id), 0))).scalar_one()
    opened: list[tuple[Any, ...]] = []
    added: list[tuple[Any, ...]] = []
    places = list(zip(*(columns[name].tolist() for name in PLACES), strict=True))
    for one in said:
        household = ids[one.household]
        theirs = book[household, one.risk, one.period]
        if any(clue.knows(one, today) for clue in theirs):
            continue
        clue = where(theirs, one, today)
        if clue is None:
            number += 1
            clue = Clue(number, one.period, begin(one.period, today if one.on is None else one.on), is_open=True)
            theirs.append(clue)
            begins = date_of(clue.begins)
            opened.append((number, household, *places[one.household], one.risk, one.period, begins, as_of.isoformat(), version, OPEN))
        clue.add(one)
        on = None if one.on is None else date_of(one.on)
        added.append((clue.number, clue.pieces, one.rule, on, one.amount, version, as_of.isoformat(), one.told))
    _insert(
        connection, clues, ("id", "household_id", *PLACES, "risk", "period", "period_from", "opened_on", "list_version", "state"), opened
    )
    _insert(connection, clue_evidence, ("clue_id", "number", "rule", "occurred_on", "amount", "list_version", "as_of", "told"), added)
    _follow(connection, row_of, places)


def _book(connection: Connection) -> defaultdict[tuple[str, str, str], list[Clue]]:
    """All clues with what was said so far, by household, risk and kind of period."""
    c, e = clues.c, clue_evidence.c
    book: defaultdict[tuple[str, str, str], list[Clue]] = defaultdict(list)
    by_number: dict[int, Clue] = {}
    asked = select(c.id, c.household_id, c.risk, c.period, c.period_from, c.state).order_by(c.id)
    for number, household, risk, period, begins, state in connection.execute(asked).all():
        clue = by_number[number] = Clue(number, period, day_of(begins), state == OPEN)
        book[household, risk, period].append(clue)
    pieces = select(e.clue_id, e.rule, e.occurred_on, e.amount).order_by(e.clue_id, e.number)
    for number, rule, on, amount in connection.execute(pieces).all():
        by_number[number].add(Pushed(0, rule, "", "", None if on is None else day_of(on), amount, ""))
    return book


def _insert(connection: Connection, table: Any, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        insert_columns(connection, table, dict(zip(names, zip(*rows, strict=True), strict=True)), len(rows))


def _follow(connection: Connection, row_of: Mapping[str, int], places: Sequence[tuple[str, ...]]) -> None:
    """Open clues go where their households go: whoever is responsible there now sees them."""
    c = clues.c
    moved = {}
    still_open = select(c.household_id, *(c[name] for name in PLACES)).where(c.state == OPEN)
    for household, *place in connection.execute(still_open).all():
        row = row_of.get(household)
        if row is not None and tuple(place) != places[row]:
            moved[household] = places[row]
    there = update(clues).where(c.household_id == bindparam("theirs"), c.state == OPEN)
    to_names = [f"to_{name}" for name in PLACES]
    values = [{"theirs": household, **dict(zip(to_names, place, strict=True))} for household, place in moved.items()]
    if values:
        connection.execute(there.values({name: bindparam(to) for name, to in zip(PLACES, to_names, strict=True)}), values)


def answer(connection: Connection, visit: Row[Any]) -> None:
    """A visit answers the household's clues that were open by its day; corrected to one at which nobody was met, it no longer does."""
    c = clues.c
    theirs = c.household_id == visit.household_id
    if visit.found != NOBODY_THERE:
        by_then = (theirs, c.state == OPEN, c.opened_on <= visit.visited_on)
        connection.execute(update(clues).where(*by_then).values(state=ANSWERED, answered_on=visit.visited_on, answered_by=visit.id))
        return
    other = clues.alias()
    key = and_(*(other.c[name] == c[name] for name in ("household_id", "risk", "period", "period_from")))
    later = and_(other.c.answered_on == visit.visited_on, other.c.id > c.id)
    anew = exists().where(key, or_(other.c.state == OPEN, later))
    undone = (theirs, c.answered_on == visit.visited_on, ~anew)
    connection.execute(update(clues).where(*undone).values(state=OPEN, answered_on=None, answered_by=None))


_SHOWN = select(clues, held(clues).label("held_for_note"))
Told = tuple[Row[Any], Sequence[Row[Any]]]
"""A clue and its evidence, the first piece first."""


def clues_of(connection: Connection, household_id: str) -> list[Told]:
    """The clues of a household, those that are open first, the latest first. Whether it may be seen is for the caller to ask."""
    c = clues.c
    theirs = _SHOWN.where(c.household_id == household_id).order_by(c.state.desc(), c.id.desc())
    return _with_evidence(connection, connection.execute(theirs).all())


def clue_page(
    connection: Connection, region: str, limit: int, *, state: State = OPEN, risk: str | None = None, before: int | None = None
) -> list[Told]:
    """Clues of a region, the latest first.

    Args:
        connection: to read with.
        region: 6, 9 or 12 digits; nothing outside it is returned.
        limit: most clues.
        state: open or answered.
        risk: only those of this risk.
        before: only those that came before the clue with this number.
    """
    c = clues.c
    asked = [inside(clues, region), c.state == state]
    if risk is not None:
        asked.append(c.risk == risk)
    if before is not None:
        asked.append(c.id < before)
    return _with_evidence(connection, connection.execute(_SHOWN.where(*asked).order_by(c.id.desc()).limit(limit)).all())


def _with_evidence(connection: Connection, found: Sequence[Row[Any]]) -> list[Told]:
    e = clue_evidence.c
    pieces: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    theirs = select(clue_evidence).where(e.clue_id.in_([clue.id for clue in found])).order_by(e.clue_id, e.number)
    for row in connection.execute(theirs) if found else ():
        pieces[row.clue_id].append(row)
    return [(clue, pieces[clue.id]) for clue in found]
