"""The county's ledgers by town and village, and which households stand in one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.context import FactsCaller, ServiceDep
from service.api.ledgers import LedgersQuery, check_ledger, ledgers
from service.regions import COUNTY_DIGITS, TOWN_DIGITS, VILLAGE_DIGITS
from service.web.list_page import regions
from service.web.pages import asked, language_of, render, told

router = APIRouter(include_in_schema=False)

MOST_SHOWN = 500
"""Most households of a ledger on one page: more than these nobody reads, and a village has fewer."""


@router.get("/ledgers")
async def ledgers_page(request: Request, service: ServiceDep, caller: FactsCaller) -> Response:
    """Counts of every ledger, place by place; of the ledger that is chosen, its households."""
    query = asked(request, LedgersQuery)
    region = caller.scope(query.region)
    whole = len(region) == COUNTY_DIGITS
    # Whose households are meant can be said of a town or village only; a county's page asks for one of them.
    page = told(await ledgers(query.model_copy(update={"ledger": None}) if whole else query, request, service, caller))
    check_ledger(query.ledger, [one["ledger"] for one in page["ledgers"]])
    language = language_of(request)
    return render(
        request,
        "ledgers.html",
        made=page,
        synthetic=page["synthetic"],
        region=region,
        whole=whole,
        ledgers=page["ledgers"],
        rows=_rows(page["ledgers"], TOWN_DIGITS if whole else VILLAGE_DIGITS),
        chosen=next((one for one in page["ledgers"] if one["ledger"] == query.ledger), None),
        items=page["items"][:MOST_SHOWN],
        more=len(page["items"]) - MOST_SHOWN,
        regions=await regions(request, service, caller, query.region),
        names=[(one["ledger"], one[language]) for one in page["ledgers"]],
    )


def _rows(told: Sequence[Mapping[str, Any]], digits: int) -> list[tuple[str, dict[str, tuple[int, int]]]]:
    """The counts place by place: by ledger the households in it, and those of which it cannot be told."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for one in told:
        for village in one["villages"]:
            counts = found.setdefault(village["village_code"][:digits], {})
            inside, unknown = counts.get(one["ledger"], (0, 0))
            counts[one["ledger"]] = (inside + village["households"], unknown + village["not_evaluable"])
    return sorted(found.items())
