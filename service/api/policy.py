"""GET /api/v1/policy and /policy/diff: what policy says in a county on a date, with where it is written, and what changed between two."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from features.policy import reference
from features.policy.registry import Policy
from features.policy.shipped import load
from service.api.context import CountsCaller, Service, ServiceDep, from_database, no_list
from service.problems import UNUSABLE, ApiError, FieldError, Json
from service.regions import COUNTY_DIGITS, REGION_PATTERN
from service.storage.score_store import active
from service.wire import ERRORS

router = APIRouter(prefix="/api/v1", tags=["policy"], responses=ERRORS)

RuleKind = Literal["triggers", "categories", "gaps", "classes", "cohorts", "blockers", "exclusions", "entitlements"]
REGION_WORDS = "区划代码 6, 9 or 12 digits inside the token's region; policy is that of the county"


class ParameterItem(BaseModel):
    """A value of policy on the date; null is not evaluable, and never a pass."""

    name: str
    zh: str
    en: str
    unit: str
    value: float | None
    stated_by: str | None = Field(description="CN, or the code of a province or county: who states it; null: nobody")
    stated_zh: str | None = Field(description="its name")
    stated_en: str | None
    since: str | None = Field(alias="from", description="the day from which it holds")
    reference: str | None
    grade: str | None = Field(description="sourced, derived, memory, synthetic, calibrated, proposal, or none: not found")


class RuleItem(BaseModel):
    """A rule in force, in words."""

    rule: str
    zh: str
    en: str
    population: str = Field(description="all, exited, ordinary or monitored households")
    when_zh: str
    when_en: str
    department: str | None = Field(description="of a trigger or finding: whose data it is")
    department_en: str | None
    risk: str | None
    period: str | None = Field(description="of a trigger: a household has one open clue for each risk and period")
    profile: str | None = Field(description="of a trigger: the set with which a county chooses it")
    system: str | None = Field(description="of a class: the county's system that it is a class of")
    measures: list[str] | None = Field(description="of a gap or class: the help that goes with it")
    aliases: list[str] | None = Field(description="of a category: other names it goes by")
    whom_zh: str | None = Field(description="of an entitlement: which members of the household")
    whom_en: str | None
    received_zh: str | None = Field(description="of an entitlement: by what it is told whether somebody receives it")
    received_en: str | None
    amount_zh: str | None = Field(description="of an entitlement: what one person is owed, by the names of parameters")
    amount_en: str | None
    since: str | None = Field(alias="from")
    until: str | None = Field(description="the first day on which it no longer holds")
    reference: str
    grade: str


class RegionItem(BaseModel):
    """A region that has a file of its own."""

    region: str
    zh: str
    en: str


class GroupItem(BaseModel):
    """A county's own word for some kinds of help."""

    zh: str
    en: str
    reference: str
    grade: str


class AnswerItem(BaseModel):
    """Kinds of help of which one at least is due."""

    any: list[str]
    afterwards: list[str] = Field(description="kinds that answer it no less where the risk is to be eliminated")
    reference: str
    grade: str


class MeasureItem(BaseModel):
    """A kind of help."""

    name: str
    zh: str
    en: str
    developmental: bool = Field(description="lets people earn; else it secures")
    reference: str
    grade: str
    batches: list[GroupItem] = Field(description="other names it goes by in the county")
    window: GroupItem | None = Field(description="the county's service window that gives it")


class StepItem(BaseModel):
    """A stretch of days of a reward."""

    until: str = Field(description="the first day on which it no longer holds")
    amount: float | None = Field(description="yuan that are paid")
    uplift: float | None = Field(description="share by which what is due anyway is raised")
    cap: float | None = Field(description="yuan that are paid at most on these days; null: as on other days")


class RewardItem(BaseModel):
    """One-off money that depends on the day on which something is done; no income."""

    name: str
    zh: str
    en: str
    unit: str
    since: str | None = Field(alias="from")
    steps: list[StepItem]
    cap: float | None
    reference: str
    grade: str


class UndefinedItem(BaseModel):
    """What a county's report names and does not define."""

    name: str
    zh: str
    en: str
    reference: str
    content: list[str] = Field(description="what a county wrote it means; empty: not defined")
    said: str | None = Field(description="that it is not defined by this county; null once it is")


class VillageTierItem(BaseModel):
    """A tier of villages."""

    id: str
    zh: str
    en: str
    share: str = Field(description="bounds of the share, in per cent")
    reference: str
    grade: str


class VillagesItem(BaseModel):
    """How a county tells its villages apart."""

    incidence: str = Field(description="the fact by which a household counts")
    zh: str
    en: str
    reference: str
    grade: str
    tiers: list[VillageTierItem]


class SectionItem(BaseModel):
    """A section of what a county verifies of every household."""

    section: str
    zh: str
    en: str
    columns: list[str] = Field(description="of the register, as table.column; empty: held by no table")


class VerificationItem(BaseModel):
    """What a county verifies of every household."""

    zh: str
    en: str
    reference: str
    grade: str
    sections: list[SectionItem]


class CheckItem(BaseModel):
    """Two values of which the county says that the one is not under the other."""

    id: str
    zh: str
    en: str
    parameter: str
    at_least: str
    value: float | None = Field(description="of the one")
    bound: float | None = Field(description="of the other")
    holds: bool | None = Field(description="null: either is not in force")
    reference: str
    grade: str


class TermsItem(BaseModel):
    """What one layer of insurance grants one group of insured people."""

    deductible: float = Field(description="yuan that the patient bears first, of the part inside the list")
    rate: float = Field(description="share paid of the part inside the list")
    outside_rate: float = Field(description="share paid of the part outside it")
    cap: float = Field(description="yuan paid at most in a year")


class SchemeLayerItem(BaseModel):
    """One insurance, and what it grants."""

    name: str
    zh: str
    en: str
    yearly_deductible: bool = Field(description="taken once a year, else of every bill")
    groups: dict[str, TermsItem]


class InsuranceItem(BaseModel):
    """How insurances pay a hospital bill, layer after layer."""

    stated_by: str = Field(description="CN, a province or a county: who states it")
    zh: str
    en: str
    since: str = Field(alias="from")
    until: str | None = Field(description="the first day on which it no longer holds")
    outpatient_rate: dict[str, float] = Field(description="share paid of small outpatient bills, by group")
    layers: list[SchemeLayerItem] = Field(description="in the order in which they pay")
    reference: str
    grade: str


class InsuranceChange(BaseModel):
    """A scheme that is not the same on the two dates."""

    before: InsuranceItem | None
    after: InsuranceItem | None


class PolicyAnswer(BaseModel):
    """What policy says in a county on a date."""

    date: str
    region: str
    names: list[RegionItem] = Field(description="whose files count, the widest region first")
    profiles: list[str] = Field(description="the sets of triggers in use")
    parameters: list[ParameterItem]
    checks: list[CheckItem] = Field(description="what the county says of values, held against them")
    rules: dict[RuleKind, list[RuleItem]]
    measures: list[MeasureItem]
    answers: dict[str, AnswerItem] = Field(description="to each risk the kinds of help of which one at least is due")
    able: AnswerItem | None = Field(description="the same for a household that can work, where nothing else lets it earn")
    unable: AnswerItem | None = Field(description="the same for one that cannot, where nothing else is called for")
    rewards: list[RewardItem] = Field(description="one-off money with dated steps; never a stable income")
    villages: VillagesItem | None = Field(description="tiers of villages; null: the county has none")
    verification: VerificationItem | None = Field(description="what is verified of every household; null: the county does not say")
    scheme: InsuranceItem | None = Field(description="how insurances pay a hospital bill; null: nobody says")
    undefined: list[UndefinedItem]
    policy_version: str
    synthetic: bool = Field(description="with the made-up lines of synthetic registers")


class ParameterChange(BaseModel):
    """A value that is not the same on the two dates."""

    name: str
    zh: str
    before: ParameterItem
    after: ParameterItem


class PolicyDiffAnswer(BaseModel):
    """What changed between two dates."""

    start: str = Field(alias="from")
    to: str
    region: str
    parameters: list[ParameterChange]
    scheme: InsuranceChange | None = Field(description="null: how bills are paid is the same on both")
    began: dict[RuleKind, list[RuleItem]]
    ended: dict[RuleKind, list[RuleItem]]
    policy_version: str
    synthetic: bool


class PolicyQuery(BaseModel):
    """Where and when."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = Field(None, pattern=REGION_PATTERN, description=REGION_WORDS)
    date: dt.date | None = Field(None, description="日期 YYYY-MM-DD; by default the as_of of the list in use")


class PolicyDiffQuery(BaseModel):
    """Where, and between which dates."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = Field(None, pattern=REGION_PATTERN, description=REGION_WORDS)
    since: dt.date = Field(alias="from", description="较早日期 the earlier day, YYYY-MM-DD")
    to: dt.date | None = Field(None, description="较晚日期 the later day; by default the as_of of the list in use")


@router.get("/policy", response_model=PolicyAnswer, summary="现行政策 Policy in force")
async def policy(query: Annotated[PolicyQuery, Query()], service: ServiceDep, caller: CountsCaller) -> Response:
    """Every value with its source, every rule in words by kind, the sets of triggers in use, and what is named but not defined."""
    county = caller.scope(query.region)[:COUNTY_DIGITS]
    date, synthetic = await _meant(service, query.date)
    return await _told(service, lambda shipped: reference.in_force(shipped, date, county), synthetic=synthetic)


@router.get("/policy/diff", response_model=PolicyDiffAnswer, summary="政策变化 What changed in policy")
async def policy_diff(query: Annotated[PolicyDiffQuery, Query()], service: ServiceDep, caller: CountsCaller) -> Response:
    """Values that are not the same on two dates, rules that began and rules that ended."""
    county = caller.scope(query.region)[:COUNTY_DIGITS]
    date, synthetic = await _meant(service, query.to)
    if query.since > date:
        raise ApiError(422, UNUSABLE, [FieldError("from", f"较早日期须不晚于较晚日期 must not come after the later day, {date}")])
    return await _told(service, lambda shipped: reference.difference(shipped, query.since, date, county), synthetic=synthetic)


async def _meant(service: ServiceDep, date: dt.date | None) -> tuple[dt.date, bool]:
    """The date asked for, else that of the list in use; and whether that list is of a synthetic register."""
    current = await from_database(service, active)
    if current is None:
        if date is None:
            raise no_list()
        return date, False
    return date or dt.date.fromisoformat(current.as_of), bool(current.synthetic)


async def policy_of(service: Service, *, synthetic: bool) -> Policy:
    """The policy that the service goes by; the files may have to be read first."""
    return await anyio.to_thread.run_sync(lambda: load(synthetic=synthetic, counties=service.settings.policy_dir))


async def _told(service: Service, look: Any, *, synthetic: bool) -> Response:
    shipped = await policy_of(service, synthetic=synthetic)

    def work() -> dict[str, Any]:
        return {**look(shipped), "policy_version": shipped.version, "synthetic": synthetic}

    return Json(await anyio.to_thread.run_sync(work))
