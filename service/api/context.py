"""What every route needs: the running service and the caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from fastapi import Depends, Request
from sqlalchemy import Connection, Row

from service.auth import Caller
from service.bundles import ActiveBundle
from service.clock import Clock
from service.problems import ApiError, FieldError
from service.settings import Settings
from service.storage.database import Database
from service.storage.score_store import active

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a running service."""

    settings: Settings
    database: Database
    bundle: ActiveBundle
    clock: Clock


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller  # put there by the gate; without it this fails, which is what should happen
    return caller


async def from_database(service: Service, look: Callable[[Connection], T]) -> T:
    """Reads from the database without holding up other requests.

    A local file answers sooner than a thread could be woken; a database across a network does not.
    """
    if service.database.is_sqlite:
        return _look(service, look)
    return await anyio.to_thread.run_sync(_look, service, look)


def _look(service: Service, look: Callable[[Connection], T]) -> T:
    with service.database.reading() as connection:
        return look(connection)


ServiceDep = Annotated[Service, Depends(_service)]
CallerDep = Annotated[Caller, Depends(_caller)]


def active_or_503(connection: Connection) -> Row[Any]:
    """The list in use.

    Raises:
        ApiError: 503, nothing was scored yet; says what to run.
    """
    found = active(connection)
    if found is None:
        raise ApiError(
            503,
            "还没有评分名单 there is no list yet",
            [FieldError("list", "请运行 run: python -m service import DIR, then python -m service score")],
            {"Retry-After": "60"},
        )
    return found
