"""What a county's file says that cannot be is told with its line, and nothing of it is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import PolicyError
from features.policy import shipped
from features.policy.shipped import read

SAID = "reference: 虚构, grade: synthetic"
COHORT = f"cohorts:\n  - {{id: c, zh: 某, en: Some, {SAID}, when: {{fact: members, at_least: 1}}, "
OF_HAIL = COHORT.replace("fact: members", "fact: hail") + "}\n"
CLASS = f"classes:\n  - {{id: c, system: s, zh: 某, en: Some, {SAID}, "
LAYER = "layers: [{name: basic, zh: 基本, en: Basic, yearly_deductible: true, groups: {registered: "
SCHEME = f"schemes:\n  - {{from: 2020-01-01, zh: 某, en: Some, {SAID}, outpatient_rate: {{}}, "
REWARD = f"rewards:\n  r: {{zh: 某, en: Some, unit: yuan/person, {SAID}, "
STEP = "steps: [{until: 2020-06-11, amount: 1}]}\n"
VILLAGES = "villages:\n  incidence: monitored\n  zh: 某\n  en: Some\n  reference: 虚构\n  grade: synthetic\n  tiers:\n"
TIER = f"    - {{id: t, zh: 某, en: Some, {SAID}, "
INCOME = "facts:\n  pc_net_income: {zh: 某, en: Some, count: members, unit: "
GAP = COHORT.replace("cohorts", "gaps")
FACT = "facts:\n  f: {zh: 某, en: Some, unit: "
CHECK = f"checks:\n  - {{id: k, zh: 某, en: Some, parameter: dibao_line, at_least: poverty_line, {SAID}}}\n"
WINDOW = f"{{zh: 某, en: Some, {SAID}, measures: "
NOT_NEGATIVE = "greater than or equal to 0"
TRIGGER = (
    f"triggers:\n  - {{id: disaster, zh: 某, en: Some, {SAID}, department: 乡镇, risk: disaster, period: month, "
    "when: {fact: disasters, at_least: 1}, "
)
EXCLUSION = f"exclusions:\n  - {{id: line_house, zh: 某, en: Some, {SAID}, when: {{fact: members, at_least: 1}}, "
TERMS = "{deductible: 0, rate: 0.5, outside_rate: 0, cap: 1}"

TWO_SCHEMES = SCHEME + LAYER + TERMS + "}}]}\n" + SCHEME.partition("\n")[2].replace("2020", "2023") + LAYER + TERMS + "}}]}\n"


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
        (value("monitoring_line", f"value: 5, {SAID}}}\n    - {{from: 2022-01-01, value: 6, {SAID}"), 7, "start dates must ascend"),
        (value("monitoring_line", f"value: true, {SAID}"), 6, "value: .*should be a valid number"),
        (value("monitoring_line", f"value: yes, {SAID}"), 6, "value: .*should be a valid number"),
        (value("monitoring_line", f"value: 12:30, {SAID}"), 6, "value: 12:30 is no day or decimal number"),
        (value("monitoring_line", f"value: 12:30.5, {SAID}"), 6, "value: 12:30.5 is no day or decimal number"),
        (value("monitoring_line", f"value: 07500, {SAID}"), 6, "value: 07500 is no day or decimal number"),
        (value("monitoring_line", f"value: '7500', {SAID}"), 6, "value: .*should be a valid number"),
        (value("monitoring_line", f'value: !!int "abc", {SAID}'), 6, "value: abc is no day or decimal number"),
        (value("monitoring_line", f"value: 5, {SAID}").replace("2023-01-01", "2023-02-30"), 6, "from: 2023-02-30 is no day"),
        (value("monitoring_line", f"value: 5, {SAID}").replace("2023-01-01", "2024-13-01"), 6, "from: 2024-13-01 is no day"),
        (value("monitoring_line", f"value: 5, {SAID}").replace("2023-01-01", "2023-01-01 25:00:00"), 6, "from: .*25:00:00 is no day"),
        (value("monitoring_line", f"value: 5, {SAID}").replace("2023-01-01", "0"), 6, "from: 0 is no day"),
        (value("monitoring_line", f"value: 5, {SAID}").replace("2023-01-01", '!!timestamp "abc"'), 6, "from: abc is no day"),
        (COHORT.replace("at_least: 1", "at_least: true") + "}\n", 5, "at_least: .*should be a valid number"),
        (COHORT.replace("at_least: 1", "at_least: 12:30") + "}\n", 5, "at_least: 12:30 is no day or decimal number"),
        (COHORT.replace("at_least: 1", "at_least: -1") + "}\n", 5, "members is never less than 0, so -1 tells nobody apart"),
        (REWARD + "cap: true, " + STEP, 5, "cap: .*should be a valid number"),
        (VILLAGES + TIER + "share: {at_least: true}}\n", 11, "share.at_least: .*should be a valid number"),
        (SCHEME + LAYER + TERMS.replace("deductible: 0", "deductible: false") + "}}]}\n", 5, "deductible: .*should be a valid number"),
        (TRIGGER + "profile: disastr}\n", 5, "triggers.0.profile: disaster: no set of rules disastr .* there are .*disaster, "),
        ("profiles: [own]\n" + TRIGGER + "profile: owm}\n", 4, "no set of rules own 没有此规则组"),
        (EXCLUSION + "profile: nine_red_line}\n", 5, "no set of rules nine_red_line .*nine_red_lines"),
        (SCHEME + LAYER + "{deductible: 0, rate: 0.5, outside_rate: 0}}}]}\n", 5, "cap: is missing 缺少"),
        (SCHEME + LAYER + "{deductible: 0, rate: 5, outside_rate: 0, cap: 1}}}]}\n", 5, "rate: .*less than or equal to 1"),
        (SCHEME + LAYER + TERMS.replace("deductible: 0", "deductible: -1") + "}}]}\n", 5, f"deductible: .*{NOT_NEGATIVE}"),
        (SCHEME + LAYER + TERMS + "}}], colour: red}\n", 5, "colour: unknown entry 未知条目"),
        (SCHEME + "until: 2019-01-01, " + LAYER + TERMS + "}}]}\n", 5, "until lies not after from"),
        (TWO_SCHEMES.replace("from: 2020-01-01", "from: 2020-01-01, until: 2024-01-01", 1), 6, "scheme before it holds until 2024-01-01"),
        (VILLAGES.replace("monitored", "pc_net_income") + TIER + "share: {at_least: 0.1}}\n", 5, "pc_net_income is in yuan/person/year; h"),
        (COHORT.replace("members", "dangerous_house").replace("1}", "3}") + "}\n", 5, "dangerous_house is 1 or 0, yes or no, so 3 tells"),
        (COHORT.replace("members, at_least", "safe_water, more_than") + "}\n", 5, "safe_water is 1 or 0, yes or no, so 1 tells"),
        (COHORT.replace("members, at_least: 1", "safe_water, at_least: 0") + "}\n", 5, "safe_water is 1 or 0, yes or no, so 0 tells"),
        (COHORT.replace("members, at_least", "safe_water, at_most") + "}\n", 5, "safe_water is 1 or 0, yes or no, so 1 tells"),
        (SCHEME + LAYER + TERMS + "}}]}\n" + SCHEME.partition("\n")[2] + LAYER + TERMS + "}}]}\n", 6, "start dates must ascend"),
        (COHORT.replace("zh: 某", "zh: ' '") + "}\n", 5, "zh: is blank 空白"),
        (COHORT.replace("id: c", "id: C 1") + "}\n", 5, "id: is no name: small letters"),
        (COHORT.replace("id: c", "id: 12") + "}\n", 5, 'id: write it in quotes 请加引号: "12"'),
        (GAP + "measures: []}\n", 5, "measures: at least 1 needed 至少写 1 项"),
        (FACT + "flag, value: living.house_area}\n", 5, "living.house_area: the unit flag is for a yes-no column, and only for one"),
        (FACT + "flag, sum: events.amount}\n", 5, "events.amount: the unit flag is for a yes-no column"),
        (FACT + "persons, value: living.dangerous_house}\n", 5, "living.dangerous_house: the unit flag is for a yes-no column"),
        (FACT + "persons, value: households.registry_status}\n", 5, "neither a number nor a yes or no"),
        (FACT + "days, value: households.valid_from}\n", 5, "neither a number nor a yes or no"),
        (FACT + "years, value: members.age}\n", 5, "a household has several rows of members"),
        (FACT + "flag, formula: pc_net_income}\n", 5, "pc_net_income is in yuan/person/year, not in flag"),
        (CHECK + CHECK.partition("\n")[2], 6, "k stands here twice"),
        (VILLAGES + TIER + "share: {at_least: 0.1}}\n" + TIER + "share: {at_least: 0.2}}\n", 12, "t stands here twice"),
        (CLASS + "measures: [industry], when: {not: {fact: labour_members, at_least: 1}}}\n", 5, "nobody there can work"),
        (CLASS + "measures: [industry], when: {any: [{fact: labour_members, less_than: 1}]}}\n", 5, "nobody there can"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_line(tmp_path: Path, text: str, line: int, fault: str) -> None:
    (tmp_path / "990009.yaml").write_text(f'region: "990009"\nzh: 某县\nen: A county\n{text}', encoding="utf-8")
    with pytest.raises(PolicyError, match=rf"990009\.yaml:{line}: .*{fault}"):
        read(counties=tmp_path)


def told(tmp_path: Path, **files: str) -> list[str]:
    """Every fault of county files, by the last digits of their area codes."""
    for name, text in files.items():
        path = tmp_path / f"{name.lstrip('_')}.yaml"
        path.write_text(f'region: "{path.stem}"\nzh: 某县\nen: A county\n{text}', encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        read(counties=tmp_path)
    return [fault.strip() for fault in str(caught.value).splitlines()[1:]]


SIX = f"""colour: red
parameters:
  monitoring_line:
    - {{from: 2023-01-01, value: 5, grade: synthetic}}
    - {{from: 2022-01-01, value: 6, {SAID}}}
  sudden_expenditure_share:
    - {{from: 2023-01-01, value: 50, {SAID}}}
facts:
  pc_net_income: {{zh: 某, en: Some, count: members, unit: persons}}
cohorts:
  - {{id: c, zh: 某, en: Some, {SAID}, when: {{fact: floods, at_least: 1}}}}
"""


def test_faults_of_all_kinds_are_told_in_one_go_in_the_order_of_lines(tmp_path: Path) -> None:
    faults = told(tmp_path, _990009=SIX, _990010=COHORT + "from: 2023-02-30}\n")
    expected = [
        "990009.yaml:4: colour: unknown entry",
        "990009.yaml:7: parameters.monitoring_line.0.reference: is missing",
        "990009.yaml:8: parameters.monitoring_line.1: start dates must ascend",
        "990009.yaml:10: parameters.sudden_expenditure_share.0.value: 50: a share",
        "990009.yaml:12: facts.pc_net_income.unit: inherited rules hold",
        "990009.yaml:14: cohorts.0.when: c: no fact floods",
        "990010.yaml:5: cohorts.0.from: 2023-02-30 is no day",
    ]
    assert len(faults) == len(expected)
    assert all(fault.startswith(start) for fault, start in zip(faults, expected, strict=True))


def test_all_that_is_wrong_of_one_value_is_told(tmp_path: Path) -> None:
    faults = told(tmp_path, _990009=value("sudden_expenditure_share", "value: 50, grade: synthetic"))
    assert [fault.split(" ")[0] for fault in faults] == [
        "990009.yaml:6:",
        "990009.yaml:6:",
    ]
    assert "reference: is missing" in faults[0]
    assert "a share lies between" in faults[1]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("facts:\n  hail: {zh: 某, en: Some, count: membres, unit: persons}\n" + OF_HAIL, "facts.hail"),
        ("facts:\n  hail: {zh: 某, en: Some, counts: members, unit: persons}\n" + OF_HAIL, "facts.hail.counts"),
        (COHORT.replace("at_least: 1", "atleast: 1") + "}\n", "cohorts.0.when.atleast"),
        ("profiles: [own]\n" + TRIGGER + "profile: own, from: 2023-02-30}\n", "triggers.0.from"),
        ("profiles: disaster\ngrounds:\n  disaster: {reference: 虚构, grade: proposal}\n", "profiles"),
        ("able: {reference: 虚构, grade: proposal}\n", "able.any"),
        (VILLAGES + TIER + "share: 5}\n", "villages.tiers.0.share"),
    ],
)  # fmt: skip
def test_what_only_follows_from_a_fault_is_not_told(tmp_path: Path, text: str, place: str) -> None:
    (fault,) = told(tmp_path, _990009=text)
    assert fault.split(": ")[1] == place


BENEFIT = f"entitlements:\n  - {{id: e, zh: 某, en: Some, {SAID}, "
LINES_APART = """triggers:
  - id: t
    zh: 某
    en: Some
    {SAID}
    department: 乡镇
    risk: disaster
    period: month
    profile: disaster
    when: {fact: nofact, at_least: 1}
""".replace("{SAID}", "reference: 虚构\n    grade: synthetic")


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("facts:\n  f: {zh: 某, en: Some, value: living.tap_water}\n", ["5 facts.f.unit"]),
        (LINES_APART.replace("    period: month\n", ""), ["5 triggers.0.period", "13 triggers.0.when"]),
        (LINES_APART.replace("month", "fortnight"), ["12 triggers.0.period", "14 triggers.0.when"]),
        (LINES_APART.replace("risk: disaster", "risk: flood"), ["11 triggers.0.risk", "14 triggers.0.when"]),
        (LINES_APART.replace("id: t", "id: T"), ["5 triggers.0.id", "14 triggers.0.when"]),
        (LINES_APART.replace("profile: disaster", "profile: 5"), ["13 triggers.0.profile", "14 triggers.0.when"]),
        (LINES_APART.replace("month", "fortnight").replace("profile: disaster", "profile: own"),
         ["12 triggers.0.period", "13 triggers.0.profile", "14 triggers.0.when"]),
        (LINES_APART.replace("department: 乡镇", "from: 2023-02-30\n    measures: [gold]"),
         ["5 triggers.0.department", "10 triggers.0.from", "11 triggers.0.measures.0", "15 triggers.0.when"]),
        (LINES_APART.replace("zh: 某", "zh: 某\n    from: 2023-01-01\n    until: 2022-01-01"),
         ["8 triggers.0.until", "16 triggers.0.when"]),
        (LINES_APART.replace("{fact: nofact, at_least: 1}", "{all: [{fact: nofact, at_least: 1},\n     {fact: 5, at_least: 1}]}"),
         ["14 triggers.0.when", "15 triggers.0.when.all.1.fact"]),
        (LINES_APART.replace("{fact: nofact, at_least: 1}", "{not: {fact: nofact, atleast: 1}}").replace("profile: disaster", "profile: x"),
         ["13 triggers.0.profile", "14 triggers.0.when.not.atleast"]),
        (BENEFIT + "received: gold,\n     whom: {height: 1},\n     amount: no_amount,\n     when: {fact: nofact, at_least: 1}}\n",
         ["5 entitlements.0.received", "6 entitlements.0.whom", "7 entitlements.0.amount", "8 entitlements.0.when"]),
        (f"facts:\n  f: {{zh: 某, en: Some,\n    formula: no_formula}}\n{COHORT.replace('members, at_least: 1', 'f, is: true')}}}\n",
         ["5 facts.f.unit", "6 facts.f.formula"]),
        (SCHEME.replace("outpatient_rate: {}", "outpatient_rate: 5") + LAYER + TERMS + "}}]}\n", ["5 schemes.0.outpatient_rate"]),
        (REWARD + STEP.replace("2020-06-11", "2020-06-31"), ["5 rewards.r.steps.0.until"]),
    ],
)  # fmt: skip
def test_a_fault_hides_no_other_and_brings_none_with_it(tmp_path: Path, text: str, places: list[str]) -> None:
    faults = [fault.split(":") for fault in told(tmp_path, _990009=text)]
    assert [line + place for _, line, place, *_ in faults] == places


def test_all_that_is_wrong_of_one_fact_or_section_is_told(tmp_path: Path) -> None:
    where = "where: {sex: woman, labour_ability: [ordinary, strong], height: 3}, within: month"
    section = "verification:\n  zh: 核\n  en: V\n  reference: 虚构\n  grade: synthetic\n  sections:\n    a: {zh: 某, en: A, columns: "
    text = f"{FACT}persons, count: members, {where}}}\n{section}{{member.sex: {{}}, members.nothing: {{}}, members: {{}}}}}}\n"
    fact, verified = told(tmp_path, _990009=text)
    assert [word in fact for word in ("no code woman", "no code strong", "no column height", "no period")] == [True] * 4
    assert [word in verified for word in ("no table member ", "no column nothing", "members: write table.column")] == [True] * 3


def test_a_part_at_fault_leaves_the_lines_of_the_others(tmp_path: Path) -> None:
    text = COHORT + "from: 2023-02-30}\n" + COHORT.partition("\n")[2].replace("members", "floods").replace("id: c", "id: d") + "}\n"
    assert [fault.partition(" ")[2].partition(":")[0] for fault in told(tmp_path, _990009=text)] == ["cohorts.0.from", "cohorts.1.when"]
    assert [fault.split(":")[1] for fault in told(tmp_path, _990009=text)] == ["5", "6"]


def test_a_file_that_is_no_yaml_leaves_no_faults_with_those_below_it(tmp_path: Path) -> None:
    (fault,) = told(tmp_path, _99="facts:\n  hail: {zh: 某\n", _990009=OF_HAIL)
    assert fault.startswith("99.yaml:")


def test_a_set_of_its_own_is_one_that_the_file_chooses(tmp_path: Path) -> None:
    text = f'region: "990009"\nzh: 某县\nen: A county\nprofiles: [own]\n{TRIGGER}profile: own}}\n'
    (tmp_path / "990009.yaml").write_text(text, encoding="utf-8")
    packs = read(counties=tmp_path).packs
    assert packs is not None
    assert packs.at("990009").profiles == {"own"}


@pytest.mark.parametrize(
    "text",
    [
        FACT + "flag, value: living.tap_water}\n  g: {zh: 某, en: Some, unit: m2, value: living.house_area}\n",
        CLASS + "measures: [industry], when: {not: {fact: labour_members, at_least: 3}}}\n",
        CLASS + "measures: [industry], when: {any: [{fact: labour_members, less_than: 1}, {fact: members, at_least: 1}]}}\n",
        TWO_SCHEMES,
        TWO_SCHEMES.replace("from: 2020-01-01", "from: 2020-01-01, until: 2023-01-01", 1),
        COHORT.replace("members, at_least: 1", "safe_water, at_most: 0") + "}\n",
        COHORT.replace("members, at_least: 1", "safe_water, more_than: 0.5") + "}\n",
        COHORT.replace("members, at_least: 1", "safe_water, is: false") + "}\n",
    ],
)
def test_what_is_no_fault_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "990009.yaml").write_text(f'region: "990009"\nzh: 某县\nen: A county\n{text}', encoding="utf-8")
    assert read(counties=tmp_path).packs is not None


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
        ("yuan/person/year", "value: -1, reference: 某文", "one.yaml:6: values.CN.0: -1 yuan/person/year"),
        ("share", "value: 50, reference: 某文", "one.yaml:6: values.CN.0: 50: a share"),
        ("pounds", "value: 1, reference: 某文", "one.yaml:3: unit"),
        ("share", "value: 0.5, reference: '[R99]'", "one.yaml:6: values.CN.0: no source goes by R99"),
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
