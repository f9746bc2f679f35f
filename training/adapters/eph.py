"""A real household panel (INDEC's EPH, Argentina) as a register, with the panel's own line and outcome.

The survey asks a household in quarters q, q+1, q+4 and q+5. What it says becomes the register's tables, each row known at the end of its
quarter; what the register has no table for becomes indicators. There is no illness in the survey: those inputs stay missing.

The line is relative: half the national median income per head of the same quarter; the monitoring line is 1.5 times that. The outcome is a
point, not a year: a household at or above the line at t (relative income r ≥ 0.5) that is under it at t + 4 quarters.

Worked example: a household has 3,200 pesos a month for 4 persons in 2007Q1, median 433.33: r = 800 / 433.33 = 1.85, at risk. In
2008Q1 it has 1,000: r = 250 / 566.67 = 0.44, an event. Features see only rows of 2007Q1 and before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from features.build import build
from features.catalog import Feature
from features.policy.registry import NATION, PROMPTS, REACHES, Parameter, Policy, Value
from features.register import Array, BoolArray, FloatArray, Indicator, Register, RegisterInfo
from training.adapters.eph_files import PanelError, Survey, quarter_number, read_survey
from training.adapters.eph_homes import earlier, homes
from training.adapters.eph_people import People, Sheet, people
from training.adapters.eph_register import MONTHS, Interviews, quarter_end, register
from training.dataset import trainable

LINE = 0.5  # of the national median: the survey's usual relative line, and the outcome of every published back-test of this panel
MONITORING = 1.5  # times the line
HORIZON = 4  # quarters from as_of to the outcome
PART_ROWS = 12_000  # household rows of one register part: its indicators are some two million rows


def national_medians(survey: Survey) -> dict[int, float]:
    """Median income per head of each quarter, weighted by the persons that a household stands for; pesos a month."""
    rows = survey.households
    per_head = (rows["ITF"] / rows["IX_TOT"]).to_numpy()
    weight = (rows["PONDERA"].fillna(1.0) * rows["IX_TOT"]).to_numpy()
    out = {}
    for number in np.unique(rows["quarter"]):
        here = (rows["quarter"].to_numpy() == number) & ~np.isnan(per_head) & (weight > 0)
        if not here.any():
            continue  # nobody told an income: nobody of that quarter is at risk
        order = np.argsort(per_head[here], kind="stable")
        reached = np.cumsum(weight[here][order])
        out[int(number)] = float(per_head[here][order][np.searchsorted(reached, reached[-1] / 2)])
    return out


def read_medians(path: Path) -> dict[int, float]:
    """Medians from a CSV file with the columns quarter (2008Q4) and median_income_per_head (pesos a month)."""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError):  # pandas' own errors of parsing are ValueErrors
        raise PanelError(f"{path} 不是 CSV 文件 is no CSV file; expected the columns quarter,median_income_per_head") from None
    if missing := {"quarter", "median_income_per_head"} - set(table.columns):
        raise PanelError(f"{path} 缺少列 lacks the columns {sorted(missing)}")
    medians = pd.to_numeric(table["median_income_per_head"], errors="coerce")
    if (wrong := ~((medians > 0) & (medians < np.inf))).any():
        named = ", ".join(table["quarter"][wrong].astype(str))
        raise PanelError(
            f"{path} 中位数应为正数 these quarters have no median above nought: {named}; 请更正或删除该行 correct or remove the row"
        )
    return {quarter_number(str(q)): float(m) for q, m in zip(table["quarter"], medians, strict=True)}


@dataclass(frozen=True)
class Panel:
    """The survey ready to learn from: one row a household and quarter, sorted by (household, quarter).

    Attributes:
        survey: the files' rows, households sorted.
        medians: national median income per head by quarter.
        relative: (rows,) income per head ÷ median; NaN not known.
        indicators: declarations of `values`.
        values: (rows, indicators) what the register has no table for.
    """

    survey: Survey
    medians: Mapping[int, float]
    relative: FloatArray
    indicators: tuple[Indicator, ...]
    values: FloatArray

    @cached_property
    def household(self) -> Array:
        """(rows,) CODUSU-NRO_HOGAR."""
        return self.survey.households["household"].to_numpy().astype(str)

    @cached_property
    def quarter(self) -> Array:
        """(rows,) quarter numbers."""
        return self.survey.households["quarter"].to_numpy(dtype=np.int64)

    @cached_property
    def code(self) -> Array:
        """(rows,) number of the household."""
        return np.asarray(np.unique(self.household, return_inverse=True)[1])

    @property
    def at_risk(self) -> BoolArray:
        """(rows,) at or above the line."""
        return self.relative >= LINE

    def later(self, quarters: int) -> FloatArray:
        """(rows,) relative income of the same household so many quarters later (before, if negative); NaN where it was not asked."""
        place = shifted(self.code, self.quarter, quarters)
        return np.where(place >= 0, self.relative[place], np.nan)

    @cached_property
    def imputed(self) -> BoolArray:
        """(rows,) some of the income was imputed by the survey."""
        return (self.survey.households["IDIMPH"].fillna(0.0) != 0).to_numpy()

    @cached_property
    def policy(self) -> Policy:
        """The relative lines of every quarter as dated policy values; pesos a person and year."""

        def parameter(name: str, zh: str, factor: float) -> Parameter:
            values = tuple(
                Value(dt.date(number // 4, number % 4 * MONTHS + 1, 1), median * 12 * LINE * factor, "0.5 × national median", "derived")
                for number, median in sorted(self.medians.items())
            )
            return Parameter(name, zh, zh, "pesos/person/year", 0, {NATION: values})

        none = [Parameter(n, n, n, "share", 0, {}) for n in (*PROMPTS, *REACHES)]
        return Policy(
            [parameter("poverty_line", "相对贫困线", 1.0), parameter("monitoring_line", "监测线", MONITORING), *none], "relative-median"
        )

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """What the panel's registers yield and may train."""
        return trainable(RegisterInfo(indicators=self.indicators))

    def matrix(self, wanted: BoolArray, progress: Callable[[float], None] = lambda _: None) -> FloatArray:
        """Features of the wanted rows through registers and `features.build`, nothing later than a row's quarter being known.

        Args:
            wanted: (rows,) which household-quarters.
            progress: called with the share done.

        Returns:
            (wanted rows, features), in the order of the rows and of `features`.
        """
        names = tuple(feature.name for feature in self.features)
        out = np.full((int(wanted.sum()), len(names)), np.nan)
        place = np.cumsum(wanted) - 1
        done = 0
        for part, rows in self.parts(wanted):
            chosen = rows[wanted[rows]]
            for number in np.unique(self.quarter[chosen]):
                here = chosen[self.quarter[chosen] == number]
                frame = build(part, quarter_end(int(number)), self.policy)
                found = np.searchsorted(frame.household_id, self.household[here])
                out[place[here]] = frame.columns(names)[found]
                done += len(here)
                progress(done / max(1, len(out)))
        return out

    def parts(self, wanted: BoolArray) -> Iterator[tuple[Register, Array]]:
        """The register in parts of households first asked at about the same time, each with the rows it holds: memory stays flat.

        Args:
            wanted: rows whose indicators are needed; parts without any are passed over.
        """
        first = np.full(self.code.max() + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, self.code, self.quarter)
        has = np.zeros(len(first), dtype=bool)
        has[self.code[wanted]] = True
        order = np.lexsort((np.arange(len(first)), first))
        order = order[has[order]]
        rows_of = np.bincount(self.code, minlength=len(first))
        number = np.full(len(first), -1)
        number[order] = np.cumsum(rows_of[order]) // PART_ROWS
        for part in range(int(number.max()) + 1):
            rows = np.flatnonzero(number[self.code] == part)
            if len(rows):
                yield self._register(rows, wanted[rows]), rows

    def _register(self, rows: Array, wanted: BoolArray) -> Register:
        inside = np.full(len(self.code), -1)
        inside[rows] = np.arange(len(rows))
        row = inside[self.survey.persons["row"].to_numpy()]
        return register(
            Interviews(
                names=self.household[rows],
                number=self.quarter[rows],
                homes=self.survey.households.iloc[rows],
                persons=self.survey.persons[row >= 0],
                row=row[row >= 0],
                wanted=wanted,
                values=self.values[rows[wanted]],
            ),
            self.indicators,
        )


def shifted(code: Array, quarter: Array, by: int) -> Array:
    """(rows,) where the same household stands `by` quarters later, -1 where it does not; rows sorted by (code, quarter)."""
    span = int(quarter.max() - quarter.min()) + 1 + 2 * abs(by)
    key = code.astype(np.int64) * span + (quarter - quarter.min())
    target = key + by
    place = np.minimum(np.searchsorted(key, target), len(key) - 1)
    same = (key[place] == target) & (code[place] == code)
    return np.where(same, place, -1)


def read_panel(folder: Path, medians: Path | None = None, progress: Callable[[str], None] = lambda _: None) -> Panel:
    """Reads the survey files of a folder.

    Args:
        folder: INDEC's files as published.
        medians: CSV file of national medians; without it, and for quarters that it lacks, they are worked out from the files.
        progress: called with each quarter's name.
    """
    raw = read_survey(folder, progress)
    households = raw.households.sort_values(["household", "quarter"], kind="stable").reset_index(drop=True)
    code = np.unique(households["household"].to_numpy().astype(str), return_inverse=True)[1]
    quarter = households["quarter"].to_numpy(dtype=np.int64)
    keys = pd.MultiIndex.from_arrays([households["household"], quarter])
    place = keys.get_indexer(pd.MultiIndex.from_arrays([raw.persons["household"], raw.persons["quarter"]]))
    persons = raw.persons.assign(row=place).sort_values(["row", "COMPONENTE"], kind="stable").reset_index(drop=True)
    survey = Survey(households, persons)
    known = national_medians(survey) | (read_medians(medians) if medians else {})
    median = np.array([known.get(int(q), np.nan) for q in quarter])
    size = households["IX_TOT"].to_numpy(dtype=np.float64)
    relative = households["ITF"].to_numpy(dtype=np.float64) / size / median
    sheet = Sheet(len(households))
    before = shifted(code, quarter, -1)
    homes(sheet, households, relative, before)
    people(sheet, People(persons, persons["row"].to_numpy(), np.nan_to_num(households["ITF"].to_numpy()), size, median))
    earlier(sheet, before)
    return Panel(survey, known, relative, tuple(sheet.declared), np.stack(sheet.values, axis=1))
