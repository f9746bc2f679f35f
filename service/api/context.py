"""What every route needs: the running service and the caller."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Depends, Request
from sqlalchemy import Connection, Row

from service.audit import AuditLog
from service.auth import Caller, Right
from service.bundles import ActiveBundle
from service.clock import Clock
from service.problems import ApiError, FieldError
from service.regions import Regions
from service.sessions import Sessions
from service.settings import Settings
from service.storage.database import Database
from service.storage.score_store import ListMark, active

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a running service."""

    settings: Settings
    database: Database
    bundle: ActiveBundle
    clock: Clock
    sessions: Sessions
    audit: AuditLog
    batches: CapacityLimiter
    regions: Regions
    stopping: threading.Event = field(default_factory=threading.Event)


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def needs(right: Right) -> Any:
    """The caller, who must hold this right: what every route asks for."""

    async def caller_with_right(request: Request) -> Caller:
        caller: Caller = request.state.caller  # put there by the gate; without it this fails, which is what should happen
        caller.need(right)
        return caller

    caller_with_right.right = right  # type: ignore[attr-defined]  # a test asks every route for it
    return Depends(caller_with_right)


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


def mark_of(request: Request) -> ListMark:
    """The list in use, as the gate saw it: one and the same for all that answers this request.

    Raises:
        ApiError: 503, nothing was scored yet; says what to run.
    """
    mark: ListMark | None = request.state.mark
    if mark is None:
        raise no_list()
    return mark


CountsCaller = Annotated[Caller, needs(Right.COUNTS)]
ListCaller = Annotated[Caller, needs(Right.LIST)]
FactsCaller = Annotated[Caller, needs(Right.FACTS)]
VisitCaller = Annotated[Caller, needs(Right.VISIT)]
ScoreCaller = Annotated[Caller, needs(Right.SCORE)]
ImportCaller = Annotated[Caller, needs(Right.IMPORT)]
ModelCaller = Annotated[Caller, needs(Right.MODEL)]


def no_list() -> ApiError:
    """The answer as long as nothing was scored: 503, and what to run."""
    return ApiError(
        503,
        "还没有评分名单 there is no list yet",
        [FieldError("list", "请运行 run: python -m service import DIR, then python -m service score")],
    )


def active_or_503(connection: Connection) -> Row[Any]:
    """The list in use.

    Raises:
        ApiError: 503, nothing was scored yet; says what to run.
    """
    found = active(connection)
    if found is None:
        raise no_list()
    return found
