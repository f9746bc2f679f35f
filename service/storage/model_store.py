"""Which model answered when, and which was refused: written by every worker for itself, read by whoever wants to know."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, insert, select

from service.bundles import Event
from service.storage.tables import model_history


def add(connection: Connection, event: Event) -> None:
    """Writes that this process took up or refused a model."""
    connection.execute(
        insert(model_history).values(
            event=event.event,
            model_name=event.model_name,
            model_version=event.model_version,
            reason=event.reason,
            worker=str(os.getpid()),
            at=event.at,
        )
    )


def history(connection: Connection, limit: int, before: int | None = None) -> Sequence[Row[Any]]:
    """What happened to the models, the last first.

    Args:
        connection: to read with.
        limit: most rows.
        before: only what was written before the row with this id.
    """
    c = model_history.c
    statement = select(model_history).order_by(c.id.desc()).limit(limit)
    return connection.execute(statement if before is None else statement.where(c.id < before)).all()


def stretches(connection: Connection, limit: int) -> Sequence[Row[Any]]:
    """What happened to the models, with what happened again and again told once: every start of a worker takes up the model in use.

    Args:
        connection: to read with.
        limit: most rows.

    Returns:
        (event, model_version, reason, first, last, times), the last first.
    """
    c = model_history.c
    told = (c.event, c.model_version, c.reason)
    again = [column == func.lag(column).over(order_by=c.id) for column in told]
    marked = select(*told, c.id, c.at, case((and_(*again), 0), else_=1).label("begins")).subquery()
    m = marked.c
    numbered = select(*marked.c, func.sum(m.begins).over(order_by=m.id).label("stretch")).subquery()
    n = numbered.c
    once = select(
        n.event, n.model_version, n.reason, func.min(n.at).label("first"), func.max(n.at).label("last"), func.count().label("times")
    )
    return connection.execute(once.group_by(n.stretch, n.event, n.model_version, n.reason).order_by(n.stretch.desc()).limit(limit)).all()
