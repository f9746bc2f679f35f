"""POST /api/v1/policy/reimbursement: what each layer of insurance pays of a patient's bills, and what remains. Nothing is stored."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from features.errors import PolicyError
from features.policy.bills import Bill, Paid, settled
from service.api.context import CountsCaller, ServiceDep
from service.api.policy import policy_of
from service.problems import ApiError, Json
from service.regions import COUNTY_DIGITS, REGION_PATTERN
from service.wire import ERRORS

router = APIRouter(prefix="/api/v1", tags=["policy"], responses=ERRORS)
MOST_BILLS = 100
Yuan = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]


class BillBody(BaseModel):
    """A stay in hospital."""

    model_config = ConfigDict(extra="forbid")

    date: dt.date
    in_list: Yuan = Field(description="目录内费用 yuan inside the insurer's list")
    outside: Yuan = Field(0.0, description="目录外费用 yuan outside it")


class ReimbursementBody(BaseModel):
    """The bills of one patient."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "group": "registered",
                "bills": [
                    {"date": "2023-03-01", "in_list": 18000, "outside": 2000},
                    {"date": "2023-06-01", "in_list": 9000},
                ],
            }
        },
    )

    region: str | None = Field(None, pattern=REGION_PATTERN, description="区划代码 area code; its county's scheme counts")
    group: str = Field("registered", max_length=32, description="参保类别: registered, ordinary or uninsured")
    bills: list[BillBody] = Field(min_length=1, max_length=MOST_BILLS, description="按日期先后 in the order of their days")


class LayerItem(BaseModel):
    """What one layer of insurance paid."""

    layer: str
    zh: str
    en: str
    paid: float


class SchemeItem(BaseModel):
    """The scheme by which a bill was settled."""

    since: str = Field(alias="from")
    grade: str = Field(description="calibrated: fitted to a report's figures, the report gives no rates")
    reference: str


class BillItem(BaseModel):
    """A bill, settled."""

    date: str
    in_list: float
    outside: float
    layers: list[LayerItem] = Field(description="in the order in which they pay")
    left_in_list: float = Field(description="合规自付 what remains inside the list")
    left: float = Field(description="what remains in all; never negative, never above the bill")
    scheme: SchemeItem


class ReimbursementAnswer(BaseModel):
    """The bills one after another, and all of them together."""

    county: str
    group: str
    bills: list[BillItem]
    cost: float
    paid: float
    left: float
    left_share: float | None = Field(description="share of the cost that remains; null without any cost")


@router.post("/policy/reimbursement", response_model=ReimbursementAnswer, summary="报销测算 What remains of a patient's bills")
async def reimbursement(body: ReimbursementBody, service: ServiceDep, caller: CountsCaller) -> Response:
    """Settles the bills of one patient by the county's scheme, bill after bill through the year; nothing is stored."""
    county = caller.scope(body.region)[:COUNTY_DIGITS]
    bills = [Bill(bill.date, bill.in_list, bill.outside) for bill in body.bills]
    try:
        done = settled(await policy_of(service, synthetic=False), county, body.group, bills)
    except PolicyError as error:
        raise ApiError(422, str(error)) from error
    cost, left = sum(bill.in_list + bill.outside for bill in bills), sum(one.left for one in done)
    return Json(
        {
            "county": county,
            "group": body.group,
            "bills": [_told(one) for one in done],
            "cost": round(cost, 2),
            "paid": round(cost - left, 2),
            "left": round(left, 2),
            "left_share": round(left / cost, 4) if cost else None,
        }
    )


def _told(one: Paid) -> dict[str, Any]:
    return {
        "date": one.bill.date.isoformat(),
        "in_list": one.bill.in_list,
        "outside": one.bill.outside,
        "layers": [
            {"layer": layer.name, "zh": layer.zh, "en": layer.en, "paid": round(one.layers[layer.name], 2)} for layer in one.scheme.layers
        ],
        "left_in_list": round(one.left_in_list, 2),
        "left": round(one.left, 2),
        "scheme": {"from": one.scheme.start.isoformat(), "grade": one.scheme.grade, "reference": one.scheme.reference},
    }
