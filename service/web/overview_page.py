"""How a county stands: counts by town and tier, by cause, over the lists; for the office, and for a screen on a wall."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from models import figures
from service.api.context import CountsCaller, Service, ServiceDep
from service.api.summary import SummaryQuery, summary
from service.auth import Caller, Right, Role
from service.storage.tables import CELLS, UNDETERMINED
from service.web.pages import asked, checked, render, told

router = APIRouter(include_in_schema=False)

ANEW_SECONDS = 60


@router.get("/overview")
async def overview_page(request: Request, service: ServiceDep, caller: CountsCaller) -> HTMLResponse:
    """Counts of the caller's area."""
    query = asked(request, SummaryQuery, by=None)
    page = told(await summary(query, request, service, caller))
    months = told(await summary(checked(SummaryQuery, {"region": query.region, "by": "month"}), request, service, caller))["items"]
    wall = caller.role is Role.KIOSK
    villages = [] if wall else await _villages(query.region, request, service, caller)
    return render(
        request,
        "overview.html",
        made=page,
        synthetic=page["synthetic"],
        total=page["total"],
        region=page["total"]["region"],
        causes=figures.counts_by_cause(page["total"]["causes"]),
        cells=(*CELLS, UNDETERMINED),
        months=figures.counts_by_month(months),
        longest=max((_warned(one) for one in page["items"]), default=0.0) or 1.0,
        wall=wall,
        villages=villages,
        tables=_halves(page["items"]) if wall else [page["items"]],
        sees_list=caller.may(Right.LIST),
        sees_facts=caller.sees_facts,
        anew=ANEW_SECONDS,
    )


async def _villages(region: str | None, request: Request, service: Service, caller: Caller) -> list[dict[str, Any]]:
    """The villages that are in a tier of their county's own, those with the largest share first."""
    by_village = told(await summary(checked(SummaryQuery, {"region": region, "by": "village"}), request, service, caller))["items"]
    in_tiers = [one for one in by_village if one["village"] is not None and one["village"]["tiers"]]
    return sorted(in_tiers, key=lambda one: (-one["village"]["incidence"], one["region"]))


def _warned(one: dict[str, Any]) -> float:
    """The share of an area's households that stand in a tier; 0 where too few to be told."""
    counts = [one["tier"][name] for name in ("red", "orange", "yellow")]
    return 0.0 if None in counts or not one["households"] else float(sum(counts) / one["households"])


def _halves(items: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Two tables side by side: a screen on a wall cannot be scrolled."""
    middle = (len(items) + 1) // 2
    return [part for part in (items[:middle], items[middle:]) if part]
