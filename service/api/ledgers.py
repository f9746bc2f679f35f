"""GET /api/v1/ledgers: the groups that a county keeps ledgers of, town by town and village by village: how many, and which households.

A household may stand in several ledgers; standing in one is no status. Whoever cannot be told is counted apart and never left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import anyio.to_thread
import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row
from starlette.responses import Response

from features.build import look
from features.errors import not_among
from features.policy.judgement import Judgement
from features.policy.packs import packs_of
from features.policy.registry import Policy
from features.policy.shipped import load
from service import trace
from service.api import etags
from service.api.context import Service, ServiceDep, from_database, mark_of, no_list
from service.auth import Caller, Right
from service.problems import UNUSABLE, ApiError, FieldError, Json
from service.regions import COUNTY_DIGITS, REGION_PATTERN
from service.storage.codebook import readable
from service.storage.household_store import load_place
from service.storage.ledger_store import Counted, ledger_counts
from service.storage.register_store import import_of
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
    """The ledgers of a region, of the list in use."""

    region: str
    ledgers: list[LedgerItem] = Field(description="empty: the county keeps none")
    items: list[LedgerHousehold] = Field(description="with `ledger`: its households, those that are in it first; else empty")


class LedgersQuery(BaseModel):
    """Where, and whose households are to be listed."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = Field(
        None, pattern=REGION_PATTERN, description="区划代码 6, 9 or 12 digits inside the token's region; with `ledger` a town or village"
    )
    ledger: str | None = Field(None, pattern="^[a-z][a-z0-9_]{0,63}$", description="台账 list the households of this ledger")


@router.get("/ledgers", response_model=LedgersAnswer, summary="重点人群台账 Ledgers of a region", responses={304: NOT_MODIFIED})
async def ledgers(query: Annotated[LedgersQuery, Query()], request: Request, service: ServiceDep, caller: PollingCaller) -> Response:
    """Counts of every ledger by village and, of one of them in a town or village, its households; as they stood for the list in use."""
    region = caller.scope(query.region)
    if query.ledger is not None and len(region) == COUNTY_DIGITS:
        raise ApiError(422, UNUSABLE, [FieldError("region", "请写明乡镇或行政村 name a town (9 digits) or a village (12 digits)")])
    version = mark_of(request).list_version

    def look_up(connection: Connection) -> tuple[Row[Any] | None, Counted | None]:
        return list_of(connection, version), ledger_counts(connection, version, region)

    record, counted = await from_database(service, look_up)
    if record is None:
        raise no_list()
    policy = load(synthetic=record.synthetic, counties=service.settings.policy_dir)
    if counted is None or record.policy_version != policy.version:  # its counts would stand beside rules that others were counted by
        raise ApiError(
            503,
            "名单生成于台账计数或政策文件改动之前 this list was made before ledgers were counted, or before the policy files changed",
            [FieldError("list", "请重新评分 make a new list: python -m service score")],
        )
    rules = packs_of(policy).at(region).rules("cohorts", dt.date.fromisoformat(record.as_of))
    told = [_ledger(rule, counted) for rule in rules]
    items: list[dict[str, Any]] = []
    check_ledger(query.ledger, [one["ledger"] for one in told])
    if query.ledger is not None:
        work = partial(_households, service, policy, version, region, query.ledger)
        items = await anyio.to_thread.run_sync(work, limiter=service.batches)  # a town is read and judged: large batches take turns
    trace.shows(len(items))
    return Json({"region": region, "ledgers": told, "items": items, **list_head(record)}, headers=etags.headers(request))


def check_ledger(name: str | None, names: Sequence[str]) -> None:
    """Refuses a ledger that the county does not keep.

    Raises:
        ApiError: 422, with those that it keeps.
    """
    if name is not None and name not in names:
        raise ApiError(422, UNUSABLE, [FieldError("ledger", not_among("没有此台账", "there is no such ledger", names))])


def _ledger(rule: Any, counted: Counted) -> dict[str, Any]:
    """A ledger with its counts, village by village where there are any."""
    villages: list[dict[str, Any]] = [
        {"village_code": code, "households": found[rule.id][0], "not_evaluable": found[rule.id][1]}
        for code, found in counted.items()
        if rule.id in found and any(found[rule.id])
    ]
    said = {"ledger": rule.id, "zh": rule.zh, "en": rule.en, "reference": rule.reference, "grade": rule.grade}
    return said | {name: sum(one[name] for one in villages) for name in ("households", "not_evaluable")} | {"villages": villages}


def _households(service: Service, policy: Policy, version: int, region: str, ledger: str) -> list[dict[str, Any]]:
    """The households of a ledger in a town or village, those that are in it first."""
    with service.database.reading() as connection:
        record = list_of(connection, version)
        register = None if record is None else load_place(connection, version, region, record.import_id)
        written = None if record is None else import_of(connection, record.import_id)
    if written is not None and not readable(written.meanings):
        again = "请重新导入并评分 import it again: python -m service import DIR --mode replace, then python -m service score"
        raise ApiError(
            503, "登记册由另一版本写成 the register was written by another version of this programme", [FieldError("list", again)]
        )
    if record is None or register is None:
        return []
    seen = look(register, dt.date.fromisoformat(record.as_of), policy)
    codes = np.array([*register.texts["households", "village_code"], ""], dtype=np.str_)[seen.village]
    found = [
        {"household_id": name, "village_code": code, "holds": None if np.isnan(one) else True}
        for rules, rows, answers in Judgement(seen, policy).tables("cohorts")
        for rule, answer in zip(rules, answers, strict=True)
        if rule.id == ledger
        for name, code, one in zip(register.household_id[rows].tolist(), codes[rows].tolist(), answer.tolist(), strict=True)
        if one != 0
    ]
    return sorted(found, key=lambda one: (one["holds"] is None, one["village_code"], one["household_id"]))
