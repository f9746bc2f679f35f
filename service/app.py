"""Puts the service together."""

from __future__ import annotations

import gc
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from anyio import CapacityLimiter
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from features.policy.packs import packs_of
from features.policy.shipped import load
from service import import_jobs, problems
from service.access import AccessLog
from service.api import (
    changes,
    clues,
    health,
    households,
    imports,
    ledgers,
    metrics,
    model,
    notes,
    policy,
    reimbursement,
    reward,
    risk_list,
    scores,
    summary,
    visits,
)
from service.api.context import Service
from service.audit import AuditLog
from service.bundles import ActiveBundle, Event
from service.clock import Clock, utc_now
from service.gate import Gate
from service.limits import BodyLimit, TimeLimit, Window
from service.observe import Observe, Rescue
from service.regions import COUNTY_DIGITS, Regions, names_in
from service.safety import check_start
from service.sessions import Sessions
from service.settings import Settings
from service.stopping import draining
from service.storage import model_store
from service.storage.database import Database
from service.web import site
from service.wire import ProblemAnswer

TOLD = ("ETag", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id")  # headers that other origins' pages may read
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
    try:
        database.create()
        check_start(settings, database, clock)
    except Exception:
        database.close()
        raise

    def told(event: Event) -> None:
        with database.writing() as connection:
            model_store.add(connection, event)

    service = Service(
        settings,
        database,
        ActiveBundle(settings.bundle_dir, clock, told),
        clock,
        Sessions(settings, database, clock),
        AuditLog(settings.audit_dir, clock),
        CapacityLimiter(settings.large_batches),
        _regions(settings),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.bundle.watch()
        import_jobs.resume(settings, database)
        # What the start made stays. Left to the collector, it would be walked through again and again, and requests would wait.
        gc.collect()
        gc.freeze()
        with draining(service.stopping, settings.drain_seconds):
            yield
        service.bundle.stop()
        database.close()
        service.audit.close()

    # The stock pages of FastAPI load scripts from a foreign network; the description itself stays, behind the gate.
    app = FastAPI(title="Fangpin 防贫", version="0.1.0", description=DESCRIPTION, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service = service
    problems.install(app)
    _layer(app, service)
    rooms = (
        health,
        metrics,
        scores,
        risk_list,
        ledgers,
        summary,
        households,
        changes,
        visits,
        clues,
        notes,
        model,
        policy,
        reimbursement,
        reward,
        imports,
    )
    for router in (room.router for room in rooms):
        app.include_router(router)
    site.install(app)
    app.add_middleware(Rescue, database=database)  # again, for what stands around the routes
    app.add_middleware(Observe, settings=settings)  # outside of everything
    _describe(app)
    return app


def _regions(settings: Settings) -> Regions:
    """What places are called: by the county's own file, and counties by their policy."""
    overlays = packs_of(load(counties=settings.policy_dir)).overlays.items()
    counties = {code: (said.zh, said.en) for code, said in overlays if len(code) == COUNTY_DIGITS}
    return Regions({**counties, **names_in(settings.regions)})


def _layer(app: FastAPI, service: Service) -> None:
    """Lays what every request passes around the routes; added last comes first: other sites' pages, note, let in, bound."""
    settings, database, clock = service.settings, service.database, service.clock
    app.add_middleware(BodyLimit, megabytes=settings.max_body_mb)
    if settings.request_seconds:
        app.add_middleware(TimeLimit, seconds=settings.request_seconds)
    requests = Window(math.ceil(settings.rate_limit / settings.workers), "requests")
    strangers = Window(math.ceil(settings.stranger_limit / settings.workers), "requests-without-token")
    app.add_middleware(Gate, database=database, sessions=service.sessions, requests=requests, strangers=strangers, clock=clock)
    app.add_middleware(Rescue, database=database)
    app.add_middleware(AccessLog, log=service.audit, key_file=settings.pseudonym_key)
    if settings.cors_origins:
        origins = [origin.strip() for origin in settings.cors_origins.split(",")]
        headers = ["Authorization", "Content-Type", "If-None-Match"]
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST"], allow_headers=headers, expose_headers=TOLD)


def _describe(app: FastAPI) -> None:
    """Adds to the API's description what the framework cannot know: the shape of errors, the token, an example of each answer."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            examples = orjson.loads((Path(__file__).parent / "api" / "examples.json").read_bytes())
            parts = schema.setdefault("components", {})
            error = ProblemAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
            parts.setdefault("schemas", {}).update(error.pop("$defs", {}) | {"ProblemAnswer": error})
            parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            for path, item in schema["paths"].items():
                for method, operation in item.items():
                    if path.startswith("/api/"):
                        operation["security"] = [{"token": []}]
                    for status, example in examples.get(f"{method} {path}", {}).items():
                        operation["responses"][status]["content"]["application/json"]["example"] = example
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # the way FastAPI documents
