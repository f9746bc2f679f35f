"""Answers that need not be sent again: what a poller has is named by a tag, and the same tag is answered by 304 with nothing in it.

A tag is made of what the answer depends on, not of the answer: who asks (role and region), what is asked, which list is in use, and,
where visits are shown, the last visit. All that a poll costs is then the one row that says how the lists stand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from service.api.context import Service, from_database, no_list
from service.auth import Caller
from service.problems import Json
from service.storage.score_store import ListMark, mark

TAG_DIGITS = 32


async def list_mark(service: Service) -> ListMark:
    """Which list is in use, from one row.

    Raises:
        ApiError: 503, nothing was scored yet.
    """
    found = await from_database(service, mark)
    if found is None:
        raise no_list()
    return found


async def answer(
    request: Request, service: Service, caller: Caller, region: str, look: Callable[[Connection, int], Mapping[str, Any]]
) -> Response:
    """What depends on nothing but the list in use: 304 where the caller has it already, else what `look` reads of that list.

    Args:
        request: what is asked.
        service: the running service.
        caller: who asks.
        region: the region that is answered for.
        look: given a connection and the version of the list in use.
    """
    version = (await list_mark(service)).list_version
    etag = tag(request, caller, region, version)
    held = unchanged(request, etag)
    return held or Json(await from_database(service, lambda connection: look(connection, version)), headers=headers(etag))


def tag(request: Request, caller: Caller, region: str, *state: object) -> str:
    """The name of an answer.

    Args:
        request: what is asked.
        caller: who asks; roles are not shown the same.
        region: the region that is answered for, which also stands for the token's where none is asked for.
        state: of the data that the answer shows.
    """
    asked = sorted(request.query_params.multi_items())
    content = orjson.dumps([request.app.version, request.url.path, asked, caller.role.value, region, caller.region, *state])
    return f'W/"{hashlib.sha256(content).hexdigest()[:TAG_DIGITS]}"'


def headers(etag: str) -> Mapping[str, str]:
    """What an answer with a tag says beside it: keep it for yourself, and ask again whether it still holds."""
    return {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}


def unchanged(request: Request, etag: str) -> Response | None:
    """304 where the caller has this answer already; None where it must be made."""
    given = ",".join(request.headers.getlist("if-none-match"))
    held = {part.strip().removeprefix("W/") for part in given.split(",")}
    if "*" in held or etag.removeprefix("W/") in held:
        return Response(status_code=304, headers=dict(headers(etag)))
    return None
