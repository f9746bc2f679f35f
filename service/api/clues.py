"""GET /api/v1/clues: what departments' data call for and nobody has answered yet, with the evidence of each.

A clue says nothing of a status: whether a household is monitored is decided by people in a process of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from sqlalchemy import Row
from starlette.responses import Response

from features.policy.names import department
from features.tables import RISKS
from service import trace
from service.api import etags
from service.api.context import ServiceDep, from_database
from service.api.cursors import ROW_PATTERN
from service.auth import Caller, Right
from service.problems import Json
from service.regions import REGION_PATTERN
from service.storage.clue_store import OPEN, State, clue_page
from service.wire import ERRORS, NOT_MODIFIED

PollingCaller = Annotated[Caller, etags.polled(Right.FACTS, lambda _, mark: (mark.last_visit, mark.last_note))]
router = APIRouter(prefix="/api/v1", tags=["clues"], responses=ERRORS)

RISK_ZH = dict(RISKS)


def _risk(value: str) -> str:
    if value not in RISK_ZH:
        raise PydanticCustomError("code", "应为其中之一 must be one of: {codes}", {"codes": ", ".join(RISK_ZH)})
    return value


class FactTold(BaseModel):
    """A fact as it was told: it lies between low and high, which are one where it is known; null: no bound."""

    fact: str
    zh: str
    en: str
    unit: str
    low: float | None
    high: float | None


class EvidenceItem(BaseModel):
    """One push of a department: a rule that held, and on what it rests, in the words of that day."""

    rule: str
    zh: str
    en: str
    department: str = Field(description="whose data it is")
    department_en: str = Field(description="its English name, where one is known")
    reference: str
    grade: str
    facts: list[FactTold]
    occurred_on: str | None = Field(description="the day of what it rests on; null: a state, which has no day")
    amount: float | None = Field(description="what the fact of that day came to at least; null: a state")
    as_of: str = Field(description="day of the list that first said so")
    list_version: int


class ClueItem(BaseModel):
    """A clue: of a household one is open for each risk and period. It opens, gathers evidence, and is answered by a visit."""

    id: int
    household_id: str
    village_code: str
    risk: str
    risk_zh: str
    period: str
    period_from: str | None = Field(description="first day of the period; null: ever")
    opened_on: str = Field(description="day of the list that opened it")
    list_version: int = Field(description="that list")
    state: State
    answered_on: str | None = Field(description="day of the visit that answered it")
    answered_by: int | None = Field(description="id of that visit")
    held_for_note: bool = Field(
        description="the household has a finding without a note: until somebody writes one, no clue of it goes further"
    )
    evidence: list[EvidenceItem] = Field(description="the first first")


class CluesAnswer(BaseModel):
    """A page of clues, the latest first."""

    items: list[ClueItem]
    next_cursor: str | None


class CluesQuery(BaseModel):
    """Which clues."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = Field(None, pattern=REGION_PATTERN, description="区划代码 6, 9 or 12 digits inside the token's region")
    risk: Annotated[str, AfterValidator(_risk)] | None = Field(
        None, description="风险 one risk only", json_schema_extra={"enum": list(RISK_ZH)}
    )
    state: State = Field(OPEN, description="状态 open or answered")
    limit: int = Field(50, ge=1, le=500, description="每页条数 clues a page")
    cursor: str | None = Field(None, pattern=ROW_PATTERN, description="上一页的 next_cursor of the page before")


@router.get("/clues", response_model=CluesAnswer, summary="线索 Clues of a region", responses={304: NOT_MODIFIED})
async def clues(query: Annotated[CluesQuery, Query()], request: Request, service: ServiceDep, caller: PollingCaller) -> Response:
    """Clues of a region, the latest first: those that are open, or those that a visit answered."""
    region = caller.scope(query.region)
    before = None if query.cursor is None else int(query.cursor)
    found = await from_database(
        service, lambda connection: clue_page(connection, region, query.limit + 1, state=query.state, risk=query.risk, before=before)
    )
    shown = found[: query.limit]
    trace.shows(len({clue.household_id for clue, _ in shown}))
    cursor = str(shown[-1][0].id) if len(found) > query.limit else None
    return Json({"items": [item(clue, evidence) for clue, evidence in shown], "next_cursor": cursor}, headers=etags.headers(request))


def item(clue: Row[Any], evidence: Sequence[Row[Any]]) -> dict[str, Any]:
    """A stored clue as it goes over the wire."""
    shown = ("id", "household_id", "risk", "period", "opened_on", "list_version", "state", "answered_on", "answered_by")
    return {name: getattr(clue, name) for name in shown} | {
        "village_code": clue.village,
        "held_for_note": bool(clue.held_for_note),
        "risk_zh": RISK_ZH.get(clue.risk, clue.risk),
        "period_from": None if clue.period == "ever" else clue.period_from,
        "evidence": [_piece(piece) for piece in evidence],
    }


def _piece(piece: Row[Any]) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(piece.told)
    shown = {name: getattr(piece, name) for name in ("occurred_on", "amount", "as_of", "list_version")}
    return told | {"department_en": department(told["department"])} | shown
