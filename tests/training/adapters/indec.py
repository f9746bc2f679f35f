"""Makes up survey files in INDEC's format: made-up households, the published columns, and the habits in which the years differ."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROTATION = (0, 1, 4, 5)  # quarters in which a household is asked
YES_NO = [f"V{i}" for i in (1, 2, 21, 22, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)] + ["V19_A", "V19_B"]
HOME_HEADER = [
    *("CODUSU", "NRO_HOGAR", "REALIZADA", "ANO4", "TRIMESTRE", "REGION", "MAS_500", "AGLOMERADO", "PONDERA"),
    *(f"IV{i}" for i in range(1, 12)),
    *("IV12_1", "IV12_2", "IV12_3", "II1", "II2", "II4_1", "II4_2", "II4_3", "II7", "II8", "II9"),
    *YES_NO,
    *("IX_TOT", "ITF", "DECIFR", "IDIMPH"),
]
PERSON_HEADER = [
    *("CODUSU", "NRO_HOGAR", "COMPONENTE", "ANO4", "TRIMESTRE", "CH03", "CH04", "CH06", "CH08", "CH09", "CH10", "CH11", "CH12", "NIVEL_ED"),
    *("ESTADO", "CAT_OCUP", "CAT_INAC", "PP3E_TOT", "PP03G", "PP03I", "INTENSI", "PP04A", "PP04B1", "PP04C", "PP04D_COD", "PP05H", "PP07A"),
    *("PP07C", "PP07E", "PP07G1", "PP07G4", "PP07H", "PP07I", "PP10A", "P21", "TOT_P12", "V2_M", "V3_M", "V4_M", "V5_M", "V8_M", "V9_M"),
    *("V10_M", "V11_M", "V12_M", "T_VI"),
]


@dataclass(frozen=True)
class Habit:
    """How a year writes its files."""

    gz: bool = False
    upper_name: bool = False
    lower_header: bool = False
    comma: bool = False
    trailing: bool = False
    text_codes: bool = False
    without: tuple[str, ...] = ()


PLAIN = Habit()
Lines = dict[int, list[list[str]]]  # by quarter, row by row


def write_survey(
    folder: Path, first: int, last: int, *, households: int = 60, seed: int = 0, habit: Habit = PLAIN, only: set[int] | None = None
) -> None:
    """Writes the files of quarters first … last (running numbers, year × 4 + quarter − 1).

    Args:
        folder: made where it is missing.
        first: first quarter.
        last: last quarter.
        households: that enter the survey in each quarter.
        seed: of everything.
        habit: of writing.
        only: write only these quarters.
    """
    folder.mkdir(parents=True, exist_ok=True)
    homes: Lines = {q: [] for q in range(first, last + 1)}
    people: Lines = {q: [] for q in range(first, last + 1)}
    for entry in range(first - 5, last + 1):
        for i in range(households):
            code = f"TQRMN{entry}{i:04d}" if habit.text_codes else f"{entry * 10_000 + i}"
            _household(np.random.default_rng((seed, entry, i)), code, entry, homes, people)
    for q in range(first, last + 1):
        if only is None or q in only:
            name = f"{'T' if habit.upper_name else 't'}{q % 4 + 1}{q // 4 % 100:02d}.txt"
            _write(folder / f"usu_hogar_{name}", HOME_HEADER, homes[q], habit)
            _write(folder / f"usu_individual_{name}", PERSON_HEADER, people[q], habit)


def _household(draw: np.random.Generator, code: str, entry: int, homes: Lines, people: Lines) -> None:
    size = int(draw.integers(1, 7))
    education = int(draw.integers(1, 7))
    formal = draw.random() < 0.15 + 0.12 * education
    lasting = 0.25 * (education - 3.5) - 0.1 * (size - 3) + 0.3 * formal + draw.normal(0, 0.35)
    region = int(draw.choice([1, 40, 41, 42, 43, 44]))
    for step in ROTATION:
        q = entry + step
        if q not in homes or draw.random() < 0.05:  # not found at home
            continue
        median = 200 * 1.04 ** (q - 8014)
        per_head = round(median * float(np.exp(lasting + draw.normal(0, 0.6))))
        total = per_head * size
        works = draw.random() < 0.85
        homes[q].append(_home(draw, (code, q), region=region, size=size, total=total))
        for member in range(size):
            people[q].append(_person((code, q), member, education=education, formal=formal, works=works, total=total))


def _home(draw: np.random.Generator, who: tuple[str, int], *, region: int, size: int, total: int) -> list[str]:
    code, q = who
    row = {name: str(int(draw.integers(1, 3))) for name in HOME_HEADER}
    row |= {"CODUSU": code, "NRO_HOGAR": "1", "REALIZADA": "1", "ANO4": str(q // 4), "TRIMESTRE": str(q % 4 + 1), "REGION": str(region)}
    row |= {"AGLOMERADO": str(region % 40 + 2), "PONDERA": str(int(draw.integers(50, 900))), "MAS_500": "S", "V19_B": "None"}
    row |= {"IX_TOT": str(size), "ITF": f"{total}.0", "DECIFR": "05", "IDIMPH": str(draw.choice(["00000", "10000"], p=[0.8, 0.2]))}
    return [row[name] for name in HOME_HEADER]


def _person(who: tuple[str, int], member: int, *, education: int, formal: bool, works: bool, total: int) -> list[str]:
    code, q = who
    row = dict.fromkeys(PERSON_HEADER, "0")
    row |= {"CODUSU": code, "NRO_HOGAR": "1", "COMPONENTE": str(member + 1), "ANO4": str(q // 4), "TRIMESTRE": str(q % 4 + 1)}
    row |= {"CH03": str(min(member + 1, 3)), "CH04": str(member % 2 + 1), "CH06": str(45 - 15 * member if member < 3 else 8), "CH09": "1"}
    row |= {"CH08": "1" if formal else "4", "CH10": "1" if member > 2 else "2", "CH12": "2", "NIVEL_ED": str(education), "CAT_INAC": "0"}
    if member == 0 and works:
        row |= {"ESTADO": "1", "CAT_OCUP": "3", "PP3E_TOT": "40", "PP07A": "5", "PP07H": "1" if formal else "2", "PP04D_COD": "56314"}
        row |= {"P21": str(total)}
    elif member == 0:
        row |= {"ESTADO": "3", "CAT_INAC": "1", "V2_M": str(total), "T_VI": str(total)}
    else:
        row |= {"ESTADO": "3" if member < 3 else "4", "CAT_INAC": "4" if member < 3 else "3"}
    return [row[name] for name in PERSON_HEADER]


def _write(path: Path, header: list[str], rows: list[list[str]], habit: Habit) -> None:
    kept = [j for j, name in enumerate(header) if name not in habit.without]
    names = [header[j].lower() if habit.lower_header else header[j] for j in kept]
    lines = [";".join(names)]
    for row in rows:
        cells = [row[j].replace(".", ",") if habit.comma else row[j] for j in kept]
        lines.append(";".join(cells) + (";" if habit.trailing else ""))
    content = ("\r\n".join(lines) + "\r\n").encode("latin-1")
    if habit.gz:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content, mtime=0))
    else:
        path.write_bytes(content)
