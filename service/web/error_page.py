"""Errors for those who look through a browser: the same words as the API's problem, and what to do next."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import MEDIA_TYPE, ApiError
from service.web.formats import one_language
from service.web.pages import form_mark, language_of, render, text, texts

KEPT = ("retry-after", "allow", "set-cookie", "x-request-id")


class ErrorPages:
    """Turns a problem on its way out into a page, where a page was asked for; the API's answers pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and its answer back."""
        if scope["type"] != "http" or not wants_page(scope):
            await self.app(scope, receive, send)
            return
        started: Message | None = None
        body = b""

        async def turned(message: Message) -> None:
            nonlocal started, body
            if message["type"] == "http.response.start" and Headers(raw=message["headers"]).get("content-type") == MEDIA_TYPE:
                started = message
            elif started is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await _page(scope, started, orjson.loads(body))(scope, receive, send)

        await self.app(scope, receive, turned)


def wants_page(scope: Scope) -> bool:
    """Whether a browser's address line or form is asking, not a programme."""
    return not scope["path"].startswith("/api/") and "text/html" in Headers(scope=scope).get("accept", "")


def _form_mark(request: Request) -> str | None:
    """As on any page; that there is none may be the very error that is told."""
    try:
        return form_mark(request)
    except ApiError:
        return None


def _page(scope: Scope, started: Message, problem: dict[str, Any]) -> Any:
    request = Request(scope)
    language = language_of(request)
    advice = f"error.{problem['status']}"
    kept = {name: value for name, value in Headers(raw=started["headers"]).items() if name in KEPT}
    return render(
        request,
        "error.html",
        problem["status"],
        kept,
        problem=problem,
        said_title=one_language(problem["title"], language),
        advice=text(language, advice if advice in texts() else "error.400" if problem["status"] < 500 else "error.500"),
        request_id=problem.get("request_id"),
        csrf=_form_mark(request),
    )
