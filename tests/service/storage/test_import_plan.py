"""Equal rows are paired off one by one, whatever their order."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.storage.import_plan import difference

Row = tuple[int, int]
ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=30)


def arrays(rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row[0] for row in rows], dtype=np.int32), np.array([row[1] for row in rows], dtype=np.uint64)


@given(ROWS, ROWS)
def test_what_is_new_and_what_is_gone_is_the_difference_of_the_counts(old: list[Row], new: list[Row]) -> None:
    added, gone = difference(arrays(old), arrays(new))
    assert Counter(row for row, lone in zip(new, added, strict=True) if lone) == Counter(new) - Counter(old)
    assert Counter(row for row, lone in zip(old, gone, strict=True) if lone) == Counter(old) - Counter(new)
