"""A past score comes out again to the last bit, or what was corrected since is named."""

from __future__ import annotations

import copy
import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from features.errors import UserError
from features.pseudonym import load_key, pseudonym
from service.bundles import ActiveBundle
from service.importing import import_register
from service.new_list import score_stored
from service.reproducing import Reproduction, reproduce
from service.storage.tables import active_list, imports, lists, scores
from tests.service import made_up
from tests.service.commands import run_command
from tests.service.sites import Site

AS_OF = made_up.AS_OF
LATER = dt.datetime(2024, 6, 1, 1, 0, tzinfo=dt.UTC)


def again(site: Site, household: str, version: int | None = None) -> Reproduction:
    return reproduce(site.database, site.settings.bundle_dir, household, AS_OF, version)


def scored_ids(site: Site) -> list[str]:
    with site.database.reading() as connection:
        found = connection.execute(select(scores.c.household_id).where(scores.c.state == "scored").order_by(scores.c.household_id))
        return list(found.scalars().all())


def key_of(site: Site) -> bytes:
    return load_key(site.settings.pseudonym_key)


def bring_in(site: Site, folder: Path, **how: Any) -> None:
    import_register(
        site.database, folder, key_of(site), months=36, uploads=site.settings.uploads_dir, clock=lambda: LATER, mode="replace", **how
    )


@pytest.fixture
def corrected(own_site: Site, households: list[made_up.Household], tmp_path: Path) -> tuple[str, str]:
    """Another import: one household earns half of what was said and a member is ill (or well); the other household is as it was."""
    changed = copy.deepcopy(households)
    scored = set(scored_ids(own_site))
    named = {pseudonym(key_of(own_site), one["household_id"]): one for one in changed[60:]}  # those before have rows beside these
    mine, other = [name for name, one in named.items() if name in scored and len(one["incomes"]) > 10][:2]
    for row in named[mine]["incomes"]:
        row["amount"] = row["amount"] and row["amount"] / 2
    named[mine]["members"][0]["chronic_disease"] = not named[mine]["members"][0]["chronic_disease"]
    # Known only after the list's day, so no input of its score.
    named[mine]["incomes"].append(
        {"source": "wage", "period_start": "2024-01", "period_end": "2024-03", "amount": 5.0, "known_on": "2024-04-20"}
    )
    bring_in(own_site, made_up.write_register(tmp_path / "corrected", changed))
    return mine, other


def test_every_score_of_a_list_comes_out_again_to_the_last_bit(site: Site) -> None:
    with site.database.reading() as connection:
        ids = connection.execute(select(scores.c.household_id).order_by(scores.c.risk)).scalars().all()
    for household in [*ids[:3], *ids[::60], *ids[-3:]]:
        made = again(site, household)
        assert made.same, (made.stored, made.again)
        assert made.corrected == []
        assert made.now == made.again


def test_a_past_score_comes_out_again_after_its_input_was_corrected(own_site: Site, corrected: tuple[str, str]) -> None:
    made = again(own_site, corrected[0])
    assert made.same
    assert made.now is not None
    assert made.now["risk"] != made.stored["risk"]
    both = made.now["probability"], made.stored["probability"]
    assert made.difference == (None if None in both else both[0] - both[1])
    cells = {(one.table, one.column) for one in made.corrected}
    assert cells == {("incomes", "amount"), ("members", "chronic_disease")}
    for amount in (one for one in made.corrected if one.table == "incomes"):
        assert (amount.import_id, amount.imported_at) == (2, "2024-06-01T01:00:00Z")
        assert isinstance(amount.old, float)
        assert amount.new == pytest.approx(amount.old / 2, abs=0.01)
        assert amount.key.startswith("source ")
    illness = next(one for one in made.corrected if one.table == "members")
    assert {illness.old, illness.new} == {True, False}
    assert "valid_from 2020-01-01" in illness.key


def test_a_household_that_nobody_corrected_has_no_corrections(own_site: Site, corrected: tuple[str, str]) -> None:
    made = again(own_site, corrected[1])
    assert (made.same, made.corrected, made.difference) == (True, [], 0.0)
    assert made.now == made.stored


def test_rows_that_came_late_and_rows_that_went_are_named(own_site: Site, households: list[made_up.Household], tmp_path: Path) -> None:
    changed = copy.deepcopy(households)
    one = next(one for one in changed if one["debts"])
    del one["debts"][0]
    one["events"].append({"event_kind": "accident", "occurred_on": "2023-11-05", "amount": 900.0, "known_on": "2023-12-20"})
    bring_in(own_site, made_up.write_register(tmp_path / "corrected", changed))
    made = again(own_site, pseudonym(key_of(own_site), one["household_id"]))
    assert made.same
    told = {(row.table, row.column, row.old, row.new) for row in made.corrected}
    assert ("debts", "balance", 12000.0, None) in told
    assert ("events", "event_kind", None, "accident") in told
    assert ("events", "occurred_on", None, "2023-11-05") in told
    assert {row.import_id for row in made.corrected} == {2}


def test_a_household_that_left_the_register_can_still_be_made_again(
    own_site: Site, households: list[made_up.Household], tmp_path: Path
) -> None:
    bring_in(own_site, made_up.write_register(tmp_path / "fewer", households[1:]))
    made = again(own_site, pseudonym(key_of(own_site), households[0]["household_id"]))
    assert made.same
    assert made.now is None
    assert {row.new for row in made.corrected} == {None}


def test_each_list_of_a_day_is_made_again_with_its_own_model(own_site: Site, households: list[made_up.Household]) -> None:
    household = scored_ids(own_site)[0]
    made_up.promote(made_up.train(households, seed=41), own_site.settings.bundle_dir)
    score_stored(own_site.database, ActiveBundle(own_site.settings.bundle_dir).current(), None, threads=1, clock=lambda: LATER)
    with own_site.database.reading() as connection:
        second = connection.execute(select(func.max(active_list.c.list_version))).scalar_one()
    latest, first = again(own_site, household), again(own_site, household, 1)
    assert (latest.record.list_version, first.record.list_version) == (second, 1)
    assert latest.same
    assert first.same
    assert latest.stored != first.stored
    shutil.rmtree(own_site.settings.bundle_dir / first.record.model_version)
    with pytest.raises(UserError, match="not kept"):
        again(own_site, household, 1)


@pytest.mark.parametrize("number", [1, 2])  # what the list was made from, and what is in use today
def test_an_import_of_another_programme_is_not_guessed_at(own_site: Site, corrected: tuple[str, str], number: int) -> None:
    with own_site.database.writing() as connection:
        connection.execute(update(imports).where(imports.c.id == number).values(meanings=None))
    with pytest.raises(UserError, match=f"import {number} was written by another version of this programme"):
        again(own_site, corrected[0])


def test_another_score_than_the_stored_one_is_told(own_site: Site) -> None:
    household = scored_ids(own_site)[0]
    with own_site.database.writing() as connection:
        low = scores.c.low
        connection.execute(update(scores).where(scores.c.household_id == household).values(low=low + 1e-15 * (1 + low)))
    made = again(own_site, household)
    assert not made.same
    assert [name for name in made.stored if made.again and made.stored[name] != made.again[name]] == ["low"]


@pytest.mark.parametrize(
    ("household", "as_of", "version", "told"),
    [("nobody", AS_OF, None, "no such household"), (None, dt.date(2022, 12, 31), None, "2023-12-31"), (None, AS_OF, 99, "list 99")],
)
def test_what_was_never_scored_is_told_with_what_there_is(
    site: Site, household: str | None, as_of: dt.date, version: int | None, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        reproduce(site.database, site.settings.bundle_dir, household or scored_ids(site)[0], as_of, version)


def test_the_command_says_so_in_words_and_in_its_exit_code(
    own_site: Site, corrected: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("database_url", "bundle_dir", "pseudonym_key", "uploads_dir"):
        monkeypatch.setenv(f"FANGPIN_{name.upper()}", str(getattr(own_site.settings, name)))

    def run(*command: str) -> tuple[int, str]:
        done = run_command(capsys, "reproduce", *command)
        return done.code, done.out + done.err

    asked = ("--household", corrected[0], "--as-of", AS_OF.isoformat())
    code, out = run(*asked)
    assert code == 0, out
    assert "the same to the last bit" in out
    assert "incomes [source wage" in out
    assert "import 2, 2024-06-01T01:00:00Z" in out
    with own_site.database.writing() as connection:
        connection.execute(update(lists).values(policy_version="older"))
        connection.execute(update(scores).values(risk=scores.c.risk + 1))
    code, out = run(*asked, "--list", "1")
    assert (code, "policy files are" in out) == (1, True)
    assert run("--household", "x", "--as-of", "yesterday")[0] == 2
