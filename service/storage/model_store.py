"""Which model answered when, and which was refused: written by every worker for itself, read by whoever wants to know."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

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
