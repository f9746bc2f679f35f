"""A generated county read back: its register, its truth, and what the register tells of who fell."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from features.accounts import SIGNS, income_between
from features.folder import read_info
from features.policy import shipped
from features.policy.judgement import Judgement
from features.read import read_register
from features.register import Register, last_full_month
from features.seen import Seen
from training.synth import preset as presets
from training.synth.generate import SynthError
from training.synth.writer import TRUTH


class Evidence:
    """A generated register and its truth, read as the calibration table needs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info = read_info(folder)
        description = yaml.safe_load((folder / "register.yaml").read_text(encoding="utf-8"))
        if not self.info.synthetic or not (folder / TRUTH).is_dir():
            raise SynthError(f"{folder} 不是合成县目录，缺少真值 is no generated county: its truth is missing")
        self.first, self.last = int(description["from"]), int(description["to"])
        self.count = int(description["households"])
        self.seed = int(description["seed"])
        found = [name for name in presets.available() if presets.load(name).county == self.info.county]
        self.preset = presets.load(found[0])
        self.policy = shipped.load(synthetic=True)
        self._classes: dict[tuple[str, int], pd.Series] = {}

    def table(self, name: str) -> pd.DataFrame:
        """A table of the register or, as truth/…, of the truth."""
        return pd.read_parquet(self.folder / name)

    @cached_property
    def homes(self) -> pd.DataFrame:
        """Status, year of leaving poverty, relocation and weight of each household, as first registered."""
        rows = self.table("households").drop_duplicates("household_id")
        rows["relocated"] = rows["relocated"].fillna(False).astype(bool)
        rows["exited"] = rows["registry_status"].astype(str) == "exited"
        rows["household_id"] = rows["household_id"].astype(str)
        return rows.set_index("household_id")[["exited", "exit_year", "relocated", "weight"]]

    @cached_property
    def years(self) -> pd.DataFrame:
        """The yearly truth with each household's status beside it; households that have ended are left out."""
        rows = self.table(f"{TRUTH}/years")
        rows["household_id"] = rows["household_id"].astype(str)
        rows = rows.join(self.homes, on="household_id")
        alive: pd.DataFrame = rows[rows["persons"] > 0]
        return alive

    def year(self, year: int) -> pd.DataFrame:
        """The yearly truth of one year."""
        return self.years[self.years["year"] == year]

    def register(self) -> Register:
        """The register as training and the service read it; not kept, for several counties do not fit side by side."""
        return read_register(self.folder, None).register

    def classes(self, system: str, year: int) -> pd.Series:
        """What policy calls each household ever registered in a system of classes, by what the register says when a year ends.

        The class's code by household; empty where it cannot be told. Households that have ended are left out.
        """
        if (system, year) not in self._classes:
            register = self.register()
            judgement = Judgement(Seen(register, dt.date(year, 12, 31), self.policy), self.policy)
            living = self.year(year)
            chosen = np.flatnonzero(np.isin(register.household_id, living["household_id"][living["exited"]].to_numpy(dtype=str)))
            found = [judgement.classes(row)[system] for row in chosen.tolist()]
            codes = ["" if rule is None else rule.id for rule in found]
            self._classes[system, year] = pd.Series(codes, index=register.household_id[chosen])
        return self._classes[system, year]

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """What the register itself tells at each year's end: who fell, who stood in the band; one row a household and year."""
        register = self.register()
        until = register.info.known_until
        if until is None:
            raise SynthError(f"{self.folder} does not say until when it is complete")
        later = Seen(register, until, self.policy)
        parts = []
        # the last window must have been reported in time: the third quarter of the last year but one
        for year in range(self.first + 1, self.last):
            as_of = dt.date(year, 9, 30)
            seen = Seen(register, as_of, self.policy)
            first = last_full_month(as_of) + 1
            sums, covered = income_between(later, first, first + 11)
            line, monitoring = seen.lines
            end_line = Seen(register, dt.date(year + 1, 9, 30), self.policy).lines[0]
            now, then = seen.pc_net_income, sums @ SIGNS / later.size
            known = ~np.isnan(now) & ~np.isnan(line) & (covered >= 12)
            with np.errstate(invalid="ignore"):
                parts.append(
                    pd.DataFrame(
                        {
                            "year": year,
                            "below": now < line,
                            "band": (now >= line) & (now < monitoring),
                            "fell": (now >= line) & (then < end_line),
                        }
                    )[known]
                )
        every: pd.DataFrame = pd.concat(parts, ignore_index=True)
        return every

    def plan_lines(self, year: int) -> tuple[float, float]:
        """Poverty and monitoring line of the county at a year's end; NaN is not evaluable."""
        lines = self.policy.lines(dt.date(year, 12, 31), self.info.county)
        return (float("nan") if lines.poverty is None else lines.poverty, float("nan") if lines.monitoring is None else lines.monitoring)

    def falls(self) -> tuple[float, float, float]:
        """Yearly rate of falls, share of households in the band, share of falls that come from it; all years together."""
        rows = self.outcomes
        risk = rows[~rows["below"]]
        return float(risk["fell"].mean()), float(rows["band"].mean()), float(risk["band"][risk["fell"]].mean())
