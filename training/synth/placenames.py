"""What the townships and villages of a synthetic county are called: made-up names that nobody can take for real ones."""

from __future__ import annotations

import csv
from pathlib import Path

from training.synth import preset as presets
from training.synth.block import FIRST_TOWN, FIRST_VILLAGE, village_codes

DIGITS = "零一二三四五六七八九"
TOWN, VILLAGE = slice(6, 9), slice(9, 12)


def write_names(county: str, path: Path) -> int:
    """Writes the names of a county's places as the service reads them (FANGPIN_REGIONS).

    Returns:
        how many there are.
    """
    rows = {}
    for code in village_codes(presets.load(county)):
        town, village = int(code[TOWN]) - FIRST_TOWN + 1, int(code[VILLAGE]) - FIRST_VILLAGE + 1
        rows[code[: TOWN.stop]] = (f"虚构{numeral(town)}镇", f"Made-up Town {town}")
        rows[code] = (f"虚构{numeral(village)}村", f"Made-up Village {village}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("code", "zh", "en"))
        writer.writerows((code, *names) for code, names in sorted(rows.items()))
    return len(rows)


def numeral(number: int) -> str:
    """A number under a hundred in Chinese.

    >>> [numeral(number) for number in (4, 10, 13, 20, 26)]
    ['四', '十', '十三', '二十', '二十六']
    """
    tens, ones = divmod(number, 10)
    return (DIGITS[tens] if tens > 1 else "") + ("十" if tens else "") + (DIGITS[ones] if ones else "")
