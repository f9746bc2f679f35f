"""Every error of the API in one shape: problem+json with type, title, status, detail, instance, request id and single errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

from features.errors import UserError
from service import trace
from service.wording import field_of, wording

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "60"
"""When to ask again a service that is not ready; what is missing is a matter of minutes."""

UNUSABLE = "填写的内容不能使用，请逐项修改 some of what was given cannot be used; change it as told"

TITLES: dict[int, tuple[str, str]] = {
    400: ("bad-request", "请求有误 Bad request"),
    401: ("not-signed-in", "未登录或令牌无效 Not signed in"),
    403: ("not-allowed", "无权访问 Not allowed"),
    404: ("not-found", "没有此资源 Not found"),
    405: ("method-not-allowed", "不支持此方法 Method not allowed"),
    409: ("conflict", "与已有记录不一致 Conflicts with what is stored"),
    410: ("gone", "已不再保留 No longer kept"),
    413: ("too-large", "请求过大 Too large"),
    415: ("media-type", "不支持此类文件 Not a kind of file that is taken"),
    422: ("not-usable", "内容无法使用 Not usable as it is"),
    429: ("too-many", "请求过于频繁 Too many requests"),
    500: ("internal", "服务内部错误 Internal error"),
    503: ("not-ready", "服务尚未就绪 Not ready"),
    504: ("too-slow", "未能及时完成 Not done in time"),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong in a request.

    Attributes:
        field: where, as a path into the request, `incomes[2].amount`.
        message: what is wrong and what is allowed, Chinese and English.
        index: place of the household in the request, from 0; None where no household is concerned.
        household_id: the household as the caller names it.
    """

    field: str
    message: str
    index: int | None = None
    household_id: str | None = None


@dataclass
class ApiError(Exception):
    """An answer that is an error; raised anywhere below a route."""

    status: int
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def unusable(found: Iterable[Mapping[str, Any]]) -> ApiError:
    """The error that tells what pydantic found wrong with what was given."""
    return ApiError(422, UNUSABLE, [FieldError(field_of(one), wording(one)) for one in found])


class Json(Response):
    """A JSON answer, written by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of the answer."""
        return orjson.dumps(content)


def problem(
    status: int, detail: str, instance: str, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The answer that tells of an error."""
    slug, title = TITLES.get(status) or (f"http-{status}", HTTPStatus(status).phrase)
    body = {
        "type": f"urn:fangpin:problem:{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "request_id": trace.request_id(),
        "errors": [asdict(error) for error in errors],
    }
    # A path may hold anything that a client can percent-encode, so text that is no text must not break the answer about it.
    content = orjson.dumps(_printable(body))
    later = {"Retry-After": RETRY_SECONDS} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Response(content, status, headers={**later, **(headers or {})}, media_type=MEDIA_TYPE)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return value


def install(app: FastAPI) -> None:
    """Gives every error of an app the one shape."""
    from fastapi.exceptions import RequestValidationError  # commands know errors too, and start without FastAPI

    @app.exception_handler(ApiError)
    async def _api(request: Request, error: ApiError) -> Response:
        return problem(error.status, error.detail, request.url.path, error.errors, error.headers)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.NOT_MODIFIED:
            return Response(status_code=error.status_code, headers=error.headers)
        details = {404: "没有此地址 there is nothing at this address", 405: "此地址不支持该方法 this address does not take that method"}
        detail = details.get(error.status_code) or str(error.detail)
        return problem(error.status_code, detail, request.url.path, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> Response:
        found = unusable(error.errors())
        return problem(found.status, found.detail, request.url.path, found.errors)

    @app.exception_handler(UserError)
    async def _user(request: Request, error: UserError) -> Response:
        return problem(503, str(error), request.url.path)
