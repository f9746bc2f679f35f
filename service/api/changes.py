"""What changed since a list: for those who keep a copy of the scores, and for those who ask why a list is not the one of last month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row
from starlette.responses import Response

from features.catalog import CAUSES
from service import trace
from service.api import etags
from service.api.context import ServiceDep, from_database, mark_of, no_list
from service.api.cursors import LONGEST_CURSOR, bad_cursor, read_cursor, write_cursor
from service.auth import Caller, Right
from service.problems import ApiError, FieldError, Json
from service.regions import REGION_PATTERN
from service.storage.change_store import Change, changes_between, versions_between
from service.storage.score_store import counts, households, kept_lists, list_of
from service.storage.tables import CAUSE_BITS
from service.wire import ERRORS, NOT_MODIFIED, PROBLEM, Item, ListHead, Tier, list_head, stored_item

PollingCaller = Annotated[Caller, etags.polled(Right.LIST)]
ListsCaller = Annotated[Caller, etags.polled(Right.LIST, lambda _, mark: mark.kept)]
router = APIRouter(prefix="/api/v1", tags=["changes"], responses=ERRORS)

LATEST = 2**31 - 1
GONE: dict[int | str, dict[str, Any]] = {304: NOT_MODIFIED, 410: {"description": "The list is no longer kept", **PROBLEM}}
WHY = (("as_of", "date"), ("data_version", "data"), ("model_version", "model"), ("policy_version", "policy"))
WHY_ZH = {"date": "统计时点不同", "data": "数据不同", "model": "模型不同", "policy": "政策参数不同"}


class ListItem(ListHead):
    """A list that is kept."""

    written_at: str
    households: int = Field(description="户数 inside the token's region")
    model_name: str
    previous: int | None = Field(description="the list in use before it")
    in_use: bool


class ListsAnswer(BaseModel):
    """The lists that are kept, the latest first."""

    items: list[ListItem]


class ChangedAnswer(ListHead):
    """What a copy of an older list lacks: put `items` in the place of what it has under their ids, and take `removed` out."""

    items: list[Item]
    removed: list[str]
    next_cursor: str | None
    since: int


class CauseWord(BaseModel):
    """A reason."""

    cause: str
    zh: str


class ChangeItem(BaseModel):
    """What became of one household between two lists."""

    household_id: str
    village_code: str
    kind: Literal["new", "left", "moved", "changed"] = Field(description="moved: to another tier; changed: another score in the same tier")
    tier_before: Tier | None
    tier: Tier | None
    causes_new: list[CauseWord] = Field(description="reasons among those that raise the risk most now, and did not before")


class WhyItem(BaseModel):
    """What is not the same in the making of the two lists."""

    why: Literal["date", "data", "model", "policy"]
    zh: str
    before: str
    after: str


class DiffAnswer(BaseModel):
    """The differences between two lists, household by household in the order of their ids."""

    items: list[ChangeItem]
    why: list[WhyItem]
    from_version: int
    to_version: int
    next_cursor: str | None


class SinceQuery(BaseModel):
    """Which changes."""

    model_config = ConfigDict(extra="forbid")

    since: int = Field(ge=1, le=LATEST, description="手头名单的版本号 list_version of the copy that is to be brought up to date")
    region: str | None = Field(None, pattern=REGION_PATTERN, description="区划代码 6, 9 or 12 digits inside the token's region")
    limit: int = Field(200, ge=1, le=500, description="每页户数 changes a page")
    cursor: str | None = Field(None, max_length=LONGEST_CURSOR, description="上一页的 next_cursor of the page before")


class DiffQuery(BaseModel):
    """Which two lists."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    older: int = Field(ge=1, le=LATEST, alias="from", description="较早的名单 version of the earlier list")
    newer: int | None = Field(
        None, ge=1, le=LATEST, alias="to", description="较晚的名单，默认为当前 version of the later list; by default the one in use"
    )
    region: str | None = Field(None, pattern=REGION_PATTERN, description="区划代码 6, 9 or 12 digits inside the token's region")
    kind: Literal["new", "left", "moved", "changed"] | None = Field(None, description="变化类别 only this kind")
    limit: int = Field(200, ge=1, le=500, description="每页户数 changes a page, before `kind` is looked at")
    cursor: str | None = Field(None, max_length=LONGEST_CURSOR, description="上一页的 next_cursor of the page before")


@router.get("/lists", response_model=ListsAnswer, summary="保留的名单 Lists that are kept", responses={304: NOT_MODIFIED})
async def lists(request: Request, service: ServiceDep, caller: ListsCaller) -> Response:
    """What each was made of, and which is in use."""
    in_use = mark_of(request).list_version
    kept = await from_database(service, kept_lists)
    made_of = [name for name in ListItem.model_fields if name not in {"in_use", "households"}]

    def seen(connection: Connection) -> list[int]:
        return [sum(row.households for row in counts(connection, record.list_version, caller.region, "village")) for record in kept]

    items = [
        {name: getattr(record, name) for name in made_of} | {"households": number, "in_use": record.list_version == in_use}
        for record, number in zip(kept, await from_database(service, seen), strict=True)
    ]
    return Json({"items": items}, headers=etags.headers(request))


@router.get("/scores", response_model=ChangedAnswer, summary="增量评分 Scores changed since a list", responses=GONE)
async def scores_since(query: Annotated[SinceQuery, Query()], request: Request, service: ServiceDep, caller: PollingCaller) -> Response:
    """What is new or different in the list in use since an older one, and what is gone; `since` its version it is empty.

    `rank` is the place in the list in use. Who only moved up or down because others came or went is not told: a copy that shows places
    fetches the list anew.
    """
    region = caller.scope(query.region)

    def look(connection: Connection) -> dict[str, Any]:
        newer, after = _place(query.cursor, region, mark_of(request).list_version)
        record = _list(connection, newer, "cursor")
        told, end = changes_between(
            connection, query.since, _between(connection, query.since, newer, "since"), region, limit=query.limit, after=after
        )
        trace.shows(len(told))
        ids = [change.household_id for change in told if change.kind != "left"]
        facts = caller.sees_facts
        rows = households(connection, newer, region, ids, facts=facts) if ids else ()
        return {
            "items": [stored_item(row, record.as_of, record.model_version, facts=facts) for row in rows],
            "removed": [change.household_id for change in told if change.kind == "left"],
            "next_cursor": None if end is None else write_cursor(newer, region, "id", (end,)),
            "since": query.since,
            **list_head(record),
        }

    return Json(await from_database(service, look), headers=etags.headers(request))


@router.get(
    "/lists/diff", response_model=DiffAnswer, summary="两份名单的差别 Differences between two lists", responses={304: NOT_MODIFIED, **GONE}
)
async def diff(query: Annotated[DiffQuery, Query()], request: Request, service: ServiceDep, caller: PollingCaller) -> Response:
    """Which households are new, left, in another tier or otherwise scored, which reasons are new, and what made the difference."""
    region = caller.scope(query.region)

    def look(connection: Connection) -> dict[str, Any]:
        newer, after = _place(query.cursor, region, query.newer or mark_of(request).list_version)
        before, record = _list(connection, query.older, "from"), _list(connection, newer, "to")
        told, end = changes_between(
            connection, query.older, _between(connection, query.older, newer, "from"), region, limit=query.limit, after=after
        )
        trace.shows(len(told))
        return {
            "items": [_item(change) for change in told if query.kind in (None, change.kind)],
            "why": _why(before, record),
            "from_version": query.older,
            "to_version": newer,
            "next_cursor": None if end is None else write_cursor(newer, region, "id", (end,)),
        }

    return Json(await from_database(service, look), headers=etags.headers(request))


def _place(cursor: str | None, region: str, newer: int) -> tuple[int, str]:
    """The later list and where to go on: pages of one answer stay with the list that the first was made from."""
    if cursor is None:
        return newer, ""
    version, place = read_cursor(cursor, region, "id")
    return version, str(place[0])


def _list(connection: Connection, version: int, field: str) -> Row[Any]:
    found = list_of(connection, version)
    if found is None:
        if field == "cursor":
            raise bad_cursor("该名单已不存在 the list it belongs to is gone; start without a cursor")
        raise _not_kept(connection, version, field)
    return found


def _between(connection: Connection, older: int, newer: int, field: str) -> Sequence[int]:
    found = versions_between(connection, older, newer)
    if found is None:
        raise _not_kept(connection, older, field)
    return found


def _not_kept(connection: Connection, version: int, field: str) -> ApiError:
    """Why the differences from a list cannot be told: it is not kept any more (410), or never led to the other one (422)."""
    kept = [record.list_version for record in kept_lists(connection)]
    if not kept:
        return no_list()
    advice = f"{version}: 现有名单 lists that are kept: {kept[-1]}–{kept[0]} (GET /api/v1/lists); "
    error = FieldError(field, advice + "请重新取整份名单 fetch the whole list anew: GET /api/v1/risk-list")
    if version < kept[-1]:
        return ApiError(410, "该名单已不再保留 that list is no longer kept", [error])
    return ApiError(422, "没有从该名单到另一名单的变化记录 no changes lead from that list to the other", [error])


def _item(change: Change) -> dict[str, Any]:
    fresh = change.causes & ~change.causes_before
    return {
        "household_id": change.household_id,
        "village_code": change.village,
        "kind": change.kind,
        "tier_before": change.tier_before,
        "tier": change.tier,
        "causes_new": [{"cause": cause, "zh": zh} for cause, zh in CAUSES.items() if fresh & CAUSE_BITS[cause]],
    }


def _why(before: Row[Any], after: Row[Any]) -> list[dict[str, Any]]:
    differs = [(name, why, getattr(before, name), getattr(after, name)) for name, why in WHY]
    return [{"why": why, "zh": WHY_ZH[why], "before": old, "after": new} for _, why, old, new in differs if old != new]
