"""What a feature is, and the catalogue of all of them, theme by theme.

A theme is one function that looks at a register as seen on a date and returns its features, all households at once.
What it declares is the whole of what is known about each feature: the model's monotone directions, the cause words of
the reasons, the leak guard and the data dictionary are all read from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from features.register import Array

if TYPE_CHECKING:
    from features.seen import Seen

# 收入水平 is no national risk word, but often the honest reason; the rest are (national column 致贫/返贫风险).
CAUSES: dict[str, str] = {
    "income_level": "收入水平",
    "illness": "因病",
    "disability": "因残",
    "schooling": "因学",
    "disaster": "因自然灾害",
    "accident": "因意外事故",
    "industry_failure": "因产业项目失败",
    "unstable_job": "因务工就业不稳",
    "no_labour": "缺劳动力",
    "housing": "因安全住房",
    "water": "因安全饮水",
    "other": "其他",
}
CAUSES_EN: dict[str, str] = {
    "income_level": "income level",
    "illness": "illness",
    "disability": "disability",
    "schooling": "schooling",
    "disaster": "natural disaster",
    "accident": "accident",
    "industry_failure": "failed venture",
    "unstable_job": "unstable work",
    "no_labour": "lack of labour",
    "housing": "housing safety",
    "water": "drinking water",
    "other": "other",
}

UNITS: dict[str, tuple[str, str]] = {
    "yuan": ("元", "yuan"),
    "yuan/month": ("元/月", "yuan/month"),
    "yuan/year": ("元/年", "yuan/year"),
    "yuan/person/year": ("元/人年", "yuan/person/year"),
    "yuan/person/month": ("元/人月", "yuan/person/month"),
    "yuan/person": ("元/人", "yuan/person"),
    "yuan/household": ("元/户", "yuan/household"),
    "persons": ("人", "persons"),
    "months": ("个月", "months"),
    "years": ("年", "years"),
    "year": ("年", "year"),
    "days": ("天", "days"),
    "share": ("（占比）", "(share)"),
    "ratio": ("倍", "times"),
    "events": ("次", "events"),
    "bills": ("张", "bills"),
    "spells": ("段", "spells"),
    "measures": ("项", "measures"),
    "findings": ("项", "findings"),
    "visits": ("次", "visits"),
    "sources": ("项", "sources"),
    "level": ("级", "level"),
    "km": ("公里", "km"),
    "mu": ("亩", "mu"),
    "mu/person": ("亩/人", "mu/person"),
    "m2": ("平方米", "m²"),
    "m2/person": ("平方米/人", "m²/person"),
    "flag": ("（1 为是）", "(1 is yes)"),
}
"""How amounts are written, Chinese and English, by unit; a unit that is not here is written as it is."""


class Leak(StrEnum):
    """Whether a feature may train."""

    SAFE = "safe"
    STATUS_PROXY = "status_proxy"  # made by the monitoring process itself
    OUTCOME = "outcome"  # part of what is predicted
    PROTECTED = "protected"  # must not weigh on anybody


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the model.

    Attributes:
        name: identifier, `theme`-free and stable.
        zh: what staff read.
        unit: yuan, share, persons, months …
        direction: +1 more is riskier, -1 more is safer, 0 either way.
        cause: key of `CAUSES`, the word it speaks for in the reasons.
        leak: only `safe` features train.
        per: what the feature is a part of: a name among the theme's values or `Seen.wholes`; "" for none. Where that
            is not positive or not known, the feature is not evaluable.
        cap: the feature is held within ±cap; 0 for a ratio is `features.ratios.CAP`, for anything else none.
    """

    name: str
    zh: str
    unit: str
    direction: int
    cause: str
    leak: Leak = Leak.SAFE
    theme: str = ""
    categorical: bool = False
    per: str = ""
    cap: float = 0.0

    def __post_init__(self) -> None:
        if self.categorical and self.direction:
            raise ValueError(f"{self.name}: a categorical feature has no direction; LightGBM would abort the process")
        if self.cause not in CAUSES:
            raise ValueError(f"{self.name}: {self.cause!r} is no cause; causes are {', '.join(CAUSES)}")
        if self.direction not in (-1, 0, 1):
            raise ValueError(f"{self.name}: direction is -1, 0 or +1")


Values = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Theme:
    """One file of features: its name, what it declares, and the function that computes them."""

    name: str
    zh: str
    features: tuple[Feature, ...]
    compute: Callable[[Seen], Values]


def theme(name: str, zh: str, *features: Feature) -> Callable[[Callable[[Seen], Values]], Theme]:
    """Declares a function as a theme: it returns every declared feature, (n,), NaN where not evaluable.

    Of a feature that is declared `per` something it returns the part, and the whole beside it under its name.
    """
    declared = tuple(replace(feature, theme=name) for feature in features)

    def wrap(compute: Callable[[Seen], Values]) -> Theme:
        return Theme(name, zh, declared, compute)

    return wrap
