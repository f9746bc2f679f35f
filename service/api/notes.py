"""POST /api/v1/households/{household_id}/notes: what somebody has to say on a finding or a clue; written once, never overwritten.

A note says nothing of a status: it lets a household's clues go on that waited for it, and nothing else.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row
from starlette.responses import Response

from service import trace
from service.api.context import ServiceDep, VisitCaller
from service.api.visits import LONGEST_NOTE, UNKNOWN, HouseholdId, known, plain, signature
from service.problems import ApiError, FieldError, Json
from service.redaction import redact
from service.storage.clue_store import clues_of
from service.storage.note_store import Note, add_note, demands_of
from service.storage.visit_store import place_of
from service.wire import ERRORS

router = APIRouter(prefix="/api/v1", tags=["notes"], responses=ERRORS)

SHOWN = ("id", "household_id", "about", "note", "noted_on", "recorded_at", "recorded_by")


class NoteBody(BaseModel):
    """A note as it is sent."""

    model_config = ConfigDict(extra="forbid")

    about: str = Field(
        max_length=64,
        pattern="^(clue:[1-9][0-9]{0,8}|[a-z][a-z0-9_]*)$",
        description="事项 the rule of a finding of this household, or clue: and the number of one of its clues",
    )
    note: Annotated[str, AfterValidator(plain)] = Field(
        min_length=1,
        max_length=LONGEST_NOTE,
        description="说明；证件号、电话、账号会被隐去 identity, telephone and account numbers are taken out",
    )


class NoteItem(BaseModel):
    """A note as it stands."""

    id: int
    household_id: str
    about: str
    note: str
    noted_on: str
    recorded_at: str
    recorded_by: str


class NoteAnswer(BaseModel):
    """The note as it is stored."""

    note: NoteItem
    warnings: list[str]


@router.post(
    "/households/{household_id}/notes",
    status_code=201,
    response_model=NoteAnswer,
    summary="人工说明 Write a note",
    responses={**UNKNOWN, 200: {"model": NoteAnswer, "description": "The same note was written already today; nothing was written"}},
)
async def post_note(household_id: HouseholdId, body: NoteBody, service: ServiceDep, caller: VisitCaller) -> Response:
    """Writes a note on a finding or a clue of a household."""
    text, hidden = redact(body.note)
    if not text:
        raise _unusable("note", "说明不能为空 a note cannot be empty")

    def write() -> tuple[Row[Any], bool]:
        with service.database.reading() as connection:
            known(connection, household_id, caller, place_of)
            _check(connection, household_id, body.about)
        return add_note(service.database, Note(household_id, body.about, text), recorded_by=signature(caller), now=service.clock())

    row, written = await run_in_threadpool(write)
    trace.shows(1)
    warnings = [f"说明中的 {hidden} 个号码已隐去 {hidden} number(s) that may name a person were taken out of the note"] if hidden else []
    return Json({"note": item(row), "warnings": warnings}, 201 if written else 200)


def item(row: Row[Any]) -> dict[str, Any]:
    """A stored note as it goes over the wire."""
    return {name: getattr(row, name) for name in SHOWN}


def _check(connection: Connection, household_id: str, about: str) -> None:
    """Refuses a note on what is not there.

    Raises:
        ApiError: 422.
    """
    there = [*demands_of(connection, household_id), *(f"clue:{clue.id}" for clue, _ in clues_of(connection, household_id))]
    if about not in there:
        raise _unusable("about", f"本户没有此事项 this household has no such finding or clue; it has {', '.join(there) or 'none 无'}")


def _unusable(name: str, message: str) -> ApiError:
    return ApiError(422, "请求内容无法使用 the request cannot be used", [FieldError(name, message)])
