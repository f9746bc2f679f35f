"""A number of each household that is known to lie between two others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from features.register import FloatArray


class Span(NamedTuple):
    """The least and the most that a number of each household can be, (n,) each; equal where it is known."""

    low: FloatArray
    high: FloatArray

    @classmethod
    def of(cls, values: FloatArray) -> Span:
        """Known numbers; NaN is not known at all."""
        return cls.between(values, values)

    @classmethod
    def between(cls, low: FloatArray, high: FloatArray) -> Span:
        """Known bounds; NaN is a bound that is not known.

        >>> Span.between(np.array([1.0, np.nan]), np.array([2.0, np.nan]))
        Span(low=array([  1., -inf]), high=array([ 2., inf]))
        """
        return cls(np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high))
