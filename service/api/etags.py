"""ETags: whoever polls is told "not modified" before anything is read that the answer would be made of.

What a caller may see of a list depends on the list, on what is asked, and on the caller's role and region: the tag is made of these and,
where visits are shown, of the last visit. All that a poll costs is then the one row that the gate reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from features.policy.shipped import load
from service.api.context import Service, mark_of, needs
from service.auth import Caller, Right
from service.storage.score_store import ListMark

TAG_DIGITS = 32
HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}
Shown = Callable[[Request, Any], object]


def polled(right: Right, shown: Shown = lambda _, __: None, *, listed: bool = True) -> Any:
    """The caller of a route that is polled, who must hold a right: 304 where he has the answer already, before his query is looked at.

    A tag is only ever given out with an answer, so whoever holds the right one asked for something that can be answered. "Any" (`*`) is
    no tag: it is answered in full.

    Args:
        right: what the route asks for.
        shown: what the answer shows beside the list in use.
        listed: whether there is no answer as long as there is no list.
    """
    holder = needs(right)

    async def caller_without_answer(request: Request, caller: Caller = holder) -> Caller:
        etag = request.state.etag = _tag(request, caller, mark_of(request) if listed else request.state.mark, shown)
        held = {part.strip().removeprefix("W/") for part in ",".join(request.headers.getlist("if-none-match")).split(",")}
        if etag.removeprefix("W/") in held:
            raise HTTPException(304, headers=dict(headers(request)))
        return caller

    return Depends(caller_without_answer)


def _tag(request: Request, caller: Caller, mark: ListMark | None, shown: Shown) -> str:
    """The name of an answer; roles are not shown the same, and the caller's region is what is answered for where none is asked for."""
    asked = sorted(request.query_params.multi_items())
    service: Service = request.app.state.service
    policy = load(counties=service.settings.policy_dir).version
    state = (None if mark is None else mark.list_version, policy, service.regions.mark, shown(request, mark))
    content = orjson.dumps([request.app.version, request.url.path, asked, caller.role.value, caller.region, *state])
    return f'W/"{hashlib.sha256(content).hexdigest()[:TAG_DIGITS]}"'


def headers(request: Request) -> Mapping[str, str]:
    """What an answer to a poll says beside it: keep it for yourself, and ask again whether it still holds."""
    etag = getattr(request.state, "etag", None)
    return HEADERS if etag is None else {"ETag": etag, **HEADERS}
