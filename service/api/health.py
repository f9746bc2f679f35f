"""Whether the service is alive, and whether it can answer: the only two addresses that open without a token."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from features.errors import UserError
from features.pseudonym import load_key
from service.api.context import Service, ServiceDep
from service.problems import ApiError, FieldError, Json
from service.storage.score_store import active
from service.wire import ERRORS

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="进程是否存活 Is the process alive?")
async def healthz() -> Response:
    """Answers as long as the process does."""
    return Json({"status": "alive"})


def lacking(service: Service) -> list[FieldError]:
    """What the service still needs before it can answer, each with what to do; empty where it is ready."""
    found: list[FieldError] = []
    if service.stopping.is_set():
        found.append(FieldError("stopping", "正在停止 the service is stopping: ask another one"))
    try:
        with service.database.reading() as connection:
            if active(connection) is None:
                found.append(FieldError("list", "没有名单 no list yet: run python -m service import DIR, then python -m service score"))
    except SQLAlchemyError as error:
        found.append(
            FieldError("database", f"数据库不可用 the database does not answer ({type(error).__name__}): check FANGPIN_DATABASE_URL")
        )
    for field, check in (("bundle", service.bundle.current), ("pseudonym_key", lambda: load_key(service.settings.pseudonym_key))):
        try:
            check()
        except UserError as error:
            # Outside, only the kind of fault is told: paths and contents are for the log and the command line.
            found.append(FieldError(field, _remedy(field, error)))
    try:
        service.audit.check()
    except OSError as error:
        found.append(
            FieldError("audit", f"访问日志无法写入 the access log cannot be written ({error.strerror or error}): check FANGPIN_AUDIT_DIR")
        )
    return found


def _remedy(field: str, error: UserError) -> str:
    if field == "bundle":
        return str(error)
    return "缺少假名密钥 the pseudonym key is missing or too short: run python -m service key"


def _lacking(service: ServiceDep) -> list[FieldError]:
    return lacking(service)


@router.get("/readyz", summary="能否提供服务 Can it answer?", responses={503: ERRORS[503]})
async def readyz(request: Request, service: ServiceDep, found: Annotated[list[Any], Depends(_lacking)]) -> Response:
    """Ready means: database, model, list, key and access log are all there. What to do where one is not, only the signed-in are told."""
    if found:
        told = found if request.state.caller is not None else ()
        raise ApiError(503, "服务尚未就绪 not ready: " + ", ".join(error.field for error in found), told, {"Retry-After": "10"})
    refused = service.bundle.state.refused
    if refused is None or request.state.caller is None:
        return Json({"status": "ready"})
    return Json({"status": "ready", "refused": {"model_version": refused.version, "see": "/api/v1/model"}})
