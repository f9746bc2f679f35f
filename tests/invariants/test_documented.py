"""Everything that can be set or asked for stands in docs/."""

from __future__ import annotations

from pathlib import Path

from features.policy.shipped import load
from service.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


def test_every_setting_is_documented_with_its_default() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    lines = {f"| `FANGPIN_{name.upper()}` | `{field.default}` | {field.description} |" for name, field in Settings.model_fields.items()}
    assert lines - set(page.splitlines()) == set()


def test_no_setting_is_documented_that_does_not_exist() -> None:
    rows = [line for line in (DOCS / "settings.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `FANGPIN_")]
    assert len(rows) == len(Settings.model_fields)


def test_every_policy_parameter_says_what_it_is_in_both_languages() -> None:
    for parameter in load().parameters.values():
        assert parameter.zh.strip()
        assert parameter.en.strip()
        assert parameter.unit.strip()


def test_every_decision_has_a_number_and_a_status() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {page.name[:4]} ")
        assert "\nStatus: " in text
