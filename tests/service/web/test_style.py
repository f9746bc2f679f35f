"""Colours that can be read: every pair of text and ground in the stylesheet has a contrast of at least 4.5 to 1."""

from __future__ import annotations

import re

import pytest

from service.web.pages import STATIC

STYLE = (STATIC / "fangpin.css").read_text(encoding="utf-8")
TOKENS = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", STYLE))
PAIRS = [(name, name.removesuffix("-ink")) for name in TOKENS if name.endswith("-ink")]
ON_PAPER = [(name, ground) for name in ("ink", "quiet", "link", "good", "red") for ground in ("paper", "ground")]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("ink", "ground"), [*PAIRS, *ON_PAPER, ("red", "red-ground")])
def test_text_stands_out_from_its_ground(ink: str, ground: str) -> None:
    light, dark = sorted((luminance(TOKENS[ink]), luminance(TOKENS[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_nothing_is_fetched_from_elsewhere_and_motion_can_be_switched_off() -> None:
    assert not re.search(r"url\(|@import|@font-face", STYLE)
    moving = re.sub(r"@media \(prefers-reduced-motion: no-preference\) \{.*?\n\}", "", STYLE, flags=re.DOTALL)
    assert not re.search(r"transition|animation", moving)
