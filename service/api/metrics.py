"""GET /metrics: figures for whoever watches the service; a scraper signs in with a token like everybody else."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import Connection
from starlette.responses import Response

from features.errors import UserError
from service.api.context import ModelCaller, ServiceDep, from_database
from service.metrics import page
from service.problems import ApiError
from service.regions import COUNTY_DIGITS
from service.wire import ERRORS

router = APIRouter(tags=["health"], responses=ERRORS)


@router.get(
    "/metrics",
    summary="运行指标 Figures in the text form of Prometheus",
    response_class=Response,
    responses={200: {"content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}}},
)
async def metrics(service: ServiceDep, caller: ModelCaller) -> Response:
    """Requests by route and status, their times, scores made, and the model and list in use; for tokens of a whole county."""
    if len(caller.region) > COUNTY_DIGITS:
        raise ApiError(403, "指标涉及全县，须用县级令牌 these figures are of the whole county: use a token whose region is the county")
    try:
        version = service.bundle.current().version
    except UserError:
        version = None

    def look(connection: Connection) -> bytes:
        return page(connection, version, service.clock)

    return Response(await from_database(service, look), media_type=CONTENT_TYPE_LATEST)
