"""Looks at requests from without: every answer gets its request id and safe headers, is counted, and never is a bare error."""

from __future__ import annotations

import logging
import time
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import trace
from service.metrics import counted
from service.problems import problem
from service.settings import Settings
from service.storage.database import Database
from service.trace import route_of

logger = logging.getLogger(__name__)

# An answer of the API is data and nothing else; a page may load what this service itself serves.
API_POLICY = b"default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not no-referrer: browsers would then send forms with "Origin: null", and a form of our own could not be told from another's.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
HSTS = (b"strict-transport-security", b"max-age=31536000")


class Observe:
    """Looks at each request from without.

    Args:
        app: what lies behind.
        settings: which host names are answered, and whether only HTTPS is used.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.hosts = frozenset(settings.allowed_hosts.replace(",", " ").lower().split())
        self.always = (*ALWAYS, *((HSTS,) if settings.https else ()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request pass and adds to its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        asked = dict(scope["headers"])
        request_id = trace.begin(asked.get(b"x-request-id", b"").decode("latin-1")).request_id
        status = 0

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = dict(message["headers"])
                is_page = given.get(b"content-type", b"").startswith(b"text/html")
                extra = [(b"x-request-id", request_id.encode()), *self.always]
                if b"content-security-policy" not in given:
                    extra.append((b"content-security-policy", PAGE_POLICY if is_page else API_POLICY))
                if b"cache-control" not in given:
                    extra.append((b"cache-control", b"private, no-store"))
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        try:
            if self.hosts and not self._answers_to(asked.get(b"host", b"").decode("latin-1")):
                detail = "此主机名不在允许之列 this host name is not one that is answered; see FANGPIN_ALLOWED_HOSTS"
                await problem(400, detail, scope["path"])(scope, receive, dressed)
            else:
                await self.app(scope, receive, dressed)
        finally:
            counted(route_of(scope), scope["method"], status, time.perf_counter() - begun)

    def _answers_to(self, host: str) -> bool:
        try:
            return (urlsplit(f"//{host}").hostname or "") in self.hosts
        except ValueError:  # half an address of the sixth version
            return False


class Rescue:
    """Turns what nobody foresaw into an answer of the one shape, and into a line of the log.

    Args:
        app: what lies behind.
        database: knows which of its errors pass by themselves.
    """

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self.app = app
        self.database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request pass and looks after it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            logger.exception("unexpected error on %s %s", scope["method"], route_of(scope))
            if begun:
                raise  # only breaking it off tells the client that the answer is not whole
            status, detail = 500, "出现意外错误，已记入日志 something unexpected happened; it is in the log"
            if self.database.is_unavailable(error):
                status, detail = 503, "数据库暂不可用 the database does not answer now; try again soon 请稍后再试"
            await problem(status, detail, scope["path"])(scope, receive, watched)
