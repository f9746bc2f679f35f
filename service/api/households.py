"""GET /api/v1/households/{household_id}: one household with its score, why, how it came to it, and, for its visitors, what is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import anyio.to_thread
import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy import Row
from starlette.responses import Response

from features.build import look
from features.errors import UserError
from features.policy.judgement import Judgement
from features.policy.shipped import load
from features.register import Register
from features.tables import INCOME_SOURCES
from models import figures
from models.explain import Cause, Fact
from service import trace
from service.api import etags
from service.api.clues import ClueItem
from service.api.clues import item as clue_item
from service.api.context import Service, ServiceDep, mark_of
from service.api.notes import NoteItem
from service.api.notes import item as note_item
from service.api.visits import STORED_ID, UNKNOWN, HouseholdId, VisitItem
from service.api.visits import item as visit_item
from service.auth import Caller, Right
from service.dossier import dossier
from service.problems import ApiError, Json
from service.ruling import ruling
from service.scoring import reasons, score_register
from service.storage.clue_store import Told, clues_of
from service.storage.household_store import load_household
from service.storage.note_store import demands_of, notes_of
from service.storage.score_store import ListMark, Stored, history, households, list_of
from service.storage.visit_store import visits_of
from service.wire import ERRORS, NOT_MODIFIED, Item, ListHead, State, Tier, list_head, stored_item


def _shown(request: Request, mark: ListMark) -> object:
    """What an answer holds beyond the list: visits, notes, and reasons that only the list's own model can give."""
    bundle = request.app.state.service.bundle.state.bundle
    return mark.last_visit, mark.last_note, None if bundle is None else bundle.version


PollingCaller = Annotated[Caller, etags.polled(Right.LIST, _shown)]
router = APIRouter(prefix="/api/v1", tags=["households"], responses=ERRORS)


class PastScore(BaseModel):
    """The household's score in one of the lists that are kept."""

    list_version: int
    as_of: str
    written_at: str
    state: State
    tier: Tier
    probability: float | None
    interval: list[float] | None
    pc_net_income: float | None
    model_name: str
    model_version: str
    policy_version: str


class HouseholdAnswer(ListHead):
    """One household of the list in use."""

    household: Item
    base_margin: float = Field(description="log-odds of the mean household: with the contributions of all causes it comes to this one's")
    history: list[PastScore] = Field(description="the first list first")
    facts: dict[str, Any] | None = Field(
        description="what is known, as of the list's day; null without the right to facts, or if swept away"
    )
    policy: dict[str, Any] | None = Field(
        description="what the county's rules say: category, triggers, gaps, classes, findings, help, what it should get, gets and lacks "
        "(`entitlements`), each with its tests; by today's rule files"
    )
    clues: list[ClueItem] | None = Field(description="those that are open first; null without the right to facts")
    notes: list[NoteItem] | None = Field(description="on findings and clues, the latest first; null without the right to facts")
    visits: list[VisitItem] | None = Field(description="the newest first; null without the right to facts")
    figures: dict[str, dict[str, Any]] = Field(description="plotly figures by name: history, and where known income and waterfall")


@dataclass(frozen=True, slots=True)
class _Found:
    """What the database holds of a household."""

    record: Row[Any]
    row: Stored
    past: Sequence[Row[Any]]
    clues: Sequence[Told]
    notes: Sequence[Row[Any]]
    demands: Mapping[str, bool]
    visits: Sequence[Row[Any]]
    register: Register | None


@router.get(
    "/households/{household_id}",
    response_model=HouseholdAnswer,
    summary="户详情 One household",
    responses={**UNKNOWN, 304: NOT_MODIFIED},
)
async def household(household_id: HouseholdId, request: Request, service: ServiceDep, caller: PollingCaller) -> Response:
    """Its score and why; with the right to facts also what is known of it, what to check at the door, and the visits."""
    answer = await anyio.to_thread.run_sync(_answer, service, caller, mark_of(request).list_version, household_id)
    trace.shows(1)
    return Json(answer, headers=etags.headers(request))


def _answer(service: Service, caller: Caller, version: int, household_id: str) -> dict[str, Any]:
    found = _find(service, caller, version, household_id)
    record, row = found.record, found.row
    past = [_past(entry, facts=caller.sees_facts) for entry in found.past]
    causes = None if row.causes is None else orjson.loads(row.causes)
    verify = None if row.verify is None else orjson.loads(row.verify)
    if causes is None and found.register is not None:
        causes, verify = _explained(service, record, found.register)
    told = stored_item(row, record.as_of, record.model_version, facts=caller.sees_facts)
    if causes is not None:
        shown = causes if caller.sees_facts else [cause | {"facts": []} for cause in causes]
        told |= {"causes": shown, "explained": True, "verify": verify if caller.sees_facts else []}
        causes = shown
    facts = None
    said = None
    if caller.sees_facts and found.register is not None:
        policy = load(synthetic=record.synthetic, counties=service.settings.policy_dir)
        seen = look(found.register, dt.date.fromisoformat(record.as_of), policy)
        facts = dossier(seen)
        said = ruling(Judgement(seen, policy), 0)
        said["findings"] = [one | {"needs_note": found.demands.get(one["rule"], True)} for one in said["findings"]]
    return {
        "household": told,
        "base_margin": record.base_margin,
        "history": past,
        "facts": facts,
        "policy": said,
        "clues": [clue_item(*told) for told in found.clues] if caller.sees_facts else None,
        "notes": [note_item(entry) for entry in found.notes] if caller.sees_facts else None,
        "visits": [visit_item(entry) for entry in found.visits] if caller.sees_facts else None,
        "figures": _figures(causes, record.base_margin, past, facts),
        **list_head(record),
    }


def _find(service: Service, caller: Caller, version: int, household_id: str) -> _Found:
    """What is stored, all of it as it stood at one moment.

    Raises:
        ApiError: 404; a household elsewhere is as unknown as one that does not exist.
    """
    with service.database.reading() as connection:
        record = list_of(connection, version)
        usable = record is not None and STORED_ID.fullmatch(household_id) is not None
        rows = households(connection, version, caller.region, [household_id], facts=caller.sees_facts) if usable else ()
        if record is None or not rows:
            raise ApiError(404, f"本令牌范围内没有此户 there is no such household in this token's region {caller.region}")
        return _Found(
            record,
            rows[0],
            history(connection, household_id, caller.region),
            clues_of(connection, household_id) if caller.sees_facts else (),
            notes_of(connection, household_id) if caller.sees_facts else (),
            demands_of(connection, household_id) if caller.sees_facts else {},
            (visits_of(connection, version, household_id, caller.region) or ()) if caller.sees_facts else (),
            load_household(connection, household_id, record.import_id),
        )


def _explained(service: Service, record: Row[Any], register: Register) -> tuple[list[Any] | None, list[Any] | None]:
    """Causes and checks of a household in no tier, which the list does not hold; None where its model is no longer in use."""
    try:
        bundle = service.bundle.current()
    except UserError:
        return None, None
    if bundle.version != record.model_version:
        return None, None
    scored = score_register(register, bundle, dt.date.fromisoformat(record.as_of), 1, counties=service.settings.policy_dir)
    if not len(scored.frame):
        return None, None
    told = reasons(scored, scored.frame.position, 1)
    return told["causes"][0], told["verify"][0]


def _past(row: Row[Any], *, facts: bool) -> dict[str, Any]:
    return {
        "list_version": row.list_version,
        "as_of": row.as_of,
        "written_at": row.written_at,
        "state": row.state,
        "tier": row.tier,
        "probability": row.probability,
        "interval": None if row.low is None else [row.low, row.high],
        "pc_net_income": row.pc_net_income if facts else None,
        "model_name": row.model_name,
        "model_version": row.model_version,
        "policy_version": row.policy_version,
    }


def _figures(
    causes: Sequence[Mapping[str, Any]] | None, base_margin: float, past: Sequence[Mapping[str, Any]], facts: Mapping[str, Any] | None
) -> dict[str, figures.Figure]:
    drawn = {"history": figures.history(past)}
    if causes:
        told = [Cause(one["cause"], one["zh"], one["contribution"], tuple(Fact(**fact) for fact in one["facts"])) for one in causes]
        drawn["waterfall"] = figures.waterfall(told, base_margin)
    if facts is not None and facts["income"]["years"]:
        drawn["income"] = figures.income(facts["income"]["years"], dict(INCOME_SOURCES), facts["income"]["persons"])
    return drawn
