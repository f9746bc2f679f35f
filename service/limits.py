"""Refuses requests that are larger than the service is willing to read."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import ApiError, problem


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
