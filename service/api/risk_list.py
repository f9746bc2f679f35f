"""GET /api/v1/risk-list: the households worth a visit, the riskiest first, a page at a time or the whole list as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any, Literal

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse

from features.catalog import CAUSES
from service import trace
from service.api import etags
from service.api.context import Service, ServiceDep, from_database, mark_of, no_list
from service.api.cursors import LONGEST_CURSOR, bad_cursor, read_cursor, write_cursor
from service.auth import Caller, Right
from service.clock import day_of
from service.exchange.listing import ListFile
from service.exchange.sheets import as_csv, as_workbook
from service.problems import UNUSABLE, ApiError, FieldError, Json
from service.regions import REGION, REGION_PATTERN
from service.storage.score_store import Order, Place, Stored, Wanted, count_up_to, list_of, page, place_of
from service.wire import ERRORS, NOT_MODIFIED, CellAsked, RiskListAnswer, State, Tier, list_head, stored_item

# The list says who was visited, so a visit makes every copy of it an old one; who follows scores only asks `/scores?since=`.
PollingCaller = Annotated[Caller, etags.polled(Right.LIST, lambda _, mark: mark.last_visit)]
router = APIRouter(prefix="/api/v1", tags=["lists"], responses=ERRORS)

SEARCH_PATTERN = "^[0-9A-Za-z_.-]{4,64}$"  # so many signs of an id that few households share them
ROWS_A_STEP = 1000
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILES = {
    "text/csv": {"schema": {"type": "string"}},
    WORKBOOK: {"schema": {"type": "string", "format": "binary"}},
}
CAUSE_PATTERN = f"^(?:{'|'.join(CAUSES)})$"


class RiskListQuery(BaseModel):
    """Which part of the list."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = Field(None, pattern=REGION_PATTERN, description="区划代码 6, 9 or 12 digits inside the token's region")
    tier: Tier | None = Field(None, description="预警等级 only this tier")
    candidate: Literal["edge", "unstable", "sudden"] | None = Field(None, description="候选类别 only candidates of this kind")
    cause: str | None = Field(None, pattern=CAUSE_PATTERN, description="风险类型 one of the up to three reasons that raise the risk most")
    cell: CellAsked | None = Field(
        None, description="规则与等级四格 who calls for a visit: rules, tier, both or neither; undetermined: those whose cell is null"
    )
    state: State | None = Field(None, description="评分状态 only this state")
    visited: bool | None = Field(None, description="名单生成后是否已入户 visited since the day the list was made")
    search: str | None = Field(
        None,
        pattern=SEARCH_PATTERN,
        description="户编号（假名）前几位或行政村代码 how the pseudonym begins (4 signs at least), or a village code",
    )
    order: Order | None = Field(None, description="排序 risk (default), village (village by village, by risk), id (only with search)")
    limit: int = Field(50, ge=1, le=500, description="每页户数 households a page; JSON only")
    cursor: str | None = Field(None, max_length=LONGEST_CURSOR, description="上一页的 next_cursor of the page before; JSON only")
    format: Literal["json", "csv", "xlsx"] = Field("json", description="csv、xlsx 为整份名单 a file holds the whole list")

    def narrowed(self, caller: Caller) -> tuple[str, str | None]:
        """The region that is asked for, and how the ids begin: what is searched may be the code of a place in the region."""
        region = caller.scope(self.region)
        if self.search is not None and REGION.match(self.search) and self.search.startswith(region):
            return self.search, None
        return region, None if self.search is None else self.search.lower()

    def sorted_by(self, prefix: str | None) -> Order:
        """The order of the answer.

        Raises:
            ApiError: 422, no index knows this order.
        """
        if prefix is not None:
            if self.order not in (None, "id"):
                raise _refused("order", "按编号查找的结果只按编号排序 what is searched by id comes in the order of ids; leave out order")
            return "id"
        if self.order == "id":
            raise _refused("order", "按编号排序须先给出编号前几位 the order of ids needs search, which says how they begin")
        return self.order or "risk"


def _refused(field: str, message: str) -> ApiError:
    return ApiError(422, UNUSABLE, [FieldError(field, message)])


@router.get(
    "/risk-list",
    response_model=RiskListAnswer,
    summary="预警名单 Households worth a visit",
    responses={200: {"content": FILES}, 304: NOT_MODIFIED},
)
async def risk_list(query: Annotated[RiskListQuery, Query()], request: Request, service: ServiceDep, caller: PollingCaller) -> Response:
    """The list in use; when paging, the list that the first page came from; as csv or xlsx the whole of it."""
    region, prefix = query.narrowed(caller)
    order = query.sorted_by(prefix)
    if query.format != "json" and query.model_fields_set & {"limit", "cursor"}:
        raise _refused(
            "limit" if "limit" in query.model_fields_set else "cursor", "文件为整份名单，不分页 a file holds the whole list: leave it out"
        )
    version, after = (None, None) if query.cursor is None else read_cursor(query.cursor, region, order)
    in_use, facts = mark_of(request).list_version, caller.sees_facts

    def wanted(record: Row[Any]) -> Wanted:
        return Wanted(
            tier=query.tier,
            candidate=query.candidate,
            cause=query.cause,
            cell=query.cell,
            state=query.state,
            visited=query.visited,
            since=day_of(record.written_at),
            prefix=prefix,
        )

    def look(connection: Connection) -> tuple[Row[Any], Sequence[Stored]]:
        record = list_of(connection, version or in_use)
        if record is None:
            raise bad_cursor("该名单已不存在 the list it belongs to is gone; start without a cursor")
        rows = page(connection, record.list_version, region, query.limit + 1, order=order, wanted=wanted(record), after=after, facts=facts)
        return record, rows

    if query.format != "json":
        make = partial(_file, service, caller, query.format, region=region, order=order, wanted=wanted, version=in_use)
        file = await anyio.to_thread.run_sync(make)
        file.headers.update(etags.headers(request))
        return file
    record, rows = await from_database(service, look)
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    trace.shows(len(shown))
    return Json(
        {
            "items": [stored_item(row, record.as_of, record.model_version, facts=facts) | {"visited": row.visited} for row in shown],
            "next_cursor": write_cursor(record.list_version, region, order, place_of(shown[-1], region, order)) if more else None,
            **list_head(record),
        },
        headers=etags.headers(request),
    )


def _file(
    service: Service,
    caller: Caller,
    kind: Literal["csv", "xlsx"],
    *,
    region: str,
    order: Order,
    wanted: Callable[[Row[Any]], Wanted],
    version: int,
) -> Response:
    """The whole list as a file, which is made while it is sent.

    Raises:
        ApiError: 422, more households than a file may hold.
    """
    most = service.settings.export_rows
    with service.database.reading() as connection:
        record = list_of(connection, version)
        if record is None:
            raise no_list()
        households = count_up_to(connection, version, region, wanted(record), most + 1)
        if households > most:
            raise _refused(
                "format",
                f"超过导出上限 {most} 户，请缩小区划或增加筛选 a file holds {most} households at most (FANGPIN_EXPORT_ROWS): "
                "ask for a smaller region or filter",
            )

    trace.shows(households)

    def steps() -> Iterator[Sequence[Stored]]:
        after: Place | None = None
        while True:
            with service.database.reading() as connection:  # a connection a step: a slow reader holds up nobody
                rows = page(
                    connection, version, region, ROWS_A_STEP, order=order, wanted=wanted(record), after=after, facts=caller.sees_facts
                )
                if list_of(connection, version) is None:  # looked at last: as long as it stands, its rows do
                    raise RuntimeError(f"list {version} was retired while it was sent: what was sent is not whole")
            yield rows
            if len(rows) < ROWS_A_STEP:
                return
            after = place_of(rows[-1], region, order)

    listed = ListFile(record, region, caller.sees_facts, service.regions, steps())
    head = {"Content-Disposition": f'attachment; filename="{listed.name}.{kind}"'}
    if kind == "csv":
        return StreamingResponse(as_csv(listed), headers=head, media_type="text/csv; charset=utf-8")
    return StreamingResponse(_in_turn(as_workbook(listed), service.batches), headers=head, media_type=WORKBOOK)


async def _in_turn(blocks: Iterator[bytes], turns: CapacityLimiter) -> AsyncIterator[bytes]:
    """The blocks of a file; before the first one comes the work, which waits for its turn among the large batches."""
    yield await anyio.to_thread.run_sync(next, blocks, b"", limiter=turns)
    async for block in iterate_in_threadpool(blocks):
        yield block
