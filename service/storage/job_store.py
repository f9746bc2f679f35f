"""Uploads in the database: how far each has come, what it came to, and what was wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from features.errors import Problem
from features.tables import TABLES
from service.redaction import redact, without_cell
from service.storage.tables import import_findings, import_jobs

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
LONGEST_REASON = 1_000
_J, _F = import_jobs.c, import_findings.c


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for with an upload.

    Attributes:
        file_name: as the caller named the file; it is shown again and opens nothing.
        region: only households of this area are taken.
        asked_by: who.
    """

    file_name: str
    dry_run: bool
    mode: str
    months: int | None
    score: bool
    region: str
    asked_by: str


def add_job(connection: Connection, asked: Asked, now: str, steps: int) -> int:
    """Puts an upload in the queue; returns its number."""
    row = insert(import_jobs).values(**asdict(asked), state=WAITING, step=WAITING, steps_done=0, steps=steps, asked_at=now)
    return int(connection.execute(row.returning(_J.id)).scalar_one())


def begin_next(connection: Connection) -> Row[Any] | None:
    """Takes the upload that waits longest out of the queue; None where none waits."""
    job = connection.execute(select(import_jobs).where(_J.state == WAITING).order_by(_J.id).limit(1)).one_or_none()
    if job is not None:
        connection.execute(update(import_jobs).where(_J.id == job.id).values(state=RUNNING))
    return job


def open_jobs(connection: Connection, *states: str) -> Sequence[int]:
    """The numbers of the jobs in these states."""
    return connection.execute(select(_J.id).where(_J.state.in_(states)).order_by(_J.id)).scalars().all()


def tell_step(connection: Connection, job: int, step: str, done: int) -> None:
    """Says what a job does now."""
    connection.execute(update(import_jobs).where(_J.id == job).values(step=step, steps_done=done))


def tell_import(connection: Connection, job: int, import_id: int) -> None:
    """Says that the data of a job are in, whatever becomes of the list."""
    connection.execute(update(import_jobs).where(_J.id == job).values(import_id=import_id))


def imported(connection: Connection, job: int) -> int | None:
    """The import that a job led to; None where its data are not in."""
    found: int | None = connection.execute(select(_J.import_id).where(_J.id == job)).scalar_one()
    return found


def end_job(
    connection: Connection,
    job: int,
    state: str,
    outcome: Mapping[str, Any],
    now: str,
    *,
    import_id: int | None = None,
    list_version: int | None = None,
) -> None:
    """Ends a job, well or badly."""
    values: dict[str, Any] = {"state": state, "step": state, "ended_at": now, "outcome": json.dumps(outcome, ensure_ascii=False)}
    if state == DONE:
        values |= {"steps_done": _J.steps, "list_version": list_version}
    if import_id is not None:
        values["import_id"] = import_id
    connection.execute(update(import_jobs).where(_J.id == job).values(**values))


def keep_findings(connection: Connection, job: int, problems: Sequence[Problem]) -> None:
    """Keeps what was wrong with a file, sorted by table, row and column; of what stood in a cell nothing is kept."""
    order = {name: place for place, name in enumerate(word for table in TABLES.values() for word in (table.name, table.zh))}

    def place(problem: Problem) -> tuple[int, str, int, str]:
        return order.get(problem.table.split("/")[0], -1), problem.table, problem.row or 0, problem.column or ""

    rows = [
        {
            "job_id": job,
            "number": number,
            "table_name": _harmless(problem.table)[:32],
            "row": problem.row,
            "column_name": problem.column and _harmless(problem.column)[:64],
            "reason": without_cell(problem.reason.replace("\0", ""))[:LONGEST_REASON],
            "remedy": _harmless(problem.remedy)[:LONGEST_REASON],
        }
        for number, problem in enumerate(sorted(problems, key=place), start=1)
    ]
    connection.execute(delete(import_findings).where(_F.job_id == job))
    if rows:
        connection.execute(insert(import_findings), rows)


def _harmless(text: str) -> str:
    """Without numbers of persons, and without the character that no database takes."""
    return redact(text.replace("\0", ""))[0]


def job_of(connection: Connection, job: int, region: str) -> Row[Any] | None:
    """A job of a region; None where there is none."""
    return connection.execute(select(import_jobs).where(_J.id == job, _J.region == region)).one_or_none()


def latest_jobs(connection: Connection, region: str, limit: int, before: int | None = None) -> Sequence[Row[Any]]:
    """The jobs of a region, the latest first."""
    query = select(import_jobs).where(_J.region == region).order_by(_J.id.desc()).limit(limit)
    return connection.execute(query if before is None else query.where(_J.id < before)).all()


def findings(
    connection: Connection, job: int, limit: int | None = None, *, after: int = 0, table: str | None = None, column: str | None = None
) -> Sequence[Row[Any]]:
    """What was wrong with a file, a page at a time.

    Args:
        connection: to read with.
        job: whose file; that it is the caller's has been asked.
        limit: most rows; None gives all.
        after: the number of the last one seen.
        table: only this table.
        column: only this column.
    """
    query = select(import_findings).where(_F.job_id == job, _F.number > after).order_by(_F.number)
    if table is not None:
        query = query.where(_F.table_name == table)
    if column is not None:
        query = query.where(_F.column_name == column)
    return connection.execute(query if limit is None else query.limit(limit)).all()


def count_findings(connection: Connection, job: int) -> int:
    """How many things were wrong with a file: they are numbered, so that nobody counts them anew for each page."""
    return connection.execute(select(func.max(_F.number)).where(_F.job_id == job)).scalar_one() or 0
