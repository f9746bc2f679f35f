"""Cells of a text file that spreadsheets open: nothing in them is ever taken for a formula."""

from __future__ import annotations

STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_text(text: str) -> str:
    """A text that no spreadsheet runs: one that looks like a formula is marked as text.

    >>> safe_text("=1+1"), safe_text("因病")
    ("'=1+1", '因病')
    """
    return "'" + text if text.startswith(STARTS_A_FORMULA) else text
