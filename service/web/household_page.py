"""One household for those who go to its door: why it is on the list, what is known, what to check, and what was found there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from features.tables import TABLES
from service.api.context import FactsCaller, Service, ServiceDep, VisitCaller
from service.api.households import household
from service.api.notes import NoteBody, post_note
from service.api.visits import HouseholdId, VisitBody, post_visit
from service.auth import Caller, Right
from service.clock import today
from service.problems import ApiError
from service.web.pages import checked, render, told

router = APIRouter(include_in_schema=False)

SEE_OTHER = 303
MOST_EVENTS = 40
VISITS = TABLES["visits"]
LONGEST_FIELD = 3000
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


Typed = Annotated[str, Field(max_length=LONGEST_FIELD)]


class VisitForm(BaseModel):
    """A visit as it is typed; what of it can be recorded the API's own model decides."""

    visited_on: Typed = ""
    reason: Typed = "list"
    found: Typed = ""
    note: Typed = ""
    replaces: Typed = ""


class NoteForm(BaseModel):
    """A note as it is typed; what of it can be kept the API's own model decides."""

    about: Typed = ""
    note: Typed = ""


@router.get("/households/{household_id}")
async def household_page(household_id: HouseholdId, request: Request, service: ServiceDep, caller: FactsCaller) -> Response:
    """Everything about one household, on one page."""
    return await _page(household_id, request, service, caller)


@router.post("/households/{household_id}/visits")
async def record_visit(
    household_id: HouseholdId,
    request: Request,
    service: ServiceDep,
    caller: VisitCaller,
    form: Annotated[VisitForm, Form()],
) -> Response:
    """Records what was found; what cannot be recorded is told beside the form, with everything that was typed."""
    typed = form.model_dump()
    given: dict[str, Any] = {name: value for name, value in typed.items() if value}
    if form.replaces.isdigit():
        given["replaces"] = int(form.replaces)
    try:
        done = told(await post_visit(household_id, checked(VisitBody, given), service, caller))
    except ApiError as error:
        return await _page(household_id, request, service, caller, refused=error, typed=typed)
    mask = "&hidden=1" if done["warnings"] else ""
    return RedirectResponse(f"/households/{household_id}?recorded={done['visit']['visited_on']}{mask}#visits", SEE_OTHER)


@router.post("/households/{household_id}/notes")
async def write_note(
    household_id: HouseholdId,
    request: Request,
    service: ServiceDep,
    caller: VisitCaller,
    form: Annotated[NoteForm, Form()],
) -> Response:
    """Keeps what somebody has to say on a finding; what cannot be kept is told beside the form."""
    typed = form.model_dump()
    try:
        done = told(await post_note(household_id, checked(NoteBody, typed), service, caller))
    except ApiError as error:
        return await _page(household_id, request, service, caller, note_refused=error, typed_note=typed)
    mask = "&hidden=1" if done["warnings"] else ""
    return RedirectResponse(f"/households/{household_id}?noted=1{mask}#findings", SEE_OTHER)


async def _page(
    household_id: str,
    request: Request,
    service: Service,
    caller: Caller,
    *,
    refused: ApiError | None = None,
    typed: Mapping[str, str] | None = None,
    note_refused: ApiError | None = None,
    typed_note: Mapping[str, str] | None = None,
) -> Response:
    page = told(await household(household_id, request, service, caller))
    facts = page["facts"]
    wrong = refused or note_refused
    return render(
        request,
        "household.html",
        wrong.status if wrong else 200,
        made=page,
        synthetic=page["synthetic"],
        item=page["household"],
        facts=facts,
        rules=page["policy"],
        time_line=facts["time_line"][:MOST_EVENTS] if facts else [],
        clues=page["clues"] or [],
        visits=page["visits"] or [],
        figures=page["figures"],
        may_visit=caller.may(Right.VISIT),
        reasons=VISITS.column("reason").values,
        outcomes=VISITS.column("found").values,
        reason_words=dict(VISITS.column("reason").values),
        outcome_words=dict(VISITS.column("found").values),
        recorded=request.query_params.get("recorded") if DAY.fullmatch(request.query_params.get("recorded", "")) else None,
        masked="hidden" in request.query_params,
        latest=today(service.clock).isoformat(),
        typed=typed or VisitForm(visited_on=today(service.clock).isoformat()).model_dump(),
        refused=refused,
        notes=page["notes"] or [],
        noted="noted" in request.query_params,
        typed_note=typed_note or NoteForm().model_dump(),
        note_refused=note_refused,
        column=column,
    )


def column(table: str, name: str) -> tuple[str, str, str]:
    """What a column of the register is called: Chinese, English, unit."""
    declared = TABLES[table].column(name)
    return declared.zh, name.replace("_", " "), declared.unit
