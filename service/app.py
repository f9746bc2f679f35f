"""Puts the service together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from service import import_jobs, problems
from service.api import changes, health, households, imports, model, risk_list, scores, summary, visits
from service.api.context import Service
from service.bundles import ActiveBundle, Event
from service.clock import Clock, utc_now
from service.gate import Gate
from service.limits import BodyLimit, Window
from service.sessions import Sessions
from service.settings import Settings
from service.storage import model_store
from service.storage.database import Database
from service.web import site
from service.wire import ProblemAnswer

DESCRIPTION = (
    "防止返贫监测预警 Early warning against return to poverty. "
    "评分只是入户线索，不是身份认定 A score is a clue for a visit, never a status."
)


def create_app(settings: Settings | None = None, clock: Clock = utc_now) -> FastAPI:
    """The web application.

    Args:
        settings: by default those of the environment.
        clock: what the time is, for token expiry and for refusing dates in the future.
    """
    settings = settings or Settings()
    database = Database(settings.database_url, pool=settings.database_pool, statement_seconds=settings.statement_seconds)
    database.create()

    def told(event: Event) -> None:
        with database.writing() as connection:
            model_store.add(connection, event)

    sessions = Sessions(settings, database, clock)
    service = Service(settings, database, ActiveBundle(settings.bundle_dir, clock, told), clock, sessions)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.bundle.watch()
        import_jobs.resume(settings, database)
        yield
        service.bundle.stop()
        database.close()

    # The stock pages of FastAPI load scripts from a foreign network; the description itself stays, behind the gate.
    app = FastAPI(title="Fangpin 防贫", version="0.1.0", description=DESCRIPTION, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service = service
    problems.install(app)
    app.add_middleware(BodyLimit, megabytes=settings.max_body_mb)
    requests = Window(settings.rate_limit, "requests")
    app.add_middleware(Gate, database=database, sessions=sessions, requests=requests, clock=clock)  # added last, so it comes first
    rooms = (health, scores, risk_list, summary, households, changes, visits, model, imports)
    for router in (room.router for room in rooms):
        app.include_router(router)
    site.install(app)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Adds to the API's description what the framework cannot know: the shape of errors and that a token is needed."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            parts = schema.setdefault("components", {})
            error = ProblemAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
            parts.setdefault("schemas", {}).update(error.pop("$defs", {}) | {"ProblemAnswer": error})
            parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            for path, item in schema["paths"].items():
                if path.startswith("/api/"):
                    for operation in item.values():
                        operation["security"] = [{"token": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # the way FastAPI documents
