"""What the newest list changed against an older one, and why."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.tiers import TIERS
from service.api.changes import DiffQuery, diff, lists
from service.api.context import ListCaller, Service, ServiceDep
from service.auth import Caller
from service.web.pages import address, asked, render, told, words

router = APIRouter(include_in_schema=False)

KINDS = ("moved", "new", "left", "changed")
RANKS = {name: place for place, name in enumerate(TIERS)}
ROWS = 100
STEP, MOST_STEPS = 500, 20
"""Most households only have another probability; so many changes are looked through for a page of those that moved."""


@router.get("/changes")
async def changes_page(request: Request, service: ServiceDep, caller: ListCaller) -> Response:
    """New, gone and moved households between two lists that are kept."""
    kept = told(await lists(request, service, caller))["items"]
    current = next(one for one in kept if one["in_use"])
    older = request.query_params.get("from") or current["previous"]
    page = None if older is None else await _page(request, service, caller, older)
    return render(
        request,
        "changes.html",
        made=current,
        synthetic=current["synthetic"],
        page=page,
        next_page=address(request, cursor=page["next_cursor"]) if page and page["next_cursor"] else None,
        kind=request.query_params.get("kind"),
        kinds=words(request, "change", KINDS),
        older=[(str(one["list_version"]), f"{one['list_version']} · {one['as_of']}") for one in kept if not one["in_use"]],
        chosen=str(older),
        ranks=RANKS,
    )


async def _page(request: Request, service: Service, caller: Caller, older: str | int) -> dict[str, Any]:
    """The next changes of the kinds asked for; where none is named, all but a mere change of the probability."""
    query = asked(request, DiffQuery, limit=STEP, **{"from": older})
    kinds = KINDS[:-1] if query.kind is None else (query.kind,)
    cursor, found = query.cursor, []
    for _ in range(MOST_STEPS):
        page = told(await diff(query.model_copy(update={"cursor": cursor, "kind": None}), request, service, caller))
        found += [one for one in page["items"] if one["kind"] in kinds]
        cursor = page["next_cursor"]
        if cursor is None or len(found) >= ROWS:
            break
    return {**page, "items": found, "next_cursor": cursor}
