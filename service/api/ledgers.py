"""GET /api/v1/ledgers: the groups that a county keeps ledgers of, town by town and village by village: how many, and which households.

A household may stand in several ledgers; standing in one is no status. Whoever cannot be told is counted apart and never left out.
"""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Annotated, Any

import anyio.to_thread
import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row
from starlette.responses import Response

from features.build import look
from features.errors import not_among
from features.policy.judgement import Judgement
from features.policy.shipped import load
from features.register import Register
from service import trace
from service.api import etags
from service.api.context import Service, ServiceDep, mark_of, no_list
from service.auth import Caller, Right
from service.problems import UNUSABLE, ApiError, FieldError, Json
from service.regions import COUNTY_DIGITS, REGION_PATTERN
from service.storage.household_store import load_place
from service.storage.score_store import list_of
from service.wire import ERRORS, NOT_MODIFIED, ListHead, list_head

PollingCaller = Annotated[Caller, etags.polled(Right.FACTS)]
router = APIRouter(prefix="/api/v1", tags=["lists"], responses=ERRORS)


class LedgerVillage(BaseModel):
    """A village's part of a ledger."""

    village_code: str
    households: int
    not_evaluable: int


class LedgerItem(BaseModel):
    """A ledger: a group of households that the county watches."""

    ledger: str
    zh: str
    en: str
    reference: str
    grade: str
    households: int = Field(description="in it")
    not_evaluable: int = Field(description="of which it cannot be told whether they belong in it")
    villages: list[LedgerVillage]


class LedgerHousehold(BaseModel):
    """A household of the ledger asked for."""

    household_id: str
    village_code: str
    holds: bool | None = Field(description="true: in it; null: not evaluable, to be looked at")


class LedgersAnswer(ListHead):
    """The ledgers of a town or village, of the list in use."""

    region: str
    ledgers: list[LedgerItem] = Field(description="empty: the county keeps none")
    items: list[LedgerHousehold] = Field(description="with `ledger`: its households, those that are in it first; else empty")


class LedgersQuery(BaseModel):
    """Where, and whose households are to be listed."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = Field(None, pattern=REGION_PATTERN, description="乡镇或行政村代码 a town's 9 or a village's 12 digits")
    ledger: str | None = Field(None, pattern="^[a-z][a-z0-9_]{0,63}$", description="台账 list the households of this ledger")


@router.get("/ledgers", response_model=LedgersAnswer, summary="重点人群台账 Ledgers of a town or village", responses={304: NOT_MODIFIED})
async def ledgers(query: Annotated[LedgersQuery, Query()], request: Request, service: ServiceDep, caller: PollingCaller) -> Response:
    """Counts of every ledger by village and, of one of them, its households; as the register stood for the list in use."""
    region = caller.scope(query.region)
    if len(region) == COUNTY_DIGITS:
        raise ApiError(422, UNUSABLE, [FieldError("region", "请写明乡镇或行政村 name a town (9 digits) or a village (12 digits)")])
    work = partial(_answer, service, mark_of(request).list_version, region, query.ledger)
    answer = await anyio.to_thread.run_sync(work, limiter=service.batches)  # a town is read and judged: large batches take turns
    trace.shows(len(answer["items"]))
    return Json(answer, headers=etags.headers(request))


def _answer(service: Service, version: int, region: str, ledger: str | None) -> dict[str, Any]:
    record, register = _find(service, version, region)
    told: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    if register is not None:
        policy = load(synthetic=record.synthetic, counties=service.settings.policy_dir)
        seen = look(register, dt.date.fromisoformat(record.as_of), policy)
        words = np.array([*register.texts["households", "village_code"], ""], dtype=np.str_)
        codes = words[seen.village]
        for rules, rows, answers in Judgement(seen, policy).tables("cohorts"):
            for rule, answer in zip(rules, answers, strict=True):
                told.append(_ledger(rule, codes[rows], answer))
                if rule.id == ledger:
                    items = _households(register.household_id[rows], codes[rows], answer)
    names = [one["ledger"] for one in told]
    if ledger is not None and ledger not in names:
        raise ApiError(422, UNUSABLE, [FieldError("ledger", not_among("没有此台账", "there is no such ledger", names))])
    return {"region": region, "ledgers": told, "items": items, **list_head(record)}


def _find(service: Service, version: int, region: str) -> tuple[Row[Any], Register | None]:
    with service.database.reading() as connection:
        record = list_of(connection, version)
        if record is None:
            raise no_list()
        return record, load_place(connection, version, region, record.import_id)


def _ledger(rule: Any, codes: Any, answer: Any) -> dict[str, Any]:
    inside, unknown = answer == 1, np.isnan(answer)
    villages = [
        {"village_code": code, "households": int(inside[codes == code].sum()), "not_evaluable": int(unknown[codes == code].sum())}
        for code in np.unique(codes[inside | unknown]).tolist()
    ]
    said = {"ledger": rule.id, "zh": rule.zh, "en": rule.en, "reference": rule.reference, "grade": rule.grade}
    return said | {"households": int(inside.sum()), "not_evaluable": int(unknown.sum()), "villages": villages}


def _households(ids: Any, codes: Any, answer: Any) -> list[dict[str, Any]]:
    found = [
        {"household_id": name, "village_code": code, "holds": None if np.isnan(one) else True}
        for name, code, one in zip(ids.tolist(), codes.tolist(), answer.tolist(), strict=True)
        if one != 0
    ]
    return sorted(found, key=lambda one: (one["holds"] is None, one["village_code"], one["household_id"]))
