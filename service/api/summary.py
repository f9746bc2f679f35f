"""GET /api/v1/summary: how many households of each kind, by place, tier, cause or month, from the counts kept beside the lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row
from starlette.responses import Response

from features.catalog import CAUSES
from features.policy.language import Villages
from features.policy.packs import Packs, packs_of
from features.policy.shipped import load
from models.tiers import TIER_ZH, TIERS
from service.api import etags
from service.api.context import ServiceDep, from_database, mark_of, no_list
from service.auth import Caller, Right, Role
from service.problems import Json
from service.regions import COUNTY_DIGITS, REGION_PATTERN, TOWN_DIGITS, VILLAGE_DIGITS, Names
from service.storage.score_store import counts, kept_lists, list_of
from service.storage.tables import CANDIDATES, CELLS, TOLD, UNDETERMINED
from service.suppression import FEWEST, shown
from service.wire import ERRORS, NOT_MODIFIED, SummaryAnswer, list_head

PollingCaller = Annotated[Caller, etags.polled(Right.COUNTS)]
router = APIRouter(prefix="/api/v1", tags=["lists"], responses=ERRORS)

MONTHS_SHOWN = 36
Place = Literal["town", "village"]
Numbers = Mapping[str, int | None]


class SummaryQuery(BaseModel):
    """Which counts."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = Field(None, pattern=REGION_PATTERN, description="区划代码 6, 9 or 12 digits inside the token's region")
    by: Literal["town", "village", "tier", "cause", "month"] | None = Field(
        None, description="分组 by town (a county's default), village, tier, cause, or month: one row for the last list of each month"
    )


@router.get("/summary", response_model=SummaryAnswer, summary="名单汇总 Counts of the list in use", responses={304: NOT_MODIFIED})
async def summary(query: Annotated[SummaryQuery, Query()], request: Request, service: ServiceDep, caller: PollingCaller) -> Response:
    """Counts in all and by place, tier, cause or month; to a kiosk no count under eight, nor one that would give it away."""
    region = caller.scope(query.region)
    names = service.regions.names
    by = query.by or ("town" if len(region) == COUNTY_DIGITS else "village")

    def look(connection: Connection) -> dict[str, Any]:
        record = list_of(connection, mark_of(request).list_version)
        if record is None:
            raise no_list()
        place: Place = "village" if by == "village" or len(region) > TOWN_DIGITS else "town"
        total, rows = _counts(connection, record.list_version, region, place, caller)
        packs = None
        if place == "village" and caller.role is not Role.KIOSK:  # a share would tell a screen that anybody may see what is hidden from it
            packs = packs_of(load(synthetic=record.synthetic, counties=service.settings.policy_dir))
        items: list[dict[str, Any]]
        match by:
            case "tier":
                items = [{"tier": name, "zh": TIER_ZH[name], "households": total[name]} for name in reversed(TIERS)]
            case "cause":
                items = [{"cause": name, "zh": zh, "households": total[f"cause_{name}"]} for name, zh in CAUSES.items()]
            case "month":
                items = [_month(connection, names, one, region, caller) for one in _last_of_each_month(kept_lists(connection))]
            case _:
                items = [_told(names, code, row, packs) for code, row in rows]
        hidden = FEWEST if caller.role is Role.KIOSK else None
        return {"total": _told(names, region, total, packs), "items": items, "by": by, "hidden_under": hidden, **list_head(record)}

    return Json(await from_database(service, look), headers=etags.headers(request))


def _counts(connection: Connection, version: int, region: str, by: Place, caller: Caller) -> tuple[Numbers, list[tuple[str, Numbers]]]:
    """The counts of a region, and of the places in it, as this caller may see them."""
    if caller.role is Role.KIOSK:
        return _kiosk(connection, version, region, by)
    rows = [(row.region, dict(row._mapping)) for row in counts(connection, version, region, by)]
    return {name: sum(row[name] for _, row in rows) for name in TOLD}, [(code, row) for code, row in rows]


def _kiosk(connection: Connection, version: int, region: str, by: Place) -> tuple[Numbers, list[tuple[str, Numbers]]]:
    """The same with what must be hidden hidden: worked out over the whole county, shown for the region."""
    county = region[:COUNTY_DIGITS]
    villages = {str(row.region): {name: row._mapping[name] for name in TOLD} for row in counts(connection, version, county, "village")}
    # Codes name a place of any size; of a village that is not known both codes are "", so the places are told apart by their size.
    towns: dict[str, list[str]] = {}
    for code in villages:
        towns.setdefault(f"town {code[:TOWN_DIGITS]}", []).append(f"village {code}")
    numbers = {f"village {code}": row for code, row in villages.items()}
    for town, parts in towns.items():
        numbers[town] = {name: sum(numbers[part][name] for part in parts) for name in TOLD}
    top = f"county {county}"
    numbers[top] = {name: sum(row[name] for row in villages.values()) for name in TOLD}
    seen = shown(numbers, {top: list(towns), **towns}, top)
    level = {COUNTY_DIGITS: "county", TOWN_DIGITS: "town"}.get(len(region), "village")
    nothing: Numbers = dict.fromkeys(TOLD)
    places = ((name.removeprefix(f"{by} "), row) for name, row in sorted(seen.items()) if name.startswith(f"{by} "))
    return seen.get(f"{level} {region}", nothing), [(code, row) for code, row in places if code.startswith(region) or region == county]


def _last_of_each_month(kept: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Of the lists that are kept the latest one for each month of `as_of`, the first month first."""
    latest: dict[str, Row[Any]] = {}
    for record in kept:  # the latest list comes first
        latest.setdefault(record.as_of[:7], record)
    return [latest[month] for month in sorted(latest)[-MONTHS_SHOWN:]]


def _month(connection: Connection, names: Names, record: Row[Any], region: str, caller: Caller) -> dict[str, Any]:
    total, _ = _counts(connection, record.list_version, region, "village", caller)
    return {"month": record.as_of[:7], "list_version": record.list_version, "as_of": record.as_of, **_told(names, region, total)}


def _told(names: Names, region: str, row: Numbers, packs: Packs | None = None) -> dict[str, Any]:
    name = names.get(region)
    return {
        "region": region,
        "region_name": None if name is None else {"zh": name[0], "en": name[1]},
        "households": row["households"],
        "state": {name: row[name] for name in ("scored", "below_line", "insufficient_data")},
        "tier": {name: row[name] for name in ("red", "orange", "yellow", "none")},
        "edge_band": row["edge_band"],
        "candidates": {name: row[f"{name}_candidate"] for name in CANDIDATES},
        "village": None if packs is None or len(region) != VILLAGE_DIGITS else _village(packs.at(region).villages, row),
        "causes": {name: row[f"cause_{name}"] for name in CAUSES},
        "cells": {name: row[f"cell_{name}"] for name in (*CELLS, UNDETERMINED)},
    }


def _village(said: Villages | None, row: Numbers) -> dict[str, Any] | None:
    """What the county's own tiers say of a village; None where it has none."""
    counted, households = row["village_counted"], row["households"]
    if said is None or counted is None or not households:
        return None
    tiers = [tier.model_dump(include={"id", "zh", "en", "reference", "grade"}) for tier in said.of(counted, households)]
    return {"counted": counted, "incidence": counted / households, "tiers": tiers}
