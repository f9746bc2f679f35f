"""Takes numbers that name a person out of free text before it is stored: identity, telephone and account numbers.

What is stored cannot leak any more, whoever exports, prints or forwards it later; so the numbers go at the door, not at the exit. A date
(2024-03-01), an amount (12,000) or a house number stays: nothing of fewer than eleven digits names a person by itself.
"""

from __future__ import annotations

import re

HIDDEN = "〔号码已隐去〕"
SHORTEST_RUN = 11

# Full-width digits and letters count as the plain ones; one character for one, so that places stay what they are.
_PLAIN = str.maketrans("０１２３４５６７８９Ｘｘ－．（）　", "0123456789Xx-.() ")
_GAP = "[ \\t\\u00a0.·\u2010-\u2015-]{0,3}"
# How people group the eleven digits of a mobile telephone. Not every grouping: 138 2024-03-01 is an amount and a day.
_MOBILE = ((3, 4, 4), (3, 3, 5), (3, 5, 3), (4, 3, 4), (4, 4, 3), (5, 6), (7, 4))


def _mobile(groups: tuple[int, ...]) -> str:
    return "(?=1[3-9])" + _GAP.join(f"[0-9]{{{size}}}" for size in groups)


_NUMBERS = re.compile(
    "(?<![0-9])(?:"
    + "|".join(
        (
            f"[0-9]{{6}}{_GAP}[0-9]{{8}}{_GAP}[0-9]{{3}}[0-9Xx]",  # identity, 6-8-4
            f"[0-9]{{6}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{3}}[0-9Xx]",  # identity, 6-4-4-4
            f"[0-9]{{4}}(?:{_GAP}[0-9]{{4}}){{3,4}}{_GAP}[0-9]{{0,3}}",  # bank card in groups of four
            f"[0-9]{{{SHORTEST_RUN},}}[Xx]?",  # any long number in one piece
            *(_mobile(groups) for groups in _MOBILE),
            f"[(](?:0[0-9]{{2,3}}|1[3-9][0-9])[)]{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{4}}",  # telephone with the first digits in brackets
            f"0[0-9]{{2,3}}{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{4}}",  # fixed telephone with its area code
        )
    )
    + ")(?![0-9])"
)


# A complaint begins with the cell as it was written where that helps who reads it; a name may stand in it.
_QUOTED_CELL = re.compile(r"""^(?:b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*"|[\w.]+\(.*\)(?= (?:is|lies|不|早|未|只|本)))""", re.DOTALL)
THE_CELL = "此格 the cell"


def without_cell(complaint: str) -> str:
    """A complaint about a cell without the cell itself, and without numbers that name a person.

    >>> without_cell("'张三' 未知代码 is not a known code")
    '此格 the cell 未知代码 is not a known code'
    """
    return redact(_QUOTED_CELL.sub(THE_CELL, complaint))[0]


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
