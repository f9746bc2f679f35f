"""Which model answers, in plain words: what it predicts, from what it learned, where it draws its lines, and what it cannot know."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from features.errors import UserError
from models import figures
from service.api.context import ModelCaller, Service, ServiceDep, from_database
from service.api.model import model
from service.storage.model_store import stretches
from service.web.pages import render, told

router = APIRouter(include_in_schema=False)

EVENTS = 20
FEATURES = 15


@router.get("/model")
async def model_page(request: Request, service: ServiceDep, caller: ModelCaller) -> Response:
    """The model that requests and lists are scored with."""
    page = told(await model(request, service, caller))
    return render(
        request,
        "model.html",
        made=page,
        used=page["in_use"],
        synthetic=bool(page["in_use"] and page["in_use"]["synthetic"]),
        events=await from_database(service, lambda connection: stretches(connection, EVENTS)),
        importance=_importance(service),
    )


def _importance(service: Service) -> figures.Figure | None:
    """What the model in use looks at most; None where there is none."""
    try:
        bundle = service.bundle.current()
    except UserError:
        return None
    names = {feature.name: f"{feature.zh} {feature.name.replace('_', ' ')}" for feature in bundle.declared}
    return figures.importance(bundle.importance, names, FEATURES)
