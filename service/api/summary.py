"""GET /api/v1/summary: how many households of each kind, by town and village, from the counts kept beside the list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row
from starlette.responses import Response

from service.api.context import CountsCaller, ServiceDep, active_or_503, from_database
from service.problems import Json
from service.regions import COUNTY_DIGITS, REGION_PATTERN
from service.storage.score_store import counts
from service.storage.tables import COUNTED
from service.wire import ERRORS, SummaryAnswer

router = APIRouter(prefix="/api/v1", tags=["lists"], responses=ERRORS)


class SummaryQuery(BaseModel):
    """Which counts."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = Field(None, pattern=REGION_PATTERN, description="区划代码 6, 9 or 12 digits inside the token's region")
    by: Literal["town", "village"] | None = Field(None, description="分组 by town or village; a county is shown by town, a town by village")


@router.get("/summary", response_model=SummaryAnswer, summary="名单汇总 Counts of the list in use")
async def summary(query: Annotated[SummaryQuery, Query()], service: ServiceDep, caller: CountsCaller) -> Response:
    """Counts by state, tier and candidate; in all and by town or village."""
    region = caller.scope(query.region)
    by: Literal["town", "village"] = query.by or ("town" if len(region) == COUNTY_DIGITS else "village")

    def look(connection: Connection) -> tuple[Row[Any], list[dict[str, Any]]]:
        record = active_or_503(connection)
        return record, [dict(row._mapping) for row in counts(connection, record.list_version, region, by)]

    record, rows = await from_database(service, look)
    total = {name: sum(row[name] for row in rows) for name in COUNTED}
    return Json(
        {
            "total": _counts(region, total),
            "items": [_counts(row["region"], row) for row in rows],
            "by": by,
            "list_version": record.list_version,
            "as_of": record.as_of,
            "model_version": record.model_version,
            "synthetic": record.synthetic,
        }
    )


def _counts(region: str, row: Mapping[str, int]) -> dict[str, Any]:
    return {
        "region": region,
        "households": row["households"],
        "state": {name: row[name] for name in ("scored", "below_line", "insufficient_data")},
        "tier": {name: row[name] for name in ("red", "orange", "yellow", "none")},
        "edge_band": row["edge_band"],
        "candidates": {name: row[f"{name}_candidate"] for name in ("edge", "unstable", "sudden")},
    }
