"""What regions, departments and columns are called, Chinese and English: for whoever reads an answer of policy."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml

from features.catalog import CAUSES_EN
from features.policy.registry import NATION, Policy
from features.tables import RISKS

HERE = Path(__file__).parent
RISK_WORDS = {code: (zh, CAUSES_EN[code]) for code, zh in RISKS}
"""Risk words, Chinese and English."""


def region(code: str, policy: Policy) -> tuple[str, str]:
    """What a region is called: by its own file, else as a province; its code where neither names it."""
    said = None if policy.packs is None else policy.packs.overlays.get(code)
    if said is not None:
        return said.zh, said.en
    words = _provinces().get(code, [code, code])
    return words[0], words[1]


def with_code(code: str, policy: Policy) -> str:
    """The same with the code beside it, on one line: how a source is told."""
    return " ".join(dict.fromkeys((*region(code, policy), *(() if code == NATION else (code,)))))


def department(zh: str) -> str:
    """The English name of a department; its Chinese one where none is known."""
    return _departments().get(zh, zh)


def departments_without_english(names: Iterable[str]) -> list[str]:
    """Those of some departments whose English name is not known, each once; a misspelt one is among them."""
    return [name for name in dict.fromkeys(names) if name not in _departments()]


def column(name: str) -> str:
    """The English name of a column: its own, as words."""
    return name.replace("_", " ")


@cache
def _provinces() -> dict[str, list[str]]:
    found: dict[str, list[str]] = yaml.safe_load((HERE / "provinces.yaml").read_text(encoding="utf-8"))
    return found


@cache
def _departments() -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load((HERE / "departments.yaml").read_text(encoding="utf-8"))
    return found
