"""What the register says of households, members and houses: the truth, a row a change, known some weeks or months later."""

from __future__ import annotations

import numpy as np

from features.register import Array, BoolArray, FloatArray
from training.synth.block import QUARTER, SLOTS, YEAR, Block
from training.synth.condition import LOST, WEAK
from training.synth.county import Truth
from training.synth.draws import Keys, keys
from training.synth.medical import insured
from training.synth.population import ADULT, exit_year
from training.synth.rows import Rows, delay, money, rows, together

UNDER = 14 * YEAR  # months of age below which only birth year, school and insurance are held
# How a member's state is packed into one number: (name, bits), from the lowest bit on.
_BITS = (
    ("presence", 2), ("child", 1), ("school_status", 3), ("dropped_out", 1), ("chronic_disease", 1), ("serious_illness", 1),
    ("disabled", 1),
    ("labour_ability", 3), ("relation_to_head", 4), ("medical_insured", 1), ("pension_insured", 1), ("pension_receiving", 1),
    ("dibao", 1),
    ("extreme_poverty_support", 1), ("schooled", 1), ("doctor_contract", 1),
)  # fmt: skip


def households(truth: Truth) -> Rows:
    """Rows of the households table."""
    block, preset = truth.block, truth.block.preset
    size = truth.means.size[:, 1::QUARTER]
    changed = np.ones(size.shape, dtype=np.bool_)
    changed[:, 1:] = size[:, 1:] != size[:, :-1]
    row, quarter = np.nonzero(changed & (size > 0))
    draws = block.draws
    relocated = draws.uniform("relocated", block.home) < _relocation(truth, size[:, 0])
    left = exit_year(block, truth.people)
    elsewhere = (draws.uniform("hukou elsewhere", block.home) < 0.12).astype(np.int64)
    shared = size[row, quarter].astype(np.float64)
    county_exited, county_all = preset.number("county.exited_households"), preset.number("county.rural_households")
    plan = block.plan
    weight = np.where(
        block.exited, county_exited / max(plan.exited, 1), (county_all - county_exited) / max(plan.households - plan.exited, 1)
    )
    valid, known = _dated(block, row, quarter, who=block.home[row], name="household")
    table = rows(
        "households", row, village_code=block.village[row], registry_status=np.where(block.exited, 0, 1)[row], exit_year=left[row],
        relocated=relocated[row], hukou_size=shared + elsewhere[row], sharing_size=shared, weight=np.round(weight, 3)[row],
        valid_from=valid, known_on=known,
    )  # fmt: skip
    table.words["village_code"] = block.villages.codes
    return table


def _relocation(truth: Truth, size: Array) -> FloatArray:
    """Chance of having been relocated: exited households only, larger ones rather, those whom nobody could feed by work seldom."""
    preset, condition = truth.block.preset, truth.condition
    tilt = np.exp(preset.number("relocation.tilt") * (size - preset.number("relocation.around")))
    able = (condition.here & (condition.ability < WEAK))[..., 0].any(axis=1)
    moves = np.where(able, 1.0, preset.number("relocation.none_able"))
    return np.asarray(truth.block.exited * np.clip(preset.number("relocation.share") * tilt * moves, 0, 1))


def _dated(block: Block, row: Array, quarter: Array, *, who: Keys, name: str, month: Array | None = None) -> tuple[Array, Array]:
    """When a row became true and when it was known. Rows of the first quarter open the register; later ones follow their events."""
    span, draws = block.span, block.draws
    place = draws.uniform(f"{name} day", who)
    ahead = np.floor(3 * draws.uniform(f"{name} month", who)).astype(np.int64) if month is None else month - quarter * QUARTER
    later = span.day(np.clip(quarter * QUARTER + ahead, 0, span.months - 1), place)
    opening = int(span.day(np.array(0)))
    valid = np.where(quarter == 0, opening, later)
    ordinary, exited = block.preset.numbers("reporting.member_delay")
    late = delay(block, f"{name} delay", who, np.where(block.exited[row], exited, ordinary), least=3)
    first = np.floor(5 + 45 * draws.uniform(f"{name} opening", who)).astype(np.int32)
    return valid, valid + np.where(quarter == 0, first, late)


def members(truth: Truth, birth_month: Array, birth_day: Array) -> Rows:
    """Rows of the members table: one whenever anything of a member has changed since the quarter before."""
    block, people = truth.block, truth.people
    state = _states(truth, birth_month, birth_day)
    changed = state != 0
    changed[..., 1:] &= state[..., 1:] != state[..., :-1]
    row, slot, quarter = np.nonzero(changed)
    packed = state[row, slot, quarter]
    values: dict[str, Array] = {}
    at = 0
    for name, width in _BITS:
        values[name] = (packed >> at) & (2**width - 1)
        at += width
    presence = values["presence"] - 1  # 0 in the packed state is "not yet"
    # where somebody goes the row bears the day of going
    gone = np.clip(people.gone[row, slot], 0, block.span.months - 1)
    ahead = np.where(presence > 0, gone, quarter * QUARTER + np.floor(3 * block.draws.uniform("member month", block.person[row, slot], 1)))
    who = keys(block.hid[row] * 8192 + slot * 128 + quarter + (1 << 45))
    valid, known = _dated(block, row, quarter, who=who, name="member", month=ahead.astype(np.int64))
    child = values["child"] == 1
    disabled = (values["disabled"] == 1) & ~child
    schooled = (values["schooled"] == 1) & ~child

    def unless_child(name: str) -> Array:
        return np.where(child, -1, values[name])

    return rows(
        "members", row, member_id=row * SLOTS + slot, presence=np.where(presence > 0, presence, 0),
        relation_to_head=unless_child("relation_to_head"), sex=np.where(child, -1, people.sex[row, slot]),
        birth_year=people.birth[row, slot].astype(np.float64), education=np.where(schooled, people.attain[row, slot], -1),
        school_status=values["school_status"], dropped_out=values["dropped_out"],
        chronic_disease=unless_child("chronic_disease"), serious_illness=unless_child("serious_illness"),
        disability_category=np.where(disabled, people.disability[row, slot], -1),
        disability_level=np.where(disabled, people.level[row, slot].astype(np.float64), np.nan),
        labour_ability=unless_child("labour_ability"),
        doctor_contract=np.where(~child & (values["chronic_disease"] == 1), values["doctor_contract"], -1),
        medical_insured=values["medical_insured"], pension_insured=unless_child("pension_insured"),
        pension_receiving=unless_child("pension_receiving"), dibao=unless_child("dibao"),
        extreme_poverty_support=unless_child("extreme_poverty_support"), valid_from=valid, known_on=known,
    )  # fmt: skip


def _states(truth: Truth, birth_month: Array, birth_day: Array) -> Array:
    """(n, SLOTS, quarters) packed states; 0 before a person comes and while nothing is to be said."""
    block, people, condition, means = truth.block, truth.people, truth.condition, truth.means
    draws, span = block.draws, block.span
    unseen = draws.uniform("illness unseen", block.person) < _by_status(block, "reporting.event_unseen")[:, None]
    signs_up = draws.uniform("doctor contract", block.person) < _by_status(block, "health.doctor_contract")[:, None]
    joins = draws.uniform("pension insured", block.person) < 0.86
    out = np.zeros((block.n, SLOTS, span.quarters), dtype=np.int32)
    first = condition.here.argmax(axis=2)
    came = condition.here.any(axis=2)
    for quarter in range(span.quarters):
        year, month = span.first + quarter // 4, quarter * QUARTER
        known = came & (first <= quarter)
        here = condition.here[..., quarter]
        going = np.where(people.gone_kind == 2, 3, 2)
        age = (year - people.birth) * YEAR + month % YEAR - birth_month  # in months, at the beginning of the quarter
        ability = condition.ability[..., quarter]
        none_able = ~(here & (ability < WEAK)).any(axis=1, keepdims=True)
        unable = here & (ability >= LOST)
        growing = (year - people.birth < ADULT) | condition.student[..., quarter]
        # Of children it is not held that they are on dibao: the roll names the head who applied for them, until they have grown up.
        applicant = ~(unable & ~growing).any(axis=1, keepdims=True) & (condition.relation[..., quarter] == 0)
        covered = (
            (means.dibao[:, quarter // 4] > 0)[:, None] & here & (none_able | unable | applicant | means.dibao_whole[:, quarter // 4, None])
        )
        working_age = (age >= 16 * YEAR) & (year - people.birth < 61)
        drawing = means.pensioner[..., quarter // 4]
        values = {
            "presence": np.where(here, 1, going),
            "child": age < UNDER + (birth_day > 1),  # not yet fourteen on the first day of the quarter
            "school_status": condition.school[..., quarter],
            "dropped_out": condition.dropped[..., quarter],
            "chronic_disease": condition.chronic[..., quarter] & ~unseen,
            "serious_illness": condition.serious[..., quarter],
            "disabled": condition.disabled[..., quarter],
            "labour_ability": ability,
            "relation_to_head": condition.relation[..., quarter],
            "medical_insured": insured(block, year),
            "pension_insured": (joins & working_age & ~condition.student[..., quarter]) | drawing,
            "pension_receiving": drawing,
            "dibao": covered,
            "extreme_poverty_support": means.supported[:, None] & here,
            "doctor_contract": signs_up,
            "schooled": (condition.school[..., quarter] == 0) & (age >= 16 * YEAR),
        }
        gone = known & ~here
        at = 0
        packed = np.zeros(known.shape, dtype=np.int32)
        for name, width in _BITS:
            packed |= values[name].astype(np.int32) << at
            at += width
        if quarter:  # who has gone keeps the last state that was known of them
            before = out[..., quarter - 1]
            packed = np.where(gone, (before & ~3) | np.where(here, 1, going), packed)
        out[..., quarter] = np.where(known, packed, 0)
    return out


def living(truth: Truth) -> Rows:
    """Rows of the living table: house, water, road and land, a row a year in which they changed."""
    block, draws, preset, span = truth.block, truth.block.draws, truth.block.preset, truth.block.span
    share = preset.numbers("living.dangerous")
    dangerous: BoolArray = draws.uniform("dangerous house", block.home) < np.where(block.exited, share[1], share[0])
    unsafe: BoolArray = block.villages.unsafe_water[block.village] & (draws.uniform("own water", block.home) < 0.92)
    tapped, tap_comes = preset.numbers("living.tap")
    project = 2017 + np.floor(3 * draws.uniform("water project", _village_keys(block)))[block.village]
    tap: BoolArray = ~unsafe & (draws.uniform("tap", block.home) < tapped)
    toilet: BoolArray = draws.uniform("toilet", block.home) < 0.4
    road: BoolArray = draws.uniform("road", block.home) < 0.8
    area = np.round(np.clip(25 * truth.means.size[:, 0] + 40 * np.exp(0.4 * draws.normal("house", block.home)), 18, 400))
    distance = np.round(np.clip(0.2 + 4.5 * block.villages.remote[block.village] * draws.uniform("distance", block.home), 0.1, 5.0), 1)
    woods = np.round(np.where(draws.uniform("forest", block.home) < 0.5, 8 * draws.uniform("forest size", block.home) ** 2, 0), 1)
    orchard = np.round(np.where(draws.uniform("orchard", block.home) < 0.12, 4 * draws.uniform("orchard size", block.home), 0), 1)
    worries = preset.numbers("living.worries")
    made: list[Rows] = []
    before: Array | None = None
    for y in range(span.years):
        year = span.first + y
        eats, dresses = _means_to_line(truth, max(0, y - 1)) >= worries[:, None]
        if y:
            dangerous = dangerous & (draws.uniform("rebuilt", block.home, year) > preset.number("living.rebuilt_a_year"))
            dangerous = dangerous | truth.shocks.house_hit[:, y - 1]
            unsafe = unsafe & (year < project)
            tap = tap | (~unsafe & (draws.uniform("tap comes", block.home, year) < tap_comes))
            toilet = toilet | (draws.uniform("toilet comes", block.home, year) < 0.12)
            road = road | (draws.uniform("road comes", block.home, year) < 0.25)
        state = np.stack([dangerous, unsafe, tap, toilet, road], axis=1)
        changed = np.ones(block.n, dtype=np.bool_) if before is None else (state != before).any(axis=1)
        before = state
        row = np.flatnonzero(changed & (truth.means.size[:, y * YEAR] > 0))
        quarter = np.full(len(row), y * 4)
        valid, known = _dated(block, row, quarter, who=block.home[row], name=f"living {year}")
        made.append(
            rows(
                "living", row, dangerous_house=dangerous[row], house_area=area[row], food_secure=eats[row], clothing_secure=dresses[row],
                water_safe=~unsafe[row], tap_water=tap[row], electricity=1,
                road_hardened=road[row], road_distance=distance[row], sanitary_toilet=toilet[row],
                farmland=truth.means.land[row], forest=woods[row], orchard=orchard[row], valid_from=valid, known_on=known,
            )
        )  # fmt: skip
    return together(made)


def _means_to_line(truth: Truth, y: int) -> FloatArray:
    """(n,) a year's income a head, help included, as a share of the poverty line; who lives nowhere has nothing."""
    months = slice(y * YEAR, (y + 1) * YEAR)
    persons = np.maximum(truth.means.size[:, months].mean(axis=1), 1.0)
    return np.asarray(truth.net[:, months].sum(axis=1) / persons / truth.block.plan.lines(truth.block.span.first + y)[0])


def _by_status(block: Block, entry: str) -> FloatArray:
    """(n,) a number that differs between ordinary and exited households, in this order in the preset."""
    ordinary, exited = block.preset.numbers(entry)
    return np.asarray(np.where(block.exited, exited, ordinary))


def _village_keys(block: Block) -> Keys:
    return keys(np.arange(block.villages.count) + (1 << 50))


def debts(truth: Truth) -> Rows:
    """Rows of the debts table: microcredit of three years, loans for business, private debts after serious illness."""
    block, draws, span = truth.block, truth.block.draws, truth.block.span
    made = []
    takes = draws.uniform("microcredit", block.home) < _by_status(block, "debts.microcredit_share")
    start = np.floor(draws.uniform("microcredit start", block.home) * min(span.months, 60)).astype(np.int64)
    low, high = block.preset.numbers("debts.microcredit")
    amount = money(low + (high - low) * draws.uniform("microcredit sum", block.home), 1000)
    for months, share in ((0, 1.0), (36, 0.0)):
        row = np.flatnonzero(takes & (start + months < span.months))
        made.append(_balance(block, row, start[row] + months, balance=amount[row] * share, lender=0, name=f"microcredit {months}"))
    loan = truth.shocks.has_business & (draws.uniform("bank loan", block.home) < 0.35)
    row = np.flatnonzero(loan)
    sums = money(30000 + 70000 * draws.uniform("bank sum", block.home[row]), 1000)
    made.append(_balance(block, row, np.zeros(len(row), dtype=np.int64), balance=sums, lender=1, name="bank"))
    for y in range(span.years):
        paid = truth.bills.yearly_oop[:, y]
        borrows = (paid > 9000) & (draws.uniform("borrows", block.home, y) < 0.5)
        for later, share in ((0, 0.6), (1, 0.35), (2, 0.1)):
            row = np.flatnonzero(borrows & ((y + later + 1) * YEAR <= span.months))
            made.append(
                _balance(
                    block,
                    row,
                    np.full(len(row), (y + later) * YEAR + 11),
                    balance=money(paid[row] * share, 100),
                    lender=2,
                    name=f"private {y} {later}",
                )
            )
    return together(made)


def _balance(block: Block, row: Array, month: Array, *, balance: FloatArray, lender: int, name: str) -> Rows:
    valid = block.span.day(month, block.draws.uniform(f"{name} day", block.home[row]))
    known = valid + delay(block, f"{name} delay", block.home[row], 40 if lender < 2 else 120)
    return rows("debts", row, lender=lender, balance=balance, valid_from=valid, known_on=known)
