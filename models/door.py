"""What to look at and ask at the door, for the reasons that a score gives. Texts stand in `door_checks.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from features.catalog import CAUSES
from models.explain import MOST_CAUSES, Cause

TEXTS = Path(__file__).with_name("door_checks.yaml")


class Check(NamedTuple):
    """One thing to look at or ask, with the risk word that it belongs to."""

    cause: str
    zh: str
    en: str


@cache
def door_checks() -> Mapping[str, tuple[Check, ...]]:
    """All checks by cause word, as the file lists them."""
    said = yaml.safe_load(TEXTS.read_text(encoding="utf-8"))
    return {cause: tuple(Check(cause, line["zh"], line["en"]) for line in said[cause]) for cause in CAUSES}


def verify_at_door(causes: Sequence[Cause], most: int = MOST_CAUSES) -> list[Check]:
    """What to check for the reasons that raise a household's risk most.

    Args:
        causes: reasons as `explain` orders them.
        most: reasons taken; those that lower the risk are passed over.

    Returns:
        checks, those of the first reason first; of income level where no reason raises the risk.
    """
    raising = [reason.cause for reason in causes if reason.contribution > 0][:most] or ["income_level"]
    return [check for cause in raising for check in door_checks()[cause]]
