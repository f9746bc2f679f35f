"""Numbers that name a person go out of free text however they are written; days, amounts and house numbers stay."""

from __future__ import annotations

import pytest

from service.redaction import HIDDEN, redact


@pytest.mark.parametrize(
    "number",
    [
        "（0851）88123456",
        "(0851) 8812 3456",
        "0851-8812 3456",
        "0851  88123456",
        "010.88123456",
        "138.0013.8000",
        "138  0013  8000",
        "138 - 0013 - 8000",
        "138 001 38000",
        "138 00138 000",
        "1380 013 8000",
        "1380 0138 000",
        "13800 138000",
        "(138) 0013 8000",
        "13800138000",
        "１３８．００１３．８０００",
        "990000  19900101  1234",
        "990000.1990.0101.123X",
        "6222  0202  0001  2345  678",
    ],
)
def test_a_number_of_a_person_goes_however_it_is_grouped(number: str) -> None:
    assert redact(f"电话：{number}，户主在家") == (f"电话：{HIDDEN}，户主在家", 1)
    assert redact(number) == (HIDDEN, 1)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01 收入 12000 元",
        "收入138 2024-03-01入户",
        "2024.03.01、2024.04.01 两次入户",
        "人均 9,850.50 元，住院 13.5 天，自付 1380.25 元",
        "3组 15号，6口人，耕地 2.5 亩",
        "in 0.123456 s, list 12 of 520523",
        "（2024）15号文件",
    ],
)
def test_days_amounts_and_house_numbers_stay(text: str) -> None:
    assert redact(text) == (text, 0)
