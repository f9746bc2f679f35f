"""Imports: an upload is taken in at once and worked off by a process of its own; how far it is can be asked at any time."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row
from starlette.datastructures import UploadFile
from starlette.responses import Response

from features.errors import UserError
from service.api.context import ImportCaller, Service, ServiceDep, from_database, needs
from service.api.cursors import ROW_PATTERN
from service.auth import Right
from service.clock import stamp
from service.import_jobs import outcome_of, start_worker, steps_of, upload_of
from service.importing import SHORTEST_MEMORY_MONTHS, problems_csv
from service.incoming import is_workbook
from service.problems import UNUSABLE, ApiError, FieldError, Json
from service.storage import job_store
from service.wire import ERRORS

router = APIRouter(prefix="/api/v1", tags=["imports"], responses=ERRORS)

FORM = "multipart/form-data"
FILE = "file"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BODIES = ("application/zip", WORKBOOK, "application/octet-stream")
LARGEST_JOB = 2**31 - 1
MEGABYTE = 1024 * 1024
AGAIN_SECONDS = "60"


class ImportQuery(BaseModel):
    """What to do with an upload."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(False, description="只检查，不写入 say what would change, write nothing")
    mode: Literal["update", "replace"] = Field(
        "update",
        description="update 增补更正 adds and corrects; replace 替换 also drops what the file no longer holds of the token's region",
    )
    score: bool = Field(True, description="导入后重新评分 make a new list afterwards")
    months: int = Field(
        36,
        ge=0,
        le=1200,
        description="只取最近若干个月，0 为全部 months of history before the data's end, at least 12; 0 takes all",
    )


class RowCounts(BaseModel):
    """What an import does to one table, in rows; changed ones are new rows about something known."""

    new: int
    changed: int
    dropped: int
    unchanged: int
    left_out: int
    too_old: int = Field(0, description="早于所取月份，未载入 rows before the months that were asked for")


class ImportJob(BaseModel):
    """An upload and how far it has come."""

    id: int
    file_name: str
    state: Literal["waiting", "running", "done", "failed"]
    step: str
    percent: int
    dry_run: bool
    mode: Literal["update", "replace"]
    score: bool
    region: str
    asked_by: str
    asked_at: str
    ended_at: str | None
    error: str | None = Field(description="失败原因 why it failed")
    notes: list[str]
    changed: bool | None = Field(description="数据是否有变化 whether the files held anything that was not stored; null until that is known")
    households: int | None
    households_new: int | None
    households_dropped: int | None
    rows: int | None
    rows_left_out: int | None
    tables: dict[str, RowCounts]
    import_id: int | None
    list_version: int | None


class Finding(BaseModel):
    """One thing that was wrong with the file."""

    number: int
    table: str
    row: int | None
    column: str | None
    reason: str
    remedy: str


class ImportAnswer(ImportJob):
    """An upload with what was wrong in it."""

    findings_count: int
    findings: list[Finding]
    next_cursor: str | None


class ImportsAnswer(BaseModel):
    """The latest uploads."""

    items: list[ImportJob]
    next_cursor: str | None


_PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}}}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "No such import of the token's region", **_PROBLEM}}
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"description": "Not a form", **_PROBLEM},
    413: {"description": "Too large", **_PROBLEM},
    429: {"description": "Too many requests, or too many uploads that wait", **_PROBLEM},
    415: {"description": "Neither a workbook nor a zip", **_PROBLEM},
    202: {
        "description": "已接收 Taken in; Location says where to ask how far it is",
        "headers": {"Location": {"schema": {"type": "string"}}},
    },
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {"schema": {"type": "object", "properties": {FILE: {"type": "string", "format": "binary"}}, "required": [FILE]}},
            **dict.fromkeys(BODIES, _BINARY),
        },
    }
}


@router.post(
    "/imports", status_code=202, response_model=ImportJob, summary="导入数据 Bring data in", responses=_REFUSED, openapi_extra=_BODY
)
async def bring_in(query: Annotated[ImportQuery, Query()], request: Request, service: ServiceDep, caller: ImportCaller) -> Response:
    """Takes in a filled-in template (.xlsx), or a .zip of CSV or Parquet tables, and says where to ask how far it is."""
    if 0 < query.months < SHORTEST_MEMORY_MONTHS:
        reason = f"应为 0 或至少 {SHORTEST_MEMORY_MONTHS} is 0, or at least {SHORTEST_MEMORY_MONTHS}: fewer are not enough to score"
        raise ApiError(422, UNUSABLE, [FieldError("months", reason)])
    most = service.settings.uploads_waiting
    await from_database(service, lambda connection: _need_room(connection, most))  # before anything of the file is read
    kept = service.settings.uploads_dir / f"arriving-{secrets.token_hex(8)}"
    try:
        name = await _receive(request, kept)
        await run_in_threadpool(_check, kept, name)
        asked = job_store.Asked(
            file_name=name,
            dry_run=query.dry_run,
            mode=query.mode,
            months=query.months or None,
            score=query.score,
            region=caller.region,
            asked_by=caller.name[:64],
        )
        job = await run_in_threadpool(_enqueue, service, asked, kept)
    finally:
        kept.unlink(missing_ok=True)
    await run_in_threadpool(start_worker, service.settings)
    return Json(shown(job), 202, {"Location": f"/api/v1/imports/{job.id}"})


def _need_room(connection: Connection, most: int) -> None:
    """Refuses an upload where too many wait already.

    Raises:
        ApiError: 429, with when to come again.
    """
    if len(job_store.open_jobs(connection, job_store.WAITING)) >= most:
        detail = f"已有 {most} 个上传在等待处理 {most} uploads are waiting already; 请稍后再传 send it again later"
        raise ApiError(429, detail, headers={"Retry-After": AGAIN_SECONDS})


async def _receive(request: Request, kept: Path) -> str:
    """Writes what is sent into a file that only the service may read; returns the name that the sender gave it.

    Raises:
        ApiError: 415, 422: nothing usable is sent.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == FORM:
        async with request.form(max_files=1, max_fields=1) as form:
            sent = form.get(FILE)
            if not isinstance(sent, UploadFile):
                lacking = FieldError(FILE, f"请在表单项 {FILE} 中给出文件 send it as the form's {FILE}")
                raise ApiError(422, "没有文件 no file was sent", [lacking])
            await _keep(_chunks(sent), kept)
            return Path((sent.filename or FILE).replace("\\", "/")).name[-255:] or FILE
    if kind in BODIES:
        await _keep(request.stream(), kept)
        return FILE
    raise ApiError(
        415, f"请上传 .xlsx 或 .zip send {FORM} with an .xlsx or .zip as “{FILE}”, or the file itself as {' or '.join(BODIES[:2])}"
    )


async def _chunks(sent: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await sent.read(MEGABYTE):
        yield chunk


async def _keep(chunks: AsyncIterator[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        async for chunk in chunks:
            out.write(chunk)


def _check(path: Path, name: str) -> None:
    """Refuses at once what can be told at a glance."""
    try:
        is_workbook(path)
    except UserError as error:
        raise ApiError(415, str(error).replace(path.name, name)) from None


def _enqueue(service: Service, asked: job_store.Asked, kept: Path) -> Row[Any]:
    """Puts the upload in the queue: the job is there when its file is."""
    with service.database.writing() as connection:
        _need_room(connection, service.settings.uploads_waiting)  # others may have come in meanwhile
        number = job_store.add_job(connection, asked, stamp(service.clock()), steps_of(score=asked.score and not asked.dry_run))
        kept.rename(upload_of(service.settings, number))
        job = job_store.job_of(connection, number, asked.region)
    if job is None:
        raise RuntimeError("the job that was just written is not there")
    return job


class FindingsQuery(BaseModel):
    """Which part of what was wrong."""

    model_config = ConfigDict(extra="forbid")

    table: str | None = Field(None, max_length=32, description="只看此表 only this table or sheet")
    column: str | None = Field(None, max_length=64, description="只看此列 only this column")
    limit: int = Field(50, ge=1, le=500, description="每页条数 findings a page")
    cursor: str | None = Field(None, pattern=ROW_PATTERN, description="上一页的 next_cursor of the page before")
    format: Literal["json", "csv"] = Field("json", description="csv 为全部问题清单 csv gives all findings as a file")


@router.get(
    "/imports/template",
    response_class=Response,
    summary="空白模板 The empty template",
    responses={200: {"content": {WORKBOOK: _BINARY}, "description": "Excel 模板 the workbook to fill in"}},
    dependencies=[needs(Right.IMPORT)],
)
async def template() -> Response:
    """The workbook to fill in and send, with a sheet for each table, its columns explained and its words to choose from."""
    head = {"Content-Disposition": 'attachment; filename="fangpin-template.xlsx"'}
    return Response(await run_in_threadpool(_template), headers=head, media_type=WORKBOOK)


@cache
def _template() -> bytes:
    from features.template import write_workbook  # loaded by those who ask for a workbook

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.xlsx"
        write_workbook(path)
        return path.read_bytes()


@router.get(
    "/imports/{job_id}",
    response_model=ImportAnswer,
    summary="导入进度与问题 How far an import is, and what was wrong",
    responses={**_UNKNOWN, 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def one_import(job_id: int, query: Annotated[FindingsQuery, Query()], service: ServiceDep, caller: ImportCaller) -> Response:
    """State, step, percent and counts of an upload, and its findings by table, row and column."""
    after, limit = int(query.cursor or 0), query.limit if query.format == "json" else None

    def look(connection: Connection) -> tuple[Row[Any], Sequence[Row[Any]], int]:
        job = job_store.job_of(connection, job_id, caller.region) if 0 < job_id <= LARGEST_JOB else None
        if job is None:
            raise ApiError(404, f"没有此导入 there is no import {job_id} of region {caller.region}; GET /api/v1/imports lists them")
        more = None if limit is None else limit + 1
        return (
            job,
            job_store.findings(connection, job.id, more, after=after, table=query.table, column=query.column),
            job_store.count_findings(connection, job.id),
        )

    job, found, count = await from_database(service, look)
    if limit is None:
        return _csv(found, f"findings-{job.id}.csv")
    listed = [
        {"number": f.number, "table": f.table_name, "row": f.row, "column": f.column_name, "reason": f.reason, "remedy": f.remedy}
        for f in found[:limit]
    ]
    cursor = str(found[limit - 1].number) if len(found) > limit else None
    return Json(shown(job) | {"findings_count": count, "findings": listed, "next_cursor": cursor})


class ImportsQuery(BaseModel):
    """Which uploads."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(20, ge=1, le=100, description="每页条数 imports a page")
    cursor: str | None = Field(None, pattern=ROW_PATTERN, description="上一页的 next_cursor of the page before")


@router.get("/imports", response_model=ImportsAnswer, summary="导入记录 The latest imports")
async def all_imports(query: Annotated[ImportsQuery, Query()], service: ServiceDep, caller: ImportCaller) -> Response:
    """The uploads of the token's region, the latest first."""
    before = None if query.cursor is None else int(query.cursor)
    jobs = await from_database(service, lambda connection: job_store.latest_jobs(connection, caller.region, query.limit + 1, before))
    listed = jobs[: query.limit]
    return Json({"items": [shown(job) for job in listed], "next_cursor": str(listed[-1].id) if len(jobs) > query.limit else None})


def shown(job: Row[Any]) -> dict[str, Any]:
    """A job as it goes over the wire."""
    outcome: Mapping[str, Any] = outcome_of(job)
    plain = ("id", "file_name", "state", "step", "dry_run", "mode", "score", "region", "asked_by", "asked_at", "ended_at")
    counted = ("households", "households_new", "households_dropped", "rows", "rows_left_out")
    return {
        **{name: getattr(job, name) for name in plain},
        "percent": min(100, 100 * job.steps_done // max(job.steps, 1)),
        "error": outcome.get("error"),
        "notes": outcome.get("notes", []),
        "changed": outcome.get("fresh"),
        **{name: outcome.get(name) for name in counted},
        "tables": outcome.get("tables", {}),
        "import_id": job.import_id,
        "list_version": job.list_version,
    }


def _csv(found: Sequence[Row[Any]], name: str) -> Response:
    text = problems_csv([(f.table_name, f.row, f.column_name, f.reason, f.remedy) for f in found])
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=headers)
