"""How numbers, dates and codes are written in a page; what is not known is a dash, never a nought."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from features.policy.names import department
from service.clock import CHINA, read_stamp
from service.regions import COUNTY_DIGITS, TOWN_DIGITS

UNKNOWN = "—"
SHORT_ID = 8
BAR = 100
BOTH = re.compile(r"^(?P<zh>\W*[\u3400-\u9fff][^A-Za-z]*?)\s*(?P<en>[A-Za-z(].*)$", re.DOTALL)


def one_language(words: str, language: str) -> str:
    """The half of a “Chinese English” text that a reader asked for; a text in one language only stays whole.

    >>> one_language("一般户 mean household", "zh"), one_language("一般户 mean household", "en"), one_language("因病", "en")
    ('一般户', 'mean household', '因病')
    """
    found = BOTH.match(words)
    return words if found is None else found[language]


def percent(value: float | None) -> str:
    """A share with one decimal.

    >>> percent(0.2134), percent(None)
    ('21.3%', '—')
    """
    return UNKNOWN if value is None else f"{value:.1%}"


def yuan(value: float | None) -> str:
    """An amount in whole yuan.

    >>> yuan(12345.6)
    '12,346'
    """
    return UNKNOWN if value is None else f"{value:,.0f}"


def amount(value: float | None) -> str:
    """A number as it is: whole where it is whole, else with what matters of it.

    >>> amount(3.0), amount(0.51234), amount(0.00002), amount(12345.678), amount(None)
    ('3', '0.512', '0.00002', '12,346', '—')
    """
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{Decimal(f'{value:.3g}'):f}"


def moment(stamp: str) -> str:
    """A moment as the office's clock shows it.

    >>> moment("2026-03-01T20:30:00Z")
    '2026-03-02 04:30'
    """
    return read_stamp(stamp).astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


def signed(value: float) -> str:
    """A contribution with its sign.

    >>> signed(0.834), signed(-0.2)
    ('+0.83', '−0.20')
    """
    return f"{value:+.2f}".replace("-", "−")


def short(household_id: str) -> str:
    """The first signs of a pseudonym: enough to tell households of a page apart.

    >>> short("3f0c9a7be1d24488")
    '3f0c9a7b'
    """
    return household_id[:SHORT_ID]


def cut(version: str) -> str:
    """A date whole, a version as far as one reads it.

    >>> cut("2024-12-31"), cut("2277ed34e8236f0a")
    ('2024-12-31', '2277ed34')
    """
    return version if version.count("-") else version[:SHORT_ID]


def spaced(name: str) -> str:
    """A code as English words.

    >>> spaced("no_risk")
    'no risk'
    """
    return name.replace("_", " ")


def place(code: str, inside: str = "") -> str:
    """An area code without what the reader's own region says already.

    >>> place("520523101003"), place("520523101003", "520523"), place("520523101003", "520523101"), place("", "520523")
    ('520523 101 003', '101 003', '003', '—')
    """
    if not code:
        return UNKNOWN
    parts = (code[:COUNTY_DIGITS], code[COUNTY_DIGITS:TOWN_DIGITS], code[TOWN_DIGITS:])
    known = len(inside) // 3 - 1 if inside and code.startswith(inside) and code != inside else 0
    return " ".join(part for part in parts[max(known, 0) :] if part) or code


def span(low: float, high: float, middle: float) -> Markup:
    """An interval as a bar with a mark, from nought to one: what is beside it in words, at a glance."""
    left, width, at = low * BAR, max((high - low) * BAR, 1), middle * BAR
    return Markup(
        '<svg class="span" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect class="track" x="0" y="4" width="100" height="2"/>'
        '<rect class="reach" x="{:.1f}" y="2" width="{:.1f}" height="6"/>'
        '<rect class="at" x="{:.1f}" y="0" width="2" height="10"/></svg>'
    ).format(left, width, min(at, BAR - 2))


def stack(parts: Sequence[float], whole: float, longest: float) -> Markup:
    """Parts of a whole side by side, red, orange and yellow; as long as the bar is the share `longest`."""
    drawn, at = [], 0.0
    for kind, part in zip(("red", "orange", "yellow"), parts, strict=True):
        width = part / whole / longest * BAR
        drawn.append(Markup('<rect class="{}" x="{:.2f}" y="0" width="{:.2f}" height="10"/>').format(kind, at, width))
        at += width
    return Markup(
        '<svg class="stack" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">{}</svg>'
    ).format(Markup("").join(drawn))


FILTERS: dict[str, Callable[..., Any]] = {
    "percent": percent,
    "yuan": yuan,
    "amount": amount,
    "signed": signed,
    "short": short,
    "spaced": spaced,
    "cut": cut,
    "moment": moment,
    "department": department,
}
