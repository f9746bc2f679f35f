"""The page that staff open first: the households worth a visit this week, with filters, and ready for print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from features.catalog import CAUSES
from models.explain import MOST_CAUSES
from models.tiers import TIERS
from service.api.context import ListCaller, Service, ServiceDep, from_database
from service.api.risk_list import RiskListQuery, risk_list
from service.api.summary import SummaryQuery, summary
from service.auth import Caller
from service.problems import ApiError, FieldError
from service.regions import COUNTY_DIGITS, LEVELS, TOWN_DIGITS
from service.storage.mark_store import moved
from service.storage.tables import CELLS, UNDETERMINED
from service.web.formats import place
from service.web.pages import address, asked, checked, language_of, render, told, words

router = APIRouter(include_in_schema=False)

CANDIDATES = ("edge", "unstable", "sudden")
ROWS = 50
RANKS = {name: place for place, name in enumerate(TIERS)}


@router.get("/")
async def list_page(request: Request, service: ServiceDep, caller: ListCaller) -> HTMLResponse:
    """This week's list."""
    query, refused = _query(request)
    page = told(await risk_list(query, request, service, caller))
    if refused:
        page |= {"items": [], "next_cursor": None}
    region, _ = query.narrowed(caller)
    counts = told(await summary(checked(SummaryQuery, {"region": region}), request, service, caller))
    shown = [item["household_id"] for item in page["items"]]
    version = page["list_version"]
    return render(
        request,
        "list.html",
        422 if refused else 200,
        items=page["items"],
        next_cursor=page["next_cursor"],
        made=page,
        synthetic=page["synthetic"],
        counts=counts["total"],
        query=query,
        typed=request.query_params.get("search", ""),
        refused=refused,
        moved=await from_database(service, lambda connection: moved(connection, version, shown)),
        filtered=bool(query.model_fields_set - {"limit", "format", "cursor", "order"}),
        files={kind: _file(request, kind) for kind in ("csv", "xlsx")},
        region=region,
        level=LEVELS[len(region)],
        raising=raising,
        ranks=RANKS,
        regions=await regions(request, service, caller, query.region),
        tiers=words(request, "tier", reversed(TIERS)),
        causes=words(request, "cause", CAUSES),
        cells=words(request, "cell", (*CELLS, UNDETERMINED)),
        doors=words(request, "visited", ("true", "false")),
        candidates=words(request, "candidate", CANDIDATES),
    )


def _query(request: Request) -> tuple[RiskListQuery, Sequence[FieldError]]:
    """What is asked for, and what is wrong with the one entry that is typed: it is told beside its field, with the others as they were.

    Raises:
        ApiError: 422, an address was changed by hand.
    """
    fixed = {"limit": ROWS, "format": "json"}
    try:
        return asked(request, RiskListQuery, **fixed), ()
    except ApiError as error:
        if {one.field for one in error.errors} != {"search"}:
            raise
        return asked(request, RiskListQuery, **fixed, search=None), error.errors


async def regions(request: Request, service: Service, caller: Caller, chosen: str | None) -> list[tuple[str, str]]:
    """The areas to choose from: the towns of a county, and the villages of the town that is looked at."""

    async def below(region: str) -> list[str]:
        return [
            one["region"]
            for one in told(await summary(checked(SummaryQuery, {"region": region}), request, service, caller))["items"]
            if one["region"]
        ]

    found: dict[str, Any] = {}
    if len(caller.region) == COUNTY_DIGITS:
        found |= dict.fromkeys(await below(caller.region))
    town = (chosen or caller.region)[:TOWN_DIGITS]
    if len(town) == TOWN_DIGITS and len(caller.region) <= TOWN_DIGITS:
        found |= dict.fromkeys([town, *await below(town)] if chosen else await below(town))
    told_as = partial(service.regions.called, language=language_of(request), inside=caller.region)
    return [(code, f"{told_as(code)} {place(code, caller.region)}".strip()) for code in sorted(found)]


def _file(request: Request, kind: str) -> str:
    """Address of the whole list as a file, with the filters that the page has."""
    return "/api/v1/risk-list" + address(request, cursor=None, limit=None, format=kind).removeprefix(request.url.path)


def raising(causes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The reasons that raise a household's risk most; what lowers it is told on its own page."""
    return [cause for cause in causes if cause["contribution"] > 0][:MOST_CAUSES]
