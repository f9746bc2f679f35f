"""The data dictionary in docs/ says what the code declares."""

from pathlib import Path

from features.build import DECLARED
from features.dictionary import render
from features.tables import TABLES

PAGE = Path(__file__).parents[2] / "docs" / "data-dictionary.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python -m features dictionary"


def test_every_column_and_every_feature_is_in_it() -> None:
    page = render()
    for table in TABLES.values():
        assert f"`{table.name}`" in page
        for column in table.columns:
            assert f"| `{column.name}` | {column.zh} |" in page
    for feature in DECLARED:
        assert f"| `{feature.name}` | {feature.zh} |" in page
