"""Visits: what was found at the door is recorded once, corrected in the open, and read back by household or by region.

A visit says nothing of a status: whether a household is monitored is decided by people in a process of its own.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection, Row
from starlette.responses import Response

from features.tables import TABLES
from service import trace
from service.api.context import FactsCaller, ServiceDep, VisitCaller, active_or_503, from_database
from service.api.cursors import ROW_PATTERN
from service.auth import Caller
from service.clock import today
from service.problems import ApiError, FieldError, Json
from service.redaction import redact
from service.regions import REGION_PATTERN
from service.storage.visit_store import Recorded, Visit, place_of, recent, record, visits_of
from service.wire import ERRORS, PROBLEM

UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "No such household in the token's region", **PROBLEM}}

T = TypeVar("T")

router = APIRouter(prefix="/api/v1", tags=["visits"], responses=ERRORS)

FIRST_DAY = dt.date(2014, 1, 1)
LONGEST_NOTE = 2000
STORED_ID = re.compile(r"[0-9A-Za-z._-]{1,64}")
DRAWN = "audit"
SHOWN = (
    "id", "household_id", "visited_on", "revision", "reason", "found", "note", "probability", "list_version", "recorded_at", "recorded_by",
)  # fmt: skip


def _one_of(column: str) -> Any:
    """Text that must be one of the codes of a column of the register's table of visits."""
    codes = TABLES["visits"].column(column).codes

    def check(value: str) -> str:
        if value not in codes:
            raise PydanticCustomError("code", "应为其中之一 must be one of: {codes}", {"codes": ", ".join(codes)})
        return value

    return AfterValidator(check)


def plain(value: str) -> str:
    """Text without characters that nobody sees: a telephone number must not hide behind one."""
    kinds = [unicodedata.category(character) for character in value]
    if any(kind == "Cc" and character not in "\n\r\t" for character, kind in zip(value, kinds, strict=True)):
        raise PydanticCustomError("text", "含有控制字符 holds control characters; write plain text")
    return "".join(character for character, kind in zip(value, kinds, strict=True) if kind != "Cf").strip()


class VisitBody(BaseModel):
    """A visit as it is sent."""

    model_config = ConfigDict(extra="forbid")

    visited_on: str = Field(max_length=10, description="入户日期 YYYY-MM-DD, not after today")
    reason: Annotated[str, _one_of("reason")] = Field(
        description="入户原因 why it was made", json_schema_extra={"enum": list(TABLES["visits"].column("reason").codes)}
    )
    found: Annotated[str, _one_of("found")] = Field(
        description="核实结果 what was found", json_schema_extra={"enum": list(TABLES["visits"].column("found").codes)}
    )
    note: Annotated[str, AfterValidator(plain)] = Field(
        "", max_length=LONGEST_NOTE, description="备注；证件号、电话、账号会被隐去 identity, telephone and account numbers are taken out"
    )
    replaces: int | None = Field(None, ge=1, lt=2**31, strict=True, description="更正第几版 number of the revision that this corrects")
    probability: float | None = Field(
        None, gt=0, le=1, strict=True, description="抽取概率，仅随机抽查 with what probability the household was drawn; audit samples only"
    )


class VisitItem(BaseModel):
    """A recorded visit; of several revisions of one visit the highest counts."""

    id: int
    household_id: str
    village_code: str
    visited_on: str
    revision: int
    reason: str
    found: str | None
    note: str
    probability: float | None = Field(description="with what probability the household was chosen; null where nobody knows")
    list_version: int | None = Field(description="the list in use on the day of a visit made because of a list")
    recorded_at: str
    recorded_by: str


class VisitAnswer(BaseModel):
    """The visit as it is stored now."""

    visit: VisitItem
    warnings: list[str]


class HouseholdVisits(BaseModel):
    """Every revision of every visit to a household, the newest first."""

    items: list[VisitItem]


class VisitsAnswer(BaseModel):
    """A page of visits, what was recorded last first."""

    items: list[VisitItem]
    next_cursor: str | None


HouseholdId = Annotated[str, Path(description="户编号（假名） the household's pseudonym")]


@router.post(
    "/households/{household_id}/visits",
    status_code=201,
    response_model=VisitAnswer,
    summary="记录入户 Record a visit",
    responses={
        **UNKNOWN,
        200: {"model": VisitAnswer, "description": "The same visit was recorded already; nothing was written"},
        409: {"description": "Another content is recorded for that household and day", **PROBLEM},
    },
)
async def post_visit(household_id: HouseholdId, body: VisitBody, service: ServiceDep, caller: VisitCaller) -> Response:
    """Records a visit; sending it again changes nothing, correcting it needs the number of the revision that is wrong."""
    _check(body, today(service.clock))
    note, hidden = redact(body.note)
    visit = Visit(household_id, body.visited_on, body.reason, body.found, note, body.probability)

    def write() -> Recorded:
        with service.database.reading() as connection:
            place = known(connection, household_id, caller, place_of)
        return record(service.database, visit, place, replaces=body.replaces, recorded_by=signature(caller), now=service.clock())

    done = await run_in_threadpool(write)
    if done.outcome == "conflict" or done.row is None:
        raise _conflict(done.row, body)
    trace.shows(1)
    warnings = [f"备注中的 {hidden} 个号码已隐去 {hidden} number(s) that may name a person were taken out of the note"] if hidden else []
    return Json({"visit": item(done.row), "warnings": warnings}, 201 if done.outcome == "written" else 200)


@router.get(
    "/households/{household_id}/visits", response_model=HouseholdVisits, summary="某户的入户记录 Visits to a household", responses=UNKNOWN
)
async def household_visits(household_id: HouseholdId, service: ServiceDep, caller: FactsCaller) -> Response:
    """All visits to a household, with every correction."""
    rows = await from_database(service, lambda connection: known(connection, household_id, caller, visits_of))
    trace.shows(1)
    return Json({"items": [item(row) for row in rows]})


class VisitsQuery(BaseModel):
    """Which visits."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = Field(None, pattern=REGION_PATTERN, description="区划代码 6, 9 or 12 digits inside the token's region")
    since: str | None = Field(None, max_length=10, description="此日起记录的 recorded on this day or later, YYYY-MM-DD")
    limit: int = Field(50, ge=1, le=500, description="每页条数 visits a page")
    cursor: str | None = Field(None, pattern=ROW_PATTERN, description="上一页的 next_cursor of the page before")


@router.get("/visits", response_model=VisitsAnswer, summary="入户记录 Visits of a region")
async def visits(query: Annotated[VisitsQuery, Query()], service: ServiceDep, caller: FactsCaller) -> Response:
    """Visits of a region, what was recorded last first; of a corrected visit its newest revision."""
    region = caller.scope(query.region)
    since = None if query.since is None else _day(query.since)
    if query.since is not None and since is None:
        raise _unusable([FieldError("since", "不是日期 is not a date; write YYYY-MM-DD")])
    before = None if query.cursor is None else int(query.cursor)
    rows = await from_database(service, lambda connection: recent(connection, region, query.limit + 1, since=since, before=before))
    shown = rows[: query.limit]
    trace.shows(len({row.household_id for row in shown}))
    return Json({"items": [item(row) for row in shown], "next_cursor": str(shown[-1].id) if len(rows) > query.limit else None})


def item(row: Row[Any]) -> dict[str, Any]:
    """A stored visit as it goes over the wire."""
    return {name: getattr(row, name) for name in SHOWN} | {"village_code": row.village}


def known(connection: Connection, household_id: str, caller: Caller, look: Callable[[Connection, int, str, str], T | None]) -> T:
    """What `look` finds of a household in the caller's region.

    Raises:
        ApiError: 404; a household elsewhere is as unknown as one that does not exist.
    """
    current = active_or_503(connection)
    found = look(connection, current.list_version, household_id, caller.region) if STORED_ID.fullmatch(household_id) else None
    if found is None:
        raise ApiError(404, f"本令牌范围内没有此户 there is no such household in this token's region {caller.region}")
    return found


def signature(caller: Caller) -> str:
    """Who says so, in records."""
    return f"{caller.name} ({caller.role.value} {caller.region})"


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None


def _check(body: VisitBody, latest: dt.date) -> None:
    """Refuses what cannot be, all of it at once.

    Raises:
        ApiError: 422, by field.
    """
    errors = []
    day = _day(body.visited_on)
    if day is None:
        errors.append(FieldError("visited_on", "入户日期：不是日期，请写成年-月-日 visited on: is not a date; write YYYY-MM-DD"))
    elif not FIRST_DAY <= day <= latest:
        message = f"入户日期：应在 {FIRST_DAY} 与今天之间 visited on: must lie between {FIRST_DAY} and today, {latest}"
        errors.append(FieldError("visited_on", message))
    if body.probability is not None and body.reason != DRAWN:
        errors.append(
            FieldError("probability", f"仅随机抽查（{DRAWN}）有抽取概率 only a drawn sample ({DRAWN}) has one: leave it out otherwise")
        )
    if errors:
        raise _unusable(errors)


def _unusable(errors: Sequence[FieldError]) -> ApiError:
    return ApiError(422, "请求内容无法使用 the request cannot be used", errors)


def _conflict(row: Row[Any] | None, body: VisitBody) -> ApiError:
    """Tells what stands in the way of a visit, whose it is, and how to correct it."""
    if row is None:
        message = f"没有第 {body.replaces} 版可更正，请去掉 replaces there is no revision {body.replaces} of that visit: leave out replaces"
        return ApiError(409, "没有可更正的入户记录 there is nothing to correct", [FieldError("replaces", message)])
    detail = (
        f"该户 {row.visited_on} 的入户已有记录：第 {row.revision} 版，{row.recorded_by} 于 {row.recorded_at} 记录，结果 {row.found} "
        f"a visit on {row.visited_on} is recorded already: revision {row.revision}, by {row.recorded_by} at {row.recorded_at}, "
        f"reason {row.reason}, found {row.found}"
    )
    remedy = f"如需更正，请以 replaces: {row.revision} 重新提交 read it, and to correct it send replaces: {row.revision}"
    return ApiError(409, detail, [FieldError("replaces", remedy)])
