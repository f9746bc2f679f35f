"""Takes numbers that name a person out of free text before it is stored: identity, telephone and account numbers.

What is stored cannot leak any more, whoever exports, prints or forwards it later; so the numbers go at the door, not at the exit. A date
(2024-03-01), an amount (12,000) or a house number stays: nothing of fewer than eleven digits names a person by itself.
"""

from __future__ import annotations

import re

HIDDEN = "〔号码已隐去〕"
SHORTEST_RUN = 11

# Full-width digits and letters count as the plain ones; one character for one, so that places stay what they are.
_PLAIN = str.maketrans("０１２３４５６７８９Ｘｘ－　", "0123456789Xx- ")
_GAP = "[ \\t\\u00a0\u2010-\u2015-]?"
_NUMBERS = re.compile(
    "(?<![0-9])(?:"
    + "|".join(
        (
            f"[0-9]{{6}}{_GAP}[0-9]{{8}}{_GAP}[0-9]{{3}}[0-9Xx]",  # identity, 6-8-4
            f"[0-9]{{6}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{3}}[0-9Xx]",  # identity, 6-4-4-4
            f"[0-9]{{4}}(?:{_GAP}[0-9]{{4}}){{3,4}}{_GAP}[0-9]{{0,3}}",  # bank card in groups of four
            f"[0-9]{{{SHORTEST_RUN},}}[Xx]?",  # any long number in one piece
            f"1[3-9][0-9]{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}",  # mobile telephone, 3-4-4
            f"0[0-9]{{2,3}}{_GAP}[0-9]{{7,8}}",  # fixed telephone with its area code
        )
    )
    + ")(?![0-9])"
)


def redact(text: str) -> tuple[str, int]:
    """The text without identity, telephone and account numbers, and how many there were.

    >>> redact("电话138 0000 0000，2024-03-01 收入 12000 元")
    ('电话〔号码已隐去〕，2024-03-01 收入 12000 元', 1)
    """
    parts: list[str] = []
    end = found = 0
    for number in _NUMBERS.finditer(text.translate(_PLAIN)):
        parts += [text[end : number.start()], HIDDEN]
        end, found = number.end(), found + 1
    return "".join([*parts, text[end:]]), found
