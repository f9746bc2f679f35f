"""How a county's insurances pay a hospital bill: layers in their order, each with its deductible, its rates and its yearly cap."""

from __future__ import annotations

import datetime as dt

from pydantic import Field, field_validator, model_validator

from features.policy.declared import Amount, Date, Grade, Name, Share, Text, ends_after_its_start
from features.policy.source import Said


class Terms(Said):
    """What one layer grants one group of insured people.

    Attributes:
        deductible: yuan that the patient bears first, of the part inside the list.
        rate: share paid of the part inside the list, above the deductible.
        outside_rate: share paid of the part outside the list.
        cap: yuan that the layer pays at most in a year.
    """

    deductible: Amount
    rate: Share
    outside_rate: Share
    cap: Amount


class Layer(Said):
    """One insurance, and what it grants; a group without terms gets nothing from it.

    Attributes:
        yearly_deductible: whether its deductible is taken once a year, or of every bill.
        terms: by group, `groups` in the file.
    """

    name: Name
    zh: Text
    en: Text
    yearly_deductible: bool
    terms: dict[Name, Terms] = Field(alias="groups", min_length=1)


class Scheme(Said):
    """The layers in force from a day on, in the order in which they pay.

    Attributes:
        start, until: the first day, and the first on which it no longer holds, the next scheme's first day at the latest; None: until that.
        outpatient_rate: share of small outpatient bills that is paid, by group.
    """

    zh: Text
    en: Text
    start: Date = Field(alias="from")
    until: Date | None = None
    outpatient_rate: dict[Name, Share]
    layers: list[Layer] = Field(min_length=1)
    reference: Text
    grade: Grade

    _days_in_order = field_validator("until")(ends_after_its_start)

    @model_validator(mode="after")
    def _each_once(self) -> Scheme:
        names = [layer.name for layer in self.layers]
        if len(set(names)) < len(names):
            raise ValueError("a layer stands here twice 报销环节重复")
        return self

    def in_force(self, date: dt.date) -> bool:
        """Whether it holds on a date, unless a later scheme has begun."""
        return self.start <= date and (self.until is None or date < self.until)
