"""What goes over the wire: the shape of one scored household, of the answers around it, and of a household in a request."""

from __future__ import annotations

from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from features.household import SCORED_TABLES
from features.tables import TABLES, Column, Kind
from service.storage.score_store import Stored

State = Literal["scored", "below_line", "insufficient_data"]
Tier = Literal["red", "orange", "yellow", "none"]
Cell = Literal["rule_and_model", "model_only", "rule_only", "neither"]
CellAsked = Literal[Cell, "undetermined"]


class CauseFact(BaseModel):
    """A fact behind a cause."""

    feature: str
    zh: str
    value: float | None
    unit: str
    contribution: float


class CauseItem(BaseModel):
    """One reason, in a national risk word; contributions are in log-odds and add up to the distance from the average household."""

    cause: str
    zh: str
    contribution: float
    facts: list[CauseFact] = Field(description="of the up to three reasons that raise the risk most")


class NotEvaluable(BaseModel):
    """What could not be said of the household, and why."""

    field: str
    zh: str
    reason: str


class MissingField(BaseModel):
    """The missing entry that would say most."""

    field: str
    zh: str


class DoorCheck(BaseModel):
    """What to look at on the visit."""

    cause: str
    zh: str
    en: str


class TriggerItem(BaseModel):
    """A rule of the county that calls for a visit: a clue, never a status."""

    rule: str
    zh: str
    en: str
    department: str = Field(description="whose data it is")
    department_en: str = Field(description="its English name; the Chinese one where none is known")
    risk: str
    period: str = Field(description="a household has one open clue for each risk and period")
    reference: str
    grade: str = Field(description="sourced, derived, memory, synthetic, calibrated, or proposal")


class Ranks(BaseModel):
    """Place in the list, 1 first; null where the household is in no list."""

    village: int | None
    town: int | None
    county: int | None


class Item(BaseModel):
    """One household with its score: a clue for a visit, never a status."""

    household_id: str
    village_code: str
    as_of: str
    state: State
    probability: float | None = Field(description="calibrated; null unless state is scored")
    interval: list[float] | None = Field(description="[low, high] of the probability")
    tier: Tier
    cell: Cell | None = Field(
        description="who calls for a visit: rules, and the tier, which stands for the model. A household under the line already is red by "
        "the line, and no model calls for it. null: no rule calls and one lacks data, or nothing can be scored and no rule calls; "
        "the list finds these as cell=undetermined"
    )
    rank: Ranks
    edge_band_flag: bool | None = Field(description="fact: ordinary household inside the income band; null: see not_evaluable")
    edge_candidate: bool | None
    unstable_candidate: bool | None
    sudden_candidate: bool | None
    triggers: list[TriggerItem] = Field(description="rules that call for a visit, by departments' data; none without the right to facts")
    causes: list[CauseItem]
    explained: bool = Field(description="whether causes were worked out; false below the yellow tier in lists and large requests")
    verify: list[DoorCheck]
    not_evaluable: list[NotEvaluable]
    missing_field: MissingField | None
    pc_net_income: float | None = Field(description="yuan a person and year")
    poverty_line: float | None = Field(description="yuan a person and year")
    monitoring_line: float | None = Field(description="yuan a person and year")
    data_age_days: int | None
    model_version: str


class Listed(Item):
    """One household of a list, and whether somebody was at its door since."""

    visited: bool = Field(description="名单生成后是否已入户 whether it was visited since the day the list was made")


class ListHead(BaseModel):
    """Which list an answer is from, and what that list was made of."""

    list_version: int
    as_of: str
    model_version: str
    policy_version: str
    data_version: str
    synthetic: bool


class RiskListAnswer(ListHead):
    """A page of the list."""

    items: list[Listed]
    next_cursor: str | None


class HouseholdError(BaseModel):
    """One thing that is wrong with one household, or with the request as a whole (index null)."""

    field: str
    message: str
    index: int | None
    household_id: str | None


class ScoresAnswer(BaseModel):
    """The scored households of a request, and what was wrong with the others."""

    items: list[Item]
    errors: list[HouseholdError]
    as_of: str
    model_version: str
    policy_version: str


class VillageTierTold(BaseModel):
    """A tier that a village is in."""

    id: str
    zh: str
    en: str
    reference: str
    grade: str


class VillageTold(BaseModel):
    """How a county's own tiers tell a village: by the share of its households that count."""

    counted: int
    incidence: float = Field(description="share of the village's households")
    tiers: list[VillageTierTold]


class RegionName(BaseModel):
    """What a place is called."""

    zh: str
    en: str


class Counts(BaseModel):
    """How many households of each kind; null is hidden from a screen that anybody may see."""

    region: str
    region_name: RegionName | None = Field(description="what the place is called; null where nobody named it")
    households: int | None
    state: dict[State, int | None]
    tier: dict[Tier, int | None]
    edge_band: int | None
    candidates: dict[Literal["edge", "unstable", "sudden"], int | None]
    cells: dict[str, int | None] = Field(
        description="by who calls for a visit, rules or tier; undetermined: of whom it cannot be told. The five add up to all households"
    )
    village: VillageTold | None = Field(None, description="of a village, where its county has tiers of villages; null for a kiosk")
    causes: dict[str, int | None] = Field(description="a household counts under each of the up to three reasons that raise its risk most")


class MonthCounts(Counts):
    """Counts of the last list of a month."""

    month: str = Field(description="YYYY-MM of the list's as_of")
    list_version: int
    as_of: str


class TierCount(BaseModel):
    """How many households are in a tier."""

    tier: Tier
    zh: str
    households: int | None


class CauseCount(BaseModel):
    """For how many households a reason is among those that raise the risk most."""

    cause: str
    zh: str
    households: int | None


class SummaryAnswer(ListHead):
    """Counts of the list in use, in all and by place, tier, cause or month."""

    total: Counts
    items: list[MonthCounts | Counts | TierCount | CauseCount]
    by: Literal["town", "village", "tier", "cause", "month"]
    hidden_under: int | None = Field(description="counts under this, and those that would give them away, are null; null: all are shown")


class ProblemAnswer(BaseModel):
    """Every error of the service has this shape."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[HouseholdError]


PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}}}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, **PROBLEM}
    for status, words in (
        (401, "Not signed in"),
        (403, "Outside the token's region"),
        (422, "Not usable as it is"),
        (429, "Too many requests"),
        (504, "Not done in time"),
        (503, "Not ready"),
    )
}


NOT_MODIFIED: dict[str, Any] = {"description": "名单未变 Unchanged since the answer that If-None-Match names"}


def list_head(record: Any) -> dict[str, Any]:
    """Which list an answer is from, and what it was made of: the same beside every answer."""
    return {
        "list_version": record.list_version,
        "as_of": record.as_of,
        "model_version": record.model_version,
        "policy_version": record.policy_version,
        "data_version": record.data_version,
        "synthetic": record.synthetic,
    }


def item(
    cells: Any,
    as_of: str,
    model_version: str,
    *,
    facts: bool,
    triggers: Any,
    causes: Any,
    not_evaluable: Any,
    verify: Any,
    missing_field: Any,
) -> dict[str, Any]:
    """One scored household, from a stored row or a fresh score: the one place where the shape is made.

    Args:
        cells: has the columns of the table `scores` as attributes.
        as_of: the day of the score.
        model_version: of the model that made it.
        facts: whether the caller may see more than the score.
        triggers: list of triggers, or None for none.
        causes: list of causes; None where they were not worked out.
        not_evaluable: list, or None for none.
        verify: list, or None for none.
        missing_field: {field, zh} or None.
    """
    return {
        "household_id": cells.household_id,
        "village_code": cells.village,
        "as_of": as_of,
        "state": cells.state,
        "probability": cells.probability,
        "interval": None if cells.low is None else [cells.low, cells.high],
        "tier": cells.tier,
        "cell": cells.cell,
        "rank": {"village": cells.rank_village, "town": cells.rank_town, "county": cells.rank_county},
        "edge_band_flag": cells.edge_band_flag,
        "edge_candidate": cells.edge_candidate,
        "unstable_candidate": cells.unstable_candidate,
        "sudden_candidate": cells.sudden_candidate,
        "triggers": triggers if facts and triggers is not None else [],
        "causes": [] if causes is None else causes,
        "explained": causes is not None,
        "verify": verify if facts and verify is not None else [],
        "not_evaluable": [] if not_evaluable is None else not_evaluable,
        "missing_field": missing_field,
        "pc_net_income": cells.pc_net_income if facts else None,
        "poverty_line": cells.poverty_line,
        "monitoring_line": cells.monitoring_line,
        "data_age_days": cells.data_age_days,
        "model_version": model_version,
    }


def stored_item(row: Stored, as_of: str, model_version: str, *, facts: bool) -> dict[str, Any]:
    """One household of a stored list; its reasons go out as they were written, unread."""
    return item(
        row,
        as_of,
        model_version,
        facts=facts,
        triggers=_fragment(row.triggers),
        causes=_fragment(row.causes),
        not_evaluable=_fragment(row.not_evaluable),
        verify=_fragment(row.verify),
        missing_field=_fragment(row.missing_field),
    )


def _fragment(text: str | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)


def _cell_schema(column: Column) -> dict[str, Any]:
    words = f"{column.zh}. {column.doc}".strip() + (f" ({column.unit})" if column.unit else "")
    kinds: dict[Kind, dict[str, Any]] = {
        Kind.ID: {"type": "string", "minLength": 1, "maxLength": 64},
        Kind.TEXT: {"type": "string", "maxLength": 64},
        Kind.CATEGORY: {"type": "string", "enum": list(column.codes)},
        Kind.FLAG: {"type": "boolean"},
        Kind.NUMBER: {"type": "integer" if column.whole else "number"},
        Kind.DATE: {"type": "string", "format": "date"},
        Kind.MONTH: {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"},
    }
    schema = dict(kinds[column.kind])
    if column.low is not None:
        schema["minimum"] = column.low
    if column.high is not None:
        schema["maximum"] = column.high
    return schema | {"description": words}


def household_schema() -> dict[str, Any]:
    """JSON Schema of one nested household, drawn from the register's own declarations."""
    dated_by_as_of = {"known_on", "valid_from"}
    top: dict[str, Any] = {}
    for column in TABLES["households"].columns:
        top["status" if column.name == "registry_status" else column.name] = _cell_schema(column)
    top["village_code"]["pattern"] = "^[0-9]{12}$"
    for name in SCORED_TABLES:
        columns = [column for column in TABLES[name].columns if column.name != "household_id"]
        required = [column.name for column in columns if column.required and column.name not in dated_by_as_of]
        top[name] = {
            "type": "array",
            "description": f"{TABLES[name].zh}. {TABLES[name].doc}",
            "items": {
                "type": "object",
                "required": required,
                "properties": {column.name: _cell_schema(column) for column in columns},
                "additionalProperties": False,
            },
        }
    return {
        "type": "object",
        "required": ["household_id", "village_code", "status"],
        "properties": top,
        "additionalProperties": False,
    }
