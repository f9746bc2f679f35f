"""A list as a table: its columns, with their Chinese headers, and what stands in them. The same for every kind of file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row

from features.policy.names import department
from models.explain import MOST_CAUSES
from models.scorer import STATE_ZH
from models.tiers import TIER_ZH
from service.regions import Regions
from service.storage.tables import UNDETERMINED

Cell = str | float | int | None
CELL_ZH = {
    "rule_and_model": "规则与等级都提示",
    "model_only": "仅等级提示",
    "rule_only": "仅规则提示",
    "neither": "均未提示",
    UNDETERMINED: "不能判断",
}
CANDIDATE_ZH = {"edge": "边缘易致贫", "unstable": "脱贫不稳定", "sudden": "突发严重困难"}
ADVICE = "评分只是入户线索，不是身份认定 A score is a clue for a visit, never a status"


@dataclass(frozen=True, slots=True)
class ListColumn:
    """One column of a list file.

    Attributes:
        width: in characters, for spreadsheets.
        format: how a spreadsheet shows its numbers; "" is text.
        value: the cell, from a row of the list.
        facts: shown to those only who may see the facts of a household.
        paper: printed; the others stand to the right of what is printed, for those who look at the file on a screen.
    """

    zh: str
    en: str
    width: int
    format: str
    value: Callable[[Any], Cell]
    facts: bool = False
    paper: bool = True

    @property
    def header(self) -> str:
        """Chinese, and English beside it."""
        return f"{self.zh} {self.en}"


def _yes(flag: bool | None) -> str:
    return "" if flag is None else "是 yes" if flag else "否 no"


def _candidates(row: Any) -> str:
    return "、".join(zh for kind, zh in CANDIDATE_ZH.items() if getattr(row, f"{kind}_candidate"))


def _cell(row: Any) -> str:
    cell = row.cell or UNDETERMINED
    return f"{CELL_ZH[cell]} {cell}"


def _triggers(row: Any) -> str:
    return "；".join(trigger["zh"] for trigger in orjson.loads(row.triggers or "[]"))


def _departments(row: Any) -> str:
    names = dict.fromkeys(trigger["department"] for trigger in orjson.loads(row.triggers or "[]"))
    return "；".join(" ".join(dict.fromkeys((name, department(name)))) for name in names)


def _causes(row: Any) -> str:
    raising = [cause["zh"] for cause in orjson.loads(row.causes or "[]") if cause["contribution"] > 0]
    return "、".join(raising[:MOST_CAUSES])


def _checks(row: Any) -> str:
    return "；".join(check["zh"] for check in orjson.loads(row.verify or "[]"))


def _missing(row: Any) -> str:
    return "" if row.missing_field is None else str(orjson.loads(row.missing_field)["zh"])


COLUMNS = (
    ListColumn("户编号（假名）", "household_id", 22, "", lambda row: row.household_id),
    ListColumn("行政村代码", "village_code", 14, "", lambda row: row.village),
    ListColumn("预警等级", "tier", 9, "", lambda row: f"{TIER_ZH[row.tier]} {row.tier}"),
    ListColumn("状态", "state", 12, "", lambda row: f"{STATE_ZH[row.state]} {row.state}"),
    ListColumn("概率", "probability", 8, "0.0%", lambda row: row.probability),
    ListColumn("镇内位次", "rank_town", 8, "0", lambda row: row.rank_town),
    ListColumn("村内位次", "rank_village", 8, "0", lambda row: row.rank_village),
    ListColumn("规则与等级", "cell", 13, "", _cell),
    ListColumn("候选类别", "candidates", 12, "", _candidates),
    ListColumn("收入在两线之间", "edge_band_flag", 9, "", lambda row: _yes(row.edge_band_flag)),
    ListColumn("触发的规则", "triggers", 20, "", _triggers, facts=True),
    ListColumn("主要原因", "causes", 16, "", _causes),
    ListColumn("入户核实", "verify", 34, "", _checks, facts=True),
    ListColumn("人均纯收入（元/年）", "pc_net_income", 11, "#,##0", lambda row: row.pc_net_income, facts=True),
    ListColumn("名单后已走访", "visited", 8, "", lambda row: _yes(row.visited)),
    ListColumn("下限", "low", 8, "0.0%", lambda row: row.low, paper=False),
    ListColumn("上限", "high", 8, "0.0%", lambda row: row.high, paper=False),
    ListColumn("县内位次", "rank_county", 8, "0", lambda row: row.rank_county, paper=False),
    ListColumn("规则的数据来源", "departments", 24, "", _departments, facts=True, paper=False),
    ListColumn("最缺的数据", "missing_field", 14, "", _missing, paper=False),
    ListColumn("数据距今天数", "data_age_days", 9, "0", lambda row: row.data_age_days, paper=False),
)
"""All columns of a list; those that are printed come first."""
PLACE = 2  # the name of a place stands beside its code


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list that is to become a file.

    Attributes:
        record: the row of `lists`.
        region: which part of it.
        facts: whether the facts of households may be shown.
        regions: what places are called.
        steps: its rows, some at a time.
    """

    record: Row[Any]
    region: str
    facts: bool
    regions: Regions
    steps: Iterable[Iterable[Any]]

    @property
    def columns(self) -> tuple[ListColumn, ...]:
        """The columns that may be shown."""
        where = ListColumn("乡镇与行政村", "place", 16, "", lambda row: self.regions.called(row.village))
        columns = [column for column in COLUMNS if self.facts or not column.facts]
        return (*columns[:PLACE], *([where] if self.regions.knows_places else []), *columns[PLACE:])

    def rows(self) -> Iterator[list[Cell]]:
        """The cells of each household."""
        values = [column.value for column in self.columns]
        return ([value(row) for value in values] for step in self.steps for row in step)

    @property
    def name(self) -> str:
        """The file's name but for its ending."""
        return f"fangpin-{self.region}-list{self.record.list_version}-{self.record.as_of}"
