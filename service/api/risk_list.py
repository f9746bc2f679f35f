"""GET /api/v1/risk-list: the households worth a visit, the riskiest first, a page at a time."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row
from starlette.responses import Response

from service.api.context import ListCaller, ServiceDep, active_or_503, from_database
from service.problems import ApiError, FieldError, Json
from service.regions import REGION_PATTERN
from service.storage.score_store import Position, list_of, page
from service.wire import ERRORS, RiskListAnswer, stored_item

router = APIRouter(prefix="/api/v1", tags=["lists"], responses=ERRORS)

LONGEST_CURSOR = 400
LONGEST_ID = 64
LARGEST_VERSION = 2**53


class RiskListQuery(BaseModel):
    """Which part of the list."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = Field(None, pattern=REGION_PATTERN, description="区划代码 6, 9 or 12 digits inside the token's region")
    tier: Literal["red", "orange", "yellow", "none"] | None = Field(None, description="预警等级 only this tier")
    candidate: Literal["edge", "unstable", "sudden"] | None = Field(None, description="候选类别 only candidates of this kind")
    limit: int = Field(50, ge=1, le=500, description="每页户数 households a page")
    cursor: str | None = Field(None, max_length=LONGEST_CURSOR, description="上一页的 next_cursor of the page before")


def write_cursor(position: Position) -> str:
    """A place in a list as opaque text."""
    packed = orjson.dumps([position.list_version, position.risk, position.household_id])
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def read_cursor(cursor: str) -> Position:
    """The place that `write_cursor` wrote.

    It says where to go on, not what may be seen: the token's region stands in the query whatever the cursor says.

    Raises:
        ApiError: 422, it is no cursor of this service.
    """
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        version, risk, household_id = orjson.loads(packed)
        usable = (
            type(version) is int
            and 0 < version <= LARGEST_VERSION
            and isinstance(risk, (int, float))
            and math.isfinite(risk)
            and isinstance(household_id, str)
            and len(household_id) <= LONGEST_ID
        )
        if not usable:
            raise ValueError
        return Position(version, float(risk), household_id)
    except (ValueError, TypeError, binascii.Error, OverflowError):
        raise _bad_cursor("不是本服务给出的翻页标记 is not a cursor that this service gave; start without one") from None


def _bad_cursor(message: str) -> ApiError:
    return ApiError(422, "无法翻页 the cursor cannot be used", [FieldError("cursor", message)])


@router.get("/risk-list", response_model=RiskListAnswer, summary="预警名单 Households worth a visit")
async def risk_list(query: Annotated[RiskListQuery, Query()], service: ServiceDep, caller: ListCaller) -> Response:
    """The list in use, or, when paging, the list that the first page came from."""
    region = caller.scope(query.region)
    after = read_cursor(query.cursor) if query.cursor is not None else None

    def look(connection: Connection) -> tuple[Row[Any], Sequence[Row[Any]]]:
        record = active_or_503(connection)
        if after is not None and after.list_version != record.list_version:
            older = list_of(connection, after.list_version)
            if older is None:
                raise _bad_cursor("该名单已不存在 the list it belongs to is gone; start without a cursor")
            record = older
        return record, page(
            connection, record.list_version, region, query.limit + 1, after=after, tier=query.tier, candidate=query.candidate
        )

    record, rows = await from_database(service, look)
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    last = shown[-1] if more else None
    return Json(
        {
            "items": [stored_item(row, record.as_of, record.model_version, facts=caller.sees_facts) for row in shown],
            "next_cursor": write_cursor(Position(record.list_version, last.risk, last.household_id)) if last else None,
            "list_version": record.list_version,
            "as_of": record.as_of,
            "model_version": record.model_version,
            "policy_version": record.policy_version,
            "data_version": record.data_version,
            "synthetic": record.synthetic,
        }
    )
