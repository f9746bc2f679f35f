"""Facts of households on a date, each as the span in which it lies: what is blank widens the span and never counts as nothing.

Worked example: a household with bills of 3,000 and 2,500 yuan and a third one whose amount is blank. Its self-payment of the year lies
between 5,500 and any sum: it is certainly at least 5,000, and whether it reaches 20,000 cannot be said.
"""

from __future__ import annotations

from collections.abc import Mapping

from features.policy.declared import WINDOWED, Fact
from features.policy.drawing import Drawing
from features.policy.formulas import Formula
from features.policy.span import Span
from features.register import FloatArray
from features.seen import Seen


class Facts:
    """The facts that the files declare, worked out for the households of a view when first asked for.

    Args:
        seen: the register on a date.
        declared: by name.
        drawings: how they are drawn, by table.
        formulas: of the county, by name.
    """

    def __init__(self, seen: Seen, declared: Mapping[str, Fact], drawings: Mapping[str, Drawing], formulas: Mapping[str, Formula]) -> None:
        self.seen = seen
        self.declared = declared
        self._drawings = drawings
        self._formulas = formulas
        self._spans: dict[str, Span] = {}
        self._newest: dict[str, FloatArray] = {}

    def __getitem__(self, name: str) -> Span:
        """The span of a fact, household by household."""
        span = self._spans.get(name)
        if span is not None:
            return span
        fact = self.declared[name]
        if fact.formula is None:
            self._spans |= self._drawings[fact.table].spans(self.seen)
        else:
            worked_out = self._formulas[fact.formula](self.seen)
            self._spans[name] = worked_out if isinstance(worked_out, Span) else Span.of(worked_out)
        return self._spans[name]

    def newest(self, name: str) -> FloatArray | None:
        """The day, since 1970-01-01, on which a fact came to be what it is: of the last row that it counts, NaN where it counts none.

        None for a fact that no row with a day gives: a state, or the outcome of a formula.
        """
        table = self.declared[name].table
        if table not in WINDOWED:
            return None
        if name not in self._newest:
            self._newest |= self._drawings[table].newest(self.seen)
        return self._newest[name]
