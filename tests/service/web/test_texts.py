"""Two languages, one catalogue: no template speaks by itself, no text is missing or left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from features.catalog import CAUSES, UNITS
from features.policy.packs import packs_of
from features.policy.shipped import load
from service.auth import Role
from service.exchange.listing import CELL_ZH
from service.storage.tables import CELLS, UNDETERMINED
from service.web.pages import HERE, LANGUAGES, texts

TEMPLATES = sorted((HERE / "templates").rglob("*.html"))
SOURCES = sorted(HERE.rglob("*.py"))
CHINESE = re.compile(r"[\u3400-\u9fff]")
# Keys put together from a code: every text of the section belongs to one of its codes.
BY_CODE = {
    "cell",
    "role",
    "tier",
    "state",
    "candidate",
    "cause",
    "menu",
    "error",
    "visited",
    "grade",
    "unit",
    "change",
    "why",
    "limit",
    "job",
    "rows",
}


def bare(template: str) -> str:
    """What a template says by itself: without its statements, its tags and its comments."""
    spoken = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template, flags=re.DOTALL)
    spoken = re.sub(r'\s(?:class|id|name|type|href|rel|method|action|content|charset|role|lang|tabindex|[a-z-]+)="[^"]*"', "", spoken)
    return re.sub(r"<[^>]*>", "", spoken)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_text_of_one_language_only(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"[A-Za-z\u3400-\u9fff]+", bare(text)) == []
    assert not CHINESE.search(re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL))
    assert not re.search(r'(?:title|placeholder|aria-label|alt)="[^"{]*[A-Za-z]', text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_inline_style_or_script(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", text)


def test_every_text_stands_in_both_languages() -> None:
    for key, pair in texts().items():
        assert set(pair) == set(LANGUAGES)
        assert all(pair.values()), key
        places = [sorted(re.findall(r"\{\w+\}", pair[language])) for language in LANGUAGES]
        assert places[0] == places[1], key
        if key not in {"site.language", "site.language_hint", "site.title", "site.colon"}:
            assert CHINESE.search(pair["zh"].replace("fp_", "")) or not re.search("[A-Za-z]", pair["zh"]), key
            assert not CHINESE.search(pair["en"]), key


def test_every_text_asked_for_is_there_and_none_is_left_over() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (*TEMPLATES, *SOURCES))
    asked = set(re.findall(r'\bt\(\s*"([a-z_]+\.[a-z0-9_]+)"', sources)) | set(
        re.findall(r'text\(language, "([a-z_]+\.[a-z0-9_]+)"', sources)
    )
    assert asked - set(texts()) == set()
    left = {key for key in texts() if key not in asked and key.split(".")[0] not in BY_CODE}
    assert left == set()


def test_codes_have_the_words_that_the_service_uses_elsewhere() -> None:
    assert {cause: texts()[f"cause.{cause}"]["zh"] for cause in CAUSES} == CAUSES
    assert {cell: texts()[f"cell.{cell}"]["zh"] for cell in (*CELLS, UNDETERMINED)} == CELL_ZH
    assert all(f"role.{role.value}" in texts() for role in Role)


def test_every_unit_of_policy_has_words_in_both_languages() -> None:
    policy = load()
    packs = packs_of(policy)
    facts = {fact.unit for pack in (packs.national, *packs.overlays.values()) for fact in pack.facts.values()}
    units = facts | {parameter.unit for parameter in policy.parameters.values()}
    assert {"yuan/person/month", "findings"} <= units
    assert units - set(UNITS) == set()
