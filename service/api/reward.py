"""POST /api/v1/policy/reward: what a county's dated reward pays for something that is done on a day. Nothing is stored."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from features.errors import not_among
from features.policy.packs import packs_of
from features.policy.rewards import reward
from service.api.context import CountsCaller, ServiceDep
from service.api.policy import policy_of
from service.problems import UNUSABLE, ApiError, FieldError, Json
from service.regions import COUNTY_DIGITS, REGION_PATTERN
from service.wire import ERRORS

router = APIRouter(prefix="/api/v1", tags=["policy"], responses=ERRORS)


class RewardBody(BaseModel):
    """What was done, and when."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reward": "building_finished", "date": "2020-06-11", "persons": 3}}
    )

    region: str | None = Field(None, pattern=REGION_PATTERN, description="区划代码 area code; its county's rewards count")
    reward: str = Field(pattern="^[a-z][a-z0-9_]{0,63}$", description="奖补名称 name of the reward, see rewards in GET /api/v1/policy")
    date: dt.date = Field(description="完成日期 the day on which it was done")
    persons: int = Field(1, ge=1, le=30, description="家庭人口 persons of the household; they count where the reward is by the person")
    base: Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)] | None = Field(
        None, description="原奖补（元） yuan due without it, for a reward that raises what is due"
    )


class RewardAnswer(BaseModel):
    """What is paid; one-off money, never a stable income."""

    county: str
    reward: str
    zh: str
    en: str
    unit: str
    date: str
    yuan: float | None = Field(description="null: not evaluable, before the first day that is known, or without the base")
    stable_income: bool = Field(description="always false: one-off money is no stable income")
    reference: str
    grade: str


@router.post("/policy/reward", response_model=RewardAnswer, summary="奖补测算 What a dated reward pays")
async def policy_reward(body: RewardBody, service: ServiceDep, caller: CountsCaller) -> Response:
    """Looks up the step of the day, and caps it as the county does; nothing is stored."""
    county = caller.scope(body.region)[:COUNTY_DIGITS]
    said = packs_of(await policy_of(service, synthetic=False)).at(county).pack.rewards
    if body.reward not in said:
        raise ApiError(422, UNUSABLE, [FieldError("reward", not_among("本县没有此奖补", "the county has no such reward", said))])
    found = said[body.reward]
    return Json(
        {
            "county": county,
            "reward": body.reward,
            "zh": found.zh,
            "en": found.en,
            "unit": found.unit,
            "date": body.date.isoformat(),
            "yuan": reward(found, body.date, persons=body.persons, base=body.base),
            "stable_income": False,
            "reference": found.reference,
            "grade": found.grade,
        }
    )
