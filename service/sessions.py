"""Signing in with a browser: a token is exchanged for a session, and a session's forms carry a mark that no other site knows."""

from __future__ import annotations

import base64
import hmac
import re
from pathlib import Path
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.types import Message, Receive

from features.errors import UserError
from features.pseudonym import load_key
from service.auth import Caller
from service.clock import Clock
from service.limits import Window
from service.problems import ApiError, FieldError
from service.settings import Settings
from service.storage.database import Database
from service.storage.token_store import find_token, open_session, revoke_tokens

COOKIE = "fangpin_session"
CSRF_FIELD = "csrf"  # the first field of every form
CSRF_HEADER = "X-CSRF-Token"
READ_AHEAD = 8192
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_IN_FORM = re.compile(rb"(?:^|&)csrf=([\w-]{43})(?:&|$)")
_IN_PARTS = re.compile(rb'\bname="?csrf"?\r\n(?:[^\r\n]+\r\n)*\r\n([\w-]{43})\r\n')

REFUSED = "令牌无效、已过期或已吊销 the token is unknown, expired or revoked; ask for a new one: python -m service token create"
KEY_GONE = "假名密钥无法读取 the pseudonym key cannot be read"
BRING_BACK = (
    "请管理员从备份恢复密钥文件（FANGPIN_PSEUDONYM_KEY），切勿另生成：新密钥会使每户换名 "
    "the administrator puts the key's file back from its safe copy; a new key would give every household another name"
)
TOO_OFTEN = "本令牌登录过于频繁 too many sign-ins with this token"
TOO_MANY = "来自此地址的失败登录过多 too many failed sign-ins from this address"


def derived_secret(key_file: Path, use: str) -> bytes:
    """A secret for one use, drawn from the pseudonym key so that there is one key to guard.

    Pseudonyms are made with SHA-256 and secrets with SHA-512: neither tells anything of the other.

    Raises:
        UserError: there is no proper key.
    """
    return hmac.digest(load_key(key_file), f"fangpin {use}".encode(), "sha512")


class Sessions:
    """Opens and closes sessions; knows the mark of each session's forms."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self.settings = settings
        self.database = database
        self.clock = clock
        self.failures = Window(settings.sign_in_limit, "failed-sign-ins")
        self.openings = Window(settings.sign_in_limit, "sign-ins")
        self._secret: bytes | None = None

    async def sign_in(self, token: str, address: str) -> str:
        """Opens a session.

        Args:
            token: as the user typed it.
            address: where the request comes from: too many failures from there are refused.

        Returns:
            the content of the `Set-Cookie` header.

        Raises:
            ApiError: 401 or 429.
        """
        found = await anyio.to_thread.run_sync(self._open, token.strip())  # a write may have to wait for another
        if found is None:
            raise self.failed(address)
        session, seconds = found
        return f"{COOKIE}={session}; Max-Age={seconds}; {self._attributes()}"

    async def sign_out(self, caller: Caller) -> str:
        """Ends a session for good; returns the content of the `Set-Cookie` header that clears the browser's."""
        if caller.session:
            await anyio.to_thread.run_sync(self._close, caller)
        return f"{COOKIE}=; Max-Age=0; {self._attributes()}"

    def csrf_token(self, caller: Caller) -> str:
        """What each form of a session sends back, in its first field `csrf` or as header X-CSRF-Token.

        Raises:
            ApiError: 503, the key was taken away while the service ran; says what to do.
        """
        if self._secret is None:
            try:
                self._secret = derived_secret(self.settings.pseudonym_key, "session")
            except UserError:
                raise ApiError(503, KEY_GONE, [FieldError("pseudonym_key", BRING_BACK)]) from None
        mark = hmac.digest(self._secret, f"csrf {caller.token_id}".encode(), "sha256")
        return base64.urlsafe_b64encode(mark).rstrip(b"=").decode()

    def failed(self, address: str) -> ApiError:
        """Counts a failed sign-in; the answer to it."""
        wait = self.failures.hit(address)
        return self.failures.refusal(wait, TOO_MANY) if wait else ApiError(401, REFUSED)

    def _open(self, token: str) -> tuple[str, int] | None:
        with self.database.reading() as connection:  # so that whoever guesses keeps no writer waiting
            found = find_token(connection, token, self.clock())
        if found is None or found.opened_by is not None:
            return None
        wait = self.openings.hit(found.id)
        if wait:
            raise self.openings.refusal(wait, TOO_OFTEN)
        with self.database.writing() as connection:
            found = find_token(connection, token, self.clock())  # again: it may have been revoked while this waited for its turn
            return None if found is None else open_session(connection, found, self.clock(), self.settings.session_hours)

    def _close(self, caller: Caller) -> None:
        with self.database.writing() as connection:
            revoke_tokens(connection, self.clock(), number=caller.token_id)

    def _attributes(self) -> str:
        return "Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if self.settings.https else "")

    async def check_form(self, caller: Caller, headers: Headers, receive: Receive) -> Receive:
        """Lets a request of a session that would change something go on only if it comes from a page of this service.

        Returns:
            the body to read, from its beginning.

        Raises:
            ApiError: 403, it comes from elsewhere or lacks the mark of the session.
        """
        if not same_origin(headers):
            raise ApiError(403, "请求来自其他网站 the request comes from another site; use the page here 请在本站页面操作")
        given = headers.get(CSRF_HEADER, "")
        if not given and headers.get("content-type", "").startswith(FORMS):
            start, receive = await _read_ahead(receive)
            found = _IN_FORM.search(start) or _IN_PARTS.search(start)
            given = found[1].decode() if found else ""
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.csrf_token(caller).encode()):
            raise ApiError(403, "页面已过期，请刷新后再提交 the page is too old: load it again, then send")
        return receive


def cookie_of(headers: Headers) -> str:
    """The session's token that a browser sends; empty where there is none, or where another site made it send one."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return ""
    for pair in headers.get("cookie", "").split(";"):
        name, _, value = pair.partition("=")
        if name.strip() == COOKIE:
            return value.strip()
    return ""


def same_origin(headers: Headers) -> bool:
    """Whether a browser says that the request was made by a page of this very service."""
    origin = headers.get("origin") or headers.get("referer") or ""
    try:
        return origin != "" and urlsplit(origin).netloc == headers.get("host", "")
    except ValueError:  # half an address of the sixth version
        return False


async def _read_ahead(receive: Receive) -> tuple[bytes, Receive]:
    """The beginning of a body, and the body as if nothing had been read."""
    kept: list[Message] = []
    start = b""
    while len(start) < READ_AHEAD:
        message = await receive()
        kept.append(message)
        start += message.get("body", b"")
        if not message.get("more_body", False):
            break

    async def again() -> Message:
        return kept.pop(0) if kept else await receive()

    return start, again
