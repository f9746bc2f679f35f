"""Stands before every route: a request without a valid token or session goes no further."""

from __future__ import annotations

from urllib.parse import quote

import anyio.to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.access import UNRECORDED
from service.arrival import Arrivals
from service.auth import OPEN_FOLDER, OPEN_PATHS, SIGN_IN, Caller
from service.clock import Clock
from service.limits import Window, address_of
from service.problems import ApiError, problem
from service.sessions import Sessions, cookie_of, same_origin
from service.storage.database import Database
from service.storage.score_store import ListMark

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BEARER = {"WWW-Authenticate": 'Bearer realm="fangpin"'}


class Gate:
    """Says who is asking and which list is in use, or answers in the place of the route.

    Args:
        app: what lies behind.
        database: where the tokens stand.
        sessions: checks what browsers send.
        requests: how many requests a token may make.
        strangers: how many an address may make without one.
        clock: for expiry.
    """

    def __init__(self, app: ASGIApp, database: Database, sessions: Sessions, *, requests: Window, strangers: Window, clock: Clock) -> None:
        self.app = app
        self.database = database
        self.arrivals = Arrivals(database, clock)
        self.sessions = sessions
        self.requests = requests
        self.strangers = strangers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request pass with its caller, or answers it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http" or scope["path"].startswith(OPEN_FOLDER):
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        headers = Headers(scope=scope)
        is_open = scope["path"] in OPEN_PATHS
        try:
            caller, state["mark"] = await self._arrival(headers, scope, optional=is_open)
            state["caller"] = caller
            if caller is None:
                self._bound_strangers(scope, is_open=is_open)
            elif not is_open:
                wait = self.requests.hit(caller.counted_as)
                if wait:
                    raise self.requests.refusal(wait, "本令牌的请求过于频繁 too many requests with this token")
            if scope["method"] not in SAFE_METHODS:
                if caller is not None and caller.session:
                    receive = await self.sessions.check_form(caller, headers, receive)
                elif scope["path"] == SIGN_IN and not same_origin(headers):
                    raise ApiError(403, "请在本站页面登录 sign in on a page of this service")
        except ApiError as refused:
            if refused.status == 401 and _is_page(scope, headers):
                asked = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
                await RedirectResponse(f"{SIGN_IN}?next={quote(asked, safe='')}", 303)(scope, receive, send)
                return
            extra = BEARER if refused.status == 401 else {}
            answer = problem(refused.status, refused.detail, scope["path"], headers={**refused.headers, **extra})
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _arrival(self, headers: Headers, scope: Scope, *, optional: bool) -> tuple[Caller | None, ListMark | None]:
        """The caller, and the list in use; None and None where nobody is named.

        Args:
            headers: of the request.
            scope: of the request.
            optional: give None also for an old cookie, or where the database does not answer.

        Raises:
            ApiError: 401 or 429, whoever is named is not known.
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        bearer = scheme.lower() == "bearer" and token.strip()
        given = token.strip() if bearer else cookie_of(headers)
        if not given:
            return None, None
        try:
            # A lookup in a local file takes less time than a change of thread.
            find = self.arrivals.find
            found = find(given) if self.database.is_sqlite else await anyio.to_thread.run_sync(find, given)
        except SQLAlchemyError:
            if optional:
                return None, None
            raise
        if found is not None and found.caller.session != bool(bearer):
            return found.caller, found.mark
        if optional and not bearer:
            return None, None  # an old cookie on the way to signing in again
        raise self.sessions.failed(address_of(scope))

    def _bound_strangers(self, scope: Scope, *, is_open: bool) -> None:
        """Lets a request that names nobody pass only where it may, and not too often from one address."""
        wait = 0.0 if scope["path"] in UNRECORDED else self.strangers.hit(address_of(scope))
        if wait:
            raise self.strangers.refusal(wait, "来自此地址的未登录请求过于频繁 too many requests without a token from this address")
        if not is_open:
            raise ApiError(401, "请在 Authorization 头中给出 Bearer 令牌 send a bearer token in the Authorization header")


def _is_page(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "GET" and not scope["path"].startswith("/api/") and "text/html" in headers.get("accept", "")
