"""GET /metrics: figures for whoever watches the service; a scraper signs in with a token like everybody else."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import Connection
from starlette.responses import Response

from features.errors import UserError
from service.api.context import ServiceDep, from_database, needs
from service.auth import Right
from service.metrics import page
from service.wire import ERRORS

router = APIRouter(tags=["health"], responses=ERRORS)


@router.get(
    "/metrics",
    summary="运行指标 Figures in the text form of Prometheus",
    response_class=Response,
    dependencies=[needs(Right.MODEL)],
    responses={200: {"content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}}},
)
async def metrics(service: ServiceDep) -> Response:
    """Requests by route and status, their times, scores made, and the model and list in use."""
    try:
        version = service.bundle.current().version
    except UserError:
        version = None

    def look(connection: Connection) -> bytes:
        return page(connection, version, service.clock)

    return Response(await from_database(service, look), media_type=CONTENT_TYPE_LATEST)
