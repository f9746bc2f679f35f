"""What a benefit comes to for one person, as policy files say it."""

from __future__ import annotations

from pydantic import model_validator

from features.policy.declared import Name
from features.policy.source import Said
from features.tables import TABLES, Kind


class TopUp(Said):
    """What is missing to a line: the line less an income of the household, both yuan a person and year.

    Attributes:
        to: the parameter that is the line.
        less: the fact that is the income.
    """

    to: Name
    less: Name


class Graded(Said):
    """An amount for each grade that people assess: that of the member's own grade, any of them where none is on record.

    Attributes:
        by: the column of members in which the grade stands.
        of: the parameter of each of its codes.
    """

    by: Name
    of: dict[str, Name]

    @model_validator(mode="after")
    def _every_code_has_one(self) -> Graded:
        known = {column.name: column.codes for column in TABLES["members"].columns if column.kind is Kind.CATEGORY}
        if self.by not in known:
            raise ValueError(f"members have no grades {self.by} 没有此分档列; there are {', '.join(known)}")
        if set(self.of) != set(known[self.by]):
            raise ValueError(f"each grade needs its amount 各档均须写明金额; there are {', '.join(known[self.by])}")
        return self

    @property
    def parameters(self) -> list[str]:
        """The parameters, in the order of the codes."""
        return [self.of[code] for code in TABLES["members"].column(self.by).codes]
