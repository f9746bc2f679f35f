"""What a county's file says that cannot be is told with its line, and nothing of it is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import PolicyError
from features.policy import shipped
from features.policy.shipped import read

SAID = "reference: 虚构, grade: synthetic"
COHORT = f"cohorts:\n  - {{id: c, zh: 某, en: Some, {SAID}, when: {{fact: members, at_least: 1}}, "
CLASS = f"classes:\n  - {{id: c, system: s, zh: 某, en: Some, {SAID}, "
LAYER = "layers: [{name: basic, zh: 基本, en: Basic, yearly_deductible: true, groups: {registered: "
SCHEME = f"schemes:\n  - {{from: 2020-01-01, zh: 某, en: Some, {SAID}, outpatient_rate: {{}}, "
REWARD = f"rewards:\n  r: {{zh: 某, en: Some, unit: yuan/person, {SAID}, "
STEP = "steps: [{until: 2020-06-11, amount: 1}]}\n"
VILLAGES = "villages:\n  incidence: monitored\n  zh: 某\n  en: Some\n  reference: 虚构\n  grade: synthetic\n  tiers:\n"
TIER = f"    - {{id: t, zh: 某, en: Some, {SAID}, "
INCOME = "facts:\n  pc_net_income: {zh: 某, en: Some, count: members, unit: "
WINDOW = f"{{zh: 某, en: Some, {SAID}, measures: "
NOT_NEGATIVE = "greater than or equal to 0"
TERMS = "{deductible: 0, rate: 0.5, outside_rate: 0, cap: 1}"


def value(name: str, said: str) -> str:
    return f"parameters:\n  {name}:\n    - {{from: 2023-01-01, {said}}}\n"


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        (value("monitoring_line", f"value: -5, {SAID}"), 6, "nothing is less than nothing"),
        (value("sudden_expenditure_share", f"value: 50, {SAID}"), 6, "a share lies between 0 and 1"),
        (value("monitoring_line", "value: 5, grade: synthetic, reference: ' '"), 6, "reference"),
        (value("monitoring_line", "value: 5, grade: sourced, reference: '某文 [P999]'"), 6, "no source goes by P999"),
        (value("monitoring_line", "value: 5, grade: none, reference: 未查到"), 6, "for what was not found: value null"),
        (COHORT + "from: 2023-01-01, until: 2022-01-01}\n", 5, "until lies not after from"),
        (COHORT.replace("zh: 某", "zh: ' '") + "}\n", 5, "zh"),
        (COHORT.replace("at_least: 1", "is: true") + "}\n", 5, "members is in persons; is: true or false"),
        (COHORT.replace(SAID, "reference: '[P999] [P46]', grade: sourced") + "}\n", 5, "no source goes by P999 "),
        (f"windows:\n  one: {WINDOW}[industry]}}\n  two: {WINDOW}[finance, industry]}}\n", 6, "industry is served at one already"),
        (CLASS + "measures: [industry], when: {fact: labour_members, less_than: 1}}\n", 5, "nobody there can work"),
        (CLASS + "measures: [finance], when: {all: [{fact: labour_members, at_most: 0}]}}\n", 5, "not finance"),
        (f"able: {{any: [security], {SAID}}}\n", 4, "only what lets people earn"),
        (f"unable: {{any: [industry], {SAID}}}\n", 4, "only what secures"),
        (REWARD + STEP.replace("amount: 1", "amount: -1"), 5, f"amount: .*{NOT_NEGATIVE}"),
        (REWARD + "cap: -1, " + STEP, 5, f"cap: .*{NOT_NEGATIVE}"),
        (REWARD + "from: 2021-01-01, " + STEP, 5, "first step ends before"),
        (VILLAGES + TIER + "share: {at_least: 5}}\n", 11, "a share lies between 0 and 1"),
        (VILLAGES + TIER + "share: {}}\n", 11, "give at least one of at_least"),
        (INCOME + "persons}\n", 5, "inherited rules hold pc_net_income against yuan/person/year, not persons"),
        (INCOME + "yuan/person/year}\n", 5, "a count is not in yuan/person/year"),
        (INCOME + "persons, where: {age: {at_least: 60, less_than: 50}}}\n", 5, "no number lies within"),
        ("grounds:\n  medical_a: {reference: 虚构, grade: proposal}\n", 5, "medical_a is no set that profiles chooses"),
        (SCHEME + LAYER + "{deductible: 0, rate: 0.5, outside_rate: 0}}}]}\n", 5, "cap: is missing 缺少"),
        (SCHEME + LAYER + "{deductible: 0, rate: 5, outside_rate: 0, cap: 1}}}]}\n", 5, "rate: .*less than or equal to 1"),
        (SCHEME + LAYER + TERMS.replace("deductible: 0", "deductible: -1") + "}}]}\n", 5, f"deductible: .*{NOT_NEGATIVE}"),
        (SCHEME + LAYER + TERMS + "}}], colour: red}\n", 5, "colour: unknown entry 未知条目"),
        (SCHEME + "until: 2019-01-01, " + LAYER + TERMS + "}}]}\n", 5, "until lies not after from"),
        (SCHEME + LAYER + TERMS + "}}]}\n" + SCHEME.partition("\n")[2] + LAYER + TERMS + "}}]}\n", 4, "start dates must ascend"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_line(tmp_path: Path, text: str, line: int, fault: str) -> None:
    (tmp_path / "990009.yaml").write_text(f'region: "990009"\nzh: 某县\nen: A county\n{text}', encoding="utf-8")
    with pytest.raises(PolicyError, match=rf"990009\.yaml:{line}: .*{fault}"):
        read(counties=tmp_path)


def test_what_can_be_is_read(tmp_path: Path) -> None:
    text = SCHEME + LAYER + TERMS + "}}]}\n" + value("sudden_expenditure_share", f"value: 0.6, {SAID}") + COHORT + "}\n"
    (tmp_path / "990009.yaml").write_text(f'region: "990009"\nzh: 某县\nen: A county\n{text}', encoding="utf-8")
    packs = read(counties=tmp_path).packs
    assert packs is not None
    assert [layer.name for layer in packs.at("990009").schemes[0].layers] == ["basic"]
    assert packs.at("990009").schemes_of == "990009"


@pytest.mark.parametrize(
    ("unit", "dated", "fault"),
    [
        ("yuan/person/year", "value: -1, reference: 某文", "one.yaml:6: CN: -1 yuan/person/year"),
        ("share", "value: 50, reference: 某文", "one.yaml:6: CN: 50: a share"),
        ("pounds", "value: 1, reference: 某文", "one.yaml:3: unit"),
        ("share", "value: 0.5, reference: '[R99]'", "one.yaml:6: CN: no source goes by R99"),
    ],
)
def test_a_value_that_cannot_be_of_its_unit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str, dated: str, fault: str
) -> None:
    (tmp_path / "one.yaml").write_text(
        f"zh: 线\nen: line\nunit: {unit}\nvalues:\n  CN:\n    - {{from: 2020-01-01, grade: sourced, {dated}}}\n", encoding="utf-8"
    )
    monkeypatch.setattr(shipped, "PARAMETERS", tmp_path)
    with pytest.raises(PolicyError) as caught:
        read()
    assert fault in str(caught.value)
