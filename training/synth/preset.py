"""A county's preset: every number that the simulation uses, with where it comes from.

A preset file may extend another; its sections are laid over it entry by entry. An entry is a plain number or list (then the file's `grade`
speaks for it) or a mapping {value, grade, source}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from features.errors import UserError
from features.register import FloatArray

PRESETS = Path(__file__).parent / "presets"
OLDEST = 121


class PresetError(UserError):
    """A preset that is not there, or lacks an entry."""


@dataclass(frozen=True)
class Preset:
    """The numbers of one county, read by "section.entry"."""

    name: str
    content: Mapping[str, Any]

    def get(self, path: str) -> Any:
        """The bare value of an entry."""
        at: Any = self.content
        for part in path.split("."):
            if not isinstance(at, Mapping) or part not in at:
                raise PresetError(f"预设缺少此项 preset {self.name} lacks {path}")
            at = at[part]
        return at["value"] if isinstance(at, Mapping) and "value" in at else at

    def number(self, path: str) -> float:
        """One number."""
        return float(self.get(path))

    def numbers(self, path: str) -> FloatArray:
        """A list of numbers."""
        return np.asarray(self.get(path), dtype=np.float64)

    def by_age(self, path: str) -> FloatArray:
        """A curve given as [[age, value], …], filled in between: one value a year of age, 0 … 120."""
        points = np.asarray(self.get(path), dtype=np.float64)
        return np.asarray(np.interp(np.arange(OLDEST), points[:, 0], points[:, 1]))

    @property
    def county(self) -> str:
        """6-digit area code."""
        return str(self.get("county.code"))


def available() -> list[str]:
    """Names of the counties that have a preset."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml") if path.stem != "rural")


@lru_cache(maxsize=8)
def load(name: str) -> Preset:
    """Reads a county's preset.

    Raises:
        PresetError: there is none of that name.
    """
    if name not in available():
        raise PresetError(f"无此县预设 no county preset named {name!r}; there are {', '.join(available())}")
    return Preset(name, _read(name))


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((PRESETS / f"{name}.yaml").read_text(encoding="utf-8"))
    wider = content.pop("extends", None)
    if wider is None:
        return content
    return _overlay(_read(str(wider)), content)


def _overlay(wide: dict[str, Any], narrow: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(wide)
    for key, value in narrow.items():
        both = isinstance(value, Mapping) and isinstance(out.get(key), dict) and "value" not in value
        out[key] = _overlay(out[key], value) if both else value
    return out
