"""Bounds on what is asked: how often, how large."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Hashable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import ApiError, problem

WINDOW_SECONDS = 60.0
MOST_KEYS = 10_000


def address_of(scope: Scope) -> str:
    """Where a request comes from; empty where that is not known."""
    return scope["client"][0] if scope.get("client") else ""


class Window:
    """So many of something a minute for each key, counted over the last sixty seconds wherever these begin.

    Args:
        most: how many; 0 for any number.
        name: what is counted, for the answer's headers.
    """

    def __init__(self, most: int, name: str) -> None:
        self.most = most
        self.name = name
        self._hits: dict[Hashable, deque[float]] = {}

    def hit(self, key: Hashable) -> float:
        """Counts one more; returns 0, or, where it is one too many, the seconds until the next would do.

        >>> window = Window(2, "doctest")
        >>> [window.hit("a") > 0 for _ in range(3)], window.hit("b") > 0
        ([False, False, True], False)
        """
        if not self.most:
            return 0.0
        now = time.monotonic()
        hits = self._hits.get(key)
        if hits is None:
            if len(self._hits) >= MOST_KEYS:
                self._forget(now)
            hits = self._hits[key] = deque()
        while hits and hits[0] <= now - WINDOW_SECONDS:
            hits.popleft()
        if len(hits) >= self.most:
            return hits[0] + WINDOW_SECONDS - now
        hits.append(now)
        return 0.0

    def refusal(self, wait: float, detail: str) -> ApiError:
        """The answer to one too many: when to come again."""
        seconds = max(1, math.ceil(wait))
        headers = {
            "Retry-After": str(seconds),
            "RateLimit-Policy": f'"{self.name}";q={self.most};w={WINDOW_SECONDS:.0f}',
            "RateLimit": f'"{self.name}";r=0;t={seconds}',
        }
        return ApiError(429, f"{detail}；请 {seconds} 秒后再试 try again in {seconds} s", headers=headers)

    def _forget(self, now: float) -> None:
        """Drops the keys that were silent for a window; should all be busy, the oldest goes."""
        for key in [key for key, hits in self._hits.items() if not hits or hits[-1] <= now - WINDOW_SECONDS]:
            del self._hits[key]
        if len(self._hits) >= MOST_KEYS:
            del self._hits[next(iter(self._hits))]


class BodyLimit:
    """Stops reading a request body at a number of bytes, whatever its header says."""

    def __init__(self, app: ASGIApp, megabytes: int) -> None:
        self.app = app
        self.limit = megabytes * 1024 * 1024
        self.detail = (
            f"请求体不得超过 {megabytes} MB the body may not exceed {megabytes} MB; send the households in smaller portions 请分批提交"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, counting what is read."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self.limit:
            await problem(413, self.detail, scope["path"])(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise ApiError(413, self.detail)
            return message

        await self.app(scope, counted, send)


class TimeLimit:
    """Gives up on a request whose answer has not begun so many seconds after the last of it came in; what has begun is let finish."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on under a time limit."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answering = False
        try:
            async with asyncio.timeout(self.seconds) as limit:

                async def begun(message: Message) -> None:
                    nonlocal answering
                    answering = True
                    limit.reschedule(None)
                    await send(message)

                async def fed() -> Message:
                    message = await receive()
                    if not answering:  # a large upload over a slow line is at work as long as it comes in
                        limit.reschedule(asyncio.get_running_loop().time() + self.seconds)
                    return message

                await self.app(scope, fed, begun)
        except TimeoutError:
            if not limit.expired():
                raise
            detail = f"未能在 {self.seconds:g} 秒内完成 not done within {self.seconds:g} s; ask for less 请减少数据"
            await problem(504, detail, scope["path"], headers={"Retry-After": "10"})(scope, receive, send)
