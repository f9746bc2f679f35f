"""Which model answers: what it is, what it was trained and judged on, what was promoted and refused, and what happened before."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection
from starlette.responses import Response

from service.api import etags
from service.api.context import Service, ServiceDep, from_database, needs
from service.api.cursors import ROW_PATTERN
from service.auth import Caller, Right
from service.bundles import described
from service.problems import Json
from service.storage.model_store import history
from service.storage.score_store import active
from service.wire import ERRORS, NOT_MODIFIED

router = APIRouter(prefix="/api/v1", tags=["model"], responses=ERRORS)


def _shown(request: Request, _: object) -> object:
    """What a worker's answer depends on; since when it used the model differs from worker to worker and makes no other answer."""
    service: Service = request.app.state.service
    state = service.bundle.state
    refused = state.refused and (state.refused.version, state.refused.reason)
    return (
        state.bundle and state.bundle.version,
        state.pointer and (state.pointer.version, state.pointer.previous, state.pointer.override),
        refused,
    )


PollingCaller = Annotated[Caller, etags.polled(Right.MODEL, _shown, listed=False)]
EVENT = ("id", "event", "model_name", "model_version", "reason", "worker", "at")


class Dates(BaseModel):
    """On which days the model was fitted, calibrated and judged."""

    fit: list[str]
    calibrate: str | None
    test: str | None
    known_until: str | None


class ModelInUse(BaseModel):
    """The model that requests are scored with."""

    name: str = Field(description="what it predicts: falls_below or identified")
    version: str
    since: str = Field(description="from when on this worker used it")
    synthetic: bool = Field(description="trained on made-up data")
    dates: Dates
    cutoffs: dict[str, float] = Field(description="from which probability on a household is red, orange, yellow")
    features: list[str]
    card: dict[str, Any] = Field(description="the model card in short")
    override: str | None = Field(description="why it is in use although the gate did not decide so; null where it did")


class RefusedModel(BaseModel):
    """A promoted model that cannot be used, so that the one before stays."""

    version: str
    reason: str
    at: str


class ListModel(BaseModel):
    """The model that the list in use was made with: it stays until `score` has run."""

    list_version: int
    model_version: str
    same: bool = Field(description="whether requests are scored with that model too")


class ModelAnswer(BaseModel):
    """Which model answers."""

    in_use: ModelInUse | None
    promoted: str | None
    previous: str | None = Field(description="the version that `python -m service model use previous` goes back to")
    refused: RefusedModel | None
    list: ListModel | None


class ModelEvent(BaseModel):
    """A model was taken up or refused by one worker."""

    id: int
    event: str = Field(description="in_use or refused")
    model_name: str
    model_version: str
    reason: str
    worker: str
    at: str


class HistoryAnswer(BaseModel):
    """A page of the models' history, the last first."""

    items: list[ModelEvent]
    next_cursor: str | None


@router.get("/model", response_model=ModelAnswer, summary="启用的模型 The model in use", responses={304: NOT_MODIFIED})
async def model(request: Request, service: ServiceDep, _: PollingCaller) -> Response:
    """The model that requests are scored with, beside the one that the list was made with."""
    state = service.bundle.state
    current = await from_database(service, active)
    version = state.bundle.version if state.bundle else None
    pointer = state.pointer
    return Json(
        {
            "in_use": None
            if state.bundle is None
            else described(state.bundle)
            | {"since": state.since, "override": pointer.override if pointer and pointer.version == version else None},
            "promoted": pointer and pointer.version,
            "previous": pointer and pointer.previous,
            "refused": state.refused and {"version": state.refused.version, "reason": state.refused.reason, "at": state.refused.at},
            "list": None
            if current is None
            else {
                "list_version": current.list_version,
                "model_version": current.model_version,
                "same": current.model_version == version,
            },
        },
        headers=etags.headers(request),
    )


class HistoryQuery(BaseModel):
    """Which part of the history."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=500, description="每页条数 events a page")
    cursor: str | None = Field(None, pattern=ROW_PATTERN, description="上一页的 next_cursor of the page before")


@router.get("/model/history", response_model=HistoryAnswer, summary="模型更替 The models' history", dependencies=[needs(Right.MODEL)])
async def model_history(query: Annotated[HistoryQuery, Query()], service: ServiceDep) -> Response:
    """Which model was taken up or refused when, by which worker."""
    before = None if query.cursor is None else int(query.cursor)

    def look(connection: Connection) -> list[dict[str, Any]]:
        return [{name: getattr(row, name) for name in EVENT} for row in history(connection, query.limit + 1, before)]

    rows = await from_database(service, look)
    shown = rows[: query.limit]
    return Json({"items": shown, "next_cursor": str(shown[-1]["id"]) if len(rows) > query.limit else None})
