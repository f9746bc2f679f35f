"""Notes every request in the access log before its answer is sent; what cannot be noted is not answered."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import UserError
from features.pseudonym import load_key, pseudonym
from service import trace
from service.audit import AuditLog
from service.auth import OPEN_FOLDER
from service.limits import Window, address_of
from service.problems import problem
from service.trace import route_of

logger = logging.getLogger(__name__)

UNRECORDED = frozenset({"/healthz", "/readyz"})
# What may stand in the log as it was sent: pseudonyms, area codes, numbers, days. Anything else might be a person's.
HARMLESS = re.compile(r"[0-9a-f]{20}|[0-9]{1,9}|[0-9]{12}|[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Where a household is named, a number may be its plain one: only a pseudonym stands there as it was sent.
OF_HOUSEHOLDS = frozenset({"household_id", "search"})
PSEUDONYM = re.compile(r"[0-9a-f]{20}")
NAMED = re.compile(r"[a-z_]{1,24}")
# Parameters that choose from a few words; of all others only numbers are kept.
CHOICES = frozenset({"tier", "candidate", "cause", "by", "format", "lang", "kind", "visited", "state", "order"})
HIDDEN = "…"
MOST_FIELDS = 200
TOO_MANY = 429


def harmless_query(query: bytes) -> dict[str, str]:
    """A query without anything that somebody typed; it takes whatever was sent, and of what is endless the beginning.

    >>> harmless_query(b"tier=red&region=520523101&search=%E7%8E%8B&search2=13800138000")
    {'tier': 'red', 'region': '520523101', 'search': '…', '…': '…'}
    """
    shown = {}
    beginning = b"&".join(query.split(b"&", MOST_FIELDS)[:MOST_FIELDS])
    for name, value in parse_qsl(beginning.decode("latin-1"), keep_blank_values=True):
        known = NAMED.fullmatch(name) is not None
        kept = known and (_is_harmless(name, value) or (name in CHOICES and NAMED.fullmatch(value)))
        shown[name if known else HIDDEN] = value if kept else HIDDEN
    return shown


def _is_harmless(name: str, value: str) -> bool:
    return (PSEUDONYM if name in OF_HOUSEHOLDS else HARMLESS).fullmatch(value) is not None


class AccessLog:
    """Writes the row of each request when its answer begins.

    Args:
        app: what lies behind.
        log: where to.
        key_file: of the pseudonyms, for what stands in addresses.
    """

    def __init__(self, app: ASGIApp, log: AuditLog, key_file: Path) -> None:
        self.app = app
        self.log = log
        self.key_file = key_file
        self._key: bytes | None = None
        self._turned_away = Window(1, "rows of requests turned away")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request pass if it can be noted."""
        if scope["type"] != "http" or scope["path"] in UNRECORDED or scope["path"].startswith(OPEN_FOLDER):
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        if not self.log.usable and not self._mended():
            await _refusal(scope)(scope, receive, send)
            return
        refused, households = False, 0

        async def noted(message: Message) -> None:
            nonlocal refused, households
            if message["type"] == "http.response.start" and self._is_noted(scope, message["status"]):
                try:
                    households = trace.current.get().households
                    self.log.write(self._row(scope, message["status"], time.perf_counter() - begun))
                except Exception:  # whatever it is that went wrong: what cannot be noted is not shown
                    logger.exception("the access log cannot be written")
                    refused = True
                    await _refusal(scope)(scope, receive, send)
            if not refused:
                await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            self._add(scope, trace.current.get().households - households)

    def _is_noted(self, scope: Scope, status: int) -> bool:
        """Whether an answer gets a row: of what a limit turns away one a minute does, so that a flood does not fill the disk."""
        caller = scope.get("state", {}).get("caller")
        return status != TOO_MANY or not self._turned_away.hit(caller.counted_as if caller else address_of(scope))

    def _add(self, scope: Scope, households: int) -> None:
        """Adds what a long answer showed after it had begun; the row of its beginning stands already."""
        if households > 0:
            try:
                self.log.write({"request_id": trace.request_id(), "route": route_of(scope), "households_more": households})
            except OSError as error:
                logger.error("the access log cannot be written: %s", error)

    def _mended(self) -> bool:
        """Whether a log that failed can be written again."""
        try:
            self.log.check()
        except OSError:
            return False
        return True

    def _row(self, scope: Scope, status: int, seconds: float) -> dict[str, Any]:
        caller = scope.get("state", {}).get("caller")
        return {
            "request_id": trace.request_id(),
            "token": caller.token_id if caller else None,
            "user": caller.user if caller else None,
            "role": caller.role.value if caller else None,
            "region": caller.region if caller else None,
            "method": scope["method"] if scope["method"].isalpha() else HIDDEN,
            "route": route_of(scope),
            "path": {name: self._harmless(name, str(value)) for name, value in scope.get("path_params", {}).items()},
            "query": harmless_query(scope["query_string"]),
            "status": status,
            "households": trace.current.get().households,
            "ms": round(seconds * 1000, 1),
        }

    def _harmless(self, name: str, value: str) -> str:
        """A part of an address: as it is where it can be nobody's, else its pseudonym."""
        if _is_harmless(name, value):
            return value
        if self._key is None:
            try:
                self._key = load_key(self.key_file)
            except UserError:
                return HIDDEN
        return pseudonym(self._key, value.encode("utf-8", "replace").decode())


def _refusal(scope: Scope) -> Any:
    detail = "访问日志无法写入，暂停提供数据 the access log cannot be written, so nothing is shown; free space or check FANGPIN_AUDIT_DIR"
    return problem(503, detail, scope["path"], headers={"Retry-After": "30"})
