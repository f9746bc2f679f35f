"""The tables come by numbered steps, on every database; going back and forth keeps what the shapes have in common."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, inspect, literal, select, text, update
from typer.testing import CliRunner

from features.contents import register_digest
from features.errors import UserError
from service.auth import Role
from service.bundles import ActiveBundle
from service.cli import app
from service.importing import import_register
from service.new_list import score_stored
from service.storage.codebook import codebook
from service.storage.database import Database
from service.storage.migrating import NOTHING, head, is_empty, losses, migrate, number, steps
from service.storage.register_store import import_of, load_register
from service.storage.score_store import active
from service.storage.tables import imports, lists, metadata, scores, tokens, users
from service.storage.token_store import find_token, token_hash
from tests.service import made_up
from tests.service.sites import Backend, Site, now, settings_in


@pytest.fixture
def bare(tmp_path: Path, backend: Backend) -> Iterator[Database]:
    """A database without tables."""
    with backend.bare(tmp_path) as url, closing(Database(url)) as database:
        yield database


def go(database: Database, to: str) -> None:
    """Brings a database to a step."""
    with database.altering() as connection:
        migrate(connection, to)


def shape(connection: Connection) -> dict[str, Any]:
    """Everything that the database says of its tables, in an order of its own."""
    there = inspect(connection)
    names = sorted(set(there.get_table_names()) - {"alembic_version"})
    found: dict[str, Any] = {}
    for name in names:
        found[name] = {
            "columns": sorted((c["name"], repr(c["type"]), c["nullable"], repr(c["default"])) for c in there.get_columns(name)),
            "key": there.get_pk_constraint(name)["constrained_columns"],
            # SQLite takes no name for a key that numbers its rows once for all.
            "key's name": None if connection.dialect.name == "sqlite" else there.get_pk_constraint(name)["name"],
            "references": sorted(repr(sorted(key.items(), key=str)) for key in there.get_foreign_keys(name)),
            "unique": sorted(repr((u["name"], u["column_names"])) for u in there.get_unique_constraints(name)),
            "checks": sorted(repr((c["name"], c["sqltext"])) for c in there.get_check_constraints(name)),
            "indexes": sorted(repr((i["name"], i["column_names"], i["unique"])) for i in there.get_indexes(name)),
        }
    if connection.dialect.name == "sqlite":
        for row in connection.execute(text("SELECT name, wr FROM pragma_table_list WHERE schema = 'main'")):
            if row.name in found:
                found[row.name]["without rowid"] = row.wr
        for row in connection.execute(text("SELECT name, sql LIKE '%AUTOINCREMENT%' AS once FROM sqlite_schema WHERE type = 'table'")):
            if row.name in found:
                found[row.name]["numbered once"] = row.once
    return found


def declared(tmp_path: Path, backend: Backend) -> dict[str, Any]:
    """The shape of a database made from the declared tables, without any step."""
    (tmp_path / "declared").mkdir()
    with backend.bare(tmp_path / "declared") as url, closing(Database(url)) as database:
        with database.writing() as connection:
            metadata.create_all(connection)
        with database.reading() as connection:
            return shape(connection)


def test_the_steps_lead_to_the_declared_tables(bare: Database, tmp_path: Path, backend: Backend) -> None:
    bare.create()
    with bare.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert shape(connection) == declared(tmp_path, backend)
        assert number(connection) == head()


def test_each_step_can_be_taken_back_and_taken_again(bare: Database) -> None:
    shapes: dict[str, Any] = {}
    for step in (NOTHING, *steps()):
        go(bare, step)
        with bare.reading() as connection:
            shapes[step] = shape(connection)
    assert not shapes[NOTHING]
    for step in reversed((NOTHING, *list(steps())[:-1])):
        go(bare, step)
        with bare.reading() as connection:
            assert shape(connection) == shapes[step]
    go(bare, head())
    with bare.reading() as connection:
        assert shape(connection) == shapes[head()]


def test_going_back_keeps_lists_and_tokens_and_going_forth_the_tokens(own_site: Site) -> None:
    database = own_site.database
    token = own_site.token(Role.COUNTY, made_up.COUNTY)
    with database.reading() as connection:
        holder = find_token(connection, token, now())
    with database.writing() as connection:  # the beginning of a list that was never finished
        current = connection.execute(select(lists)).one()
        connection.execute(insert(lists).values(**dict(current._mapping) | {"list_version": 7, "finished": False}))
        connection.execute(insert(scores).from_select(scores.c.keys(), select(literal(7), *list(scores.c)[1:]).limit(5)))
    go(database, "0001")
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*), max(list_version) FROM scores")).one() == (400, 1)
        assert connection.execute(text("SELECT list_version FROM active_list")).scalar_one() == 1
        assert connection.execute(text("SELECT count(*) FROM register_households")).scalar_one() == 0
    go(database, head())
    with database.reading() as connection:
        assert find_token(connection, token, now()) == holder
        assert active(connection) is None  # nothing in the older list says what its causes are; half an answer is none
        assert import_of(connection, 1) is None
    assert own_site.client.get("/api/v1/summary", headers={"Authorization": f"Bearer {token}"}).status_code == 503


def test_a_register_of_before_people_entered_what_they_decide_reads_as_ever(own_site: Site) -> None:
    entered = {
        "households": ("expected_exit_year", "lives_in_both", "wishes_heard_on"),
        "members": ("dibao_tier", "dropout_sign"),
        "events": ("subsidy",),
        "monitoring": ("risk_3", "risk_4", "risk_5"),
    }
    database, then = own_site.database, json.loads(codebook())
    for table, columns in entered.items():
        for column in columns:
            then[table].pop(column, None)
    with database.reading() as connection:
        whole = load_register(connection)
    go(database, "0012")
    with database.writing() as connection:
        held = {table: {one["name"] for one in inspect(connection).get_columns(f"register_{table}")} for table in entered}
        assert not any(held[table] & set(columns) for table, columns in entered.items())
        connection.execute(update(imports).values(meanings=json.dumps(then)))
    go(database, head())
    with database.reading() as connection:
        again = load_register(connection)
    assert register_digest(again) == register_digest(whole) == whole.info.digest
    assert np.isnan(again.tables["households"].columns["expected_exit_year"]).all()
    assert np.isnan(again.tables["events"].columns["subsidy"]).all()


def test_the_tokens_of_a_disabled_user_open_no_door_after_going_back_and_forth(own_site: Site) -> None:
    database = own_site.database
    theirs = {name: own_site.token(Role.COUNTY, made_up.COUNTY) for name in ("at work", "gone")}
    with database.writing() as connection:
        for name, token in theirs.items():
            gone = "2024-01-01T00:00:00Z" if name == "gone" else None
            values = {"name": name, "role": "county", "region": made_up.COUNTY, "created_at": "2024-01-01T00:00:00Z", "disabled_at": gone}
            user = connection.execute(insert(users).values(values).returning(users.c.id)).scalar_one()
            connection.execute(update(tokens).where(tokens.c.token_hash == token_hash(token)).values(user_id=user))
    with database.reading() as connection:
        assert [find_token(connection, token, now()) is None for token in theirs.values()] == [False, True]
    go(database, "0001")
    go(database, head())
    with database.reading() as connection:
        assert [find_token(connection, token, now()) is None for token in theirs.values()] == [False, True]


def test_numbers_are_never_used_twice_after_going_back_and_forth(own_site: Site, register_folder: Path) -> None:
    go(own_site.database, "0001")
    go(own_site.database, head())
    key = bytes.fromhex(own_site.settings.pseudonym_key.read_text())
    done = import_register(own_site.database, register_folder, key, months=36, uploads=own_site.settings.uploads_dir, clock=now)
    assert done.number == 2
    bundle = ActiveBundle(own_site.settings.bundle_dir).current()
    assert score_stored(own_site.database, bundle, None, threads=1, clock=now).version == 2


def test_tables_made_before_steps_were_numbered_are_taken_over(own_site: Site) -> None:
    database = own_site.database
    token = own_site.token(Role.COUNTY, made_up.COUNTY)
    go(database, "0001")
    with database.writing() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(UserError, match="service migrate"):
        database.create()
    go(database, head())
    database.create()
    with database.reading() as connection:
        assert find_token(connection, token, now()) is not None


def test_a_database_that_is_behind_or_ahead_is_refused_with_what_to_do(bare: Database) -> None:
    go(bare, "0001")
    with pytest.raises(UserError, match=r"0001.*service migrate"):
        bare.create()
    go(bare, head())
    bare.create()
    with bare.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match=rf"9999.*newer programme.*--to {head()}"):
        bare.create()
    with pytest.raises(UserError, match="9999"), bare.altering() as connection:
        migrate(connection, head())


def test_a_step_that_fails_changes_nothing(bare: Database) -> None:
    go(bare, "0001")
    with bare.writing() as connection:
        connection.execute(text("CREATE TABLE model_history (id INTEGER)"))  # in the way of the last thing that step 2 does
    with bare.reading() as connection:
        before = shape(connection)
    with pytest.raises(UserError, match="model_history"), bare.altering() as connection:
        migrate(connection, "0002")
    with bare.reading() as connection:
        assert shape(connection) == before
        assert number(connection) == "0001"


# Says when it is ready to begin, and begins when it is told to.
START = """
import sys
from service.storage.database import Database
print("ready", flush=True)
sys.stdin.readline()
for url in sys.argv[1:]:
    database = Database(url)
    database.{}()
    database.close()
"""


def all_at_once(what: str, *urls: str) -> None:
    """Four processes do the same with the same databases at the same time, and none fails."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with ExitStack() as stack:
        command = [sys.executable, "-c", START.format(what), *urls]
        workers = [stack.enter_context(subprocess.Popen(command, text=True, **pipes)) for _ in range(4)]
        assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 4
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        assert [worker.communicate(timeout=60)[1] for worker in workers] == [""] * 4
    assert [worker.returncode for worker in workers] == [0] * 4


def test_workers_that_start_at_once_on_an_empty_database_all_succeed(bare: Database) -> None:
    url = bare.engine.url.render_as_string(hide_password=False)
    bare.close()
    all_at_once("create", url)
    with bare.reading() as connection:
        assert number(connection) == head()


def test_new_files_are_opened_at_once_by_several_processes(tmp_path: Path) -> None:
    all_at_once("check", *(f"sqlite:///{tmp_path}/{number}.db" for number in range(60)))


def test_a_database_that_is_up_to_date_needs_no_alembic(empty_database: Database) -> None:
    url = empty_database.engine.url.render_as_string(hide_password=False)
    code = f"import sys; from service.storage.database import Database; Database({url!r}).create(); print('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_the_command_tries_tells_and_migrates(bare: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANGPIN_DATABASE_URL", bare.engine.url.render_as_string(hide_password=False))
    run = CliRunner()
    tried = run.invoke(app, ["migrate", "--dry-run"])
    assert tried.exit_code == 0, tried.output
    assert "CREATE TABLE visits" in tried.output
    with bare.reading() as connection:
        assert is_empty(connection)
    assert run.invoke(app, ["migrate"]).exit_code == 0
    with bare.reading() as connection:
        assert number(connection) == head()
    assert "already" in run.invoke(app, ["migrate"]).output
    assert run.invoke(app, ["migrate", "--to", "0001"], input="n\n").exit_code != 0
    assert run.invoke(app, ["migrate", "--to", "0001", "--yes"]).exit_code == 0
    with bare.reading() as connection:
        assert number(connection) == "0001"


def test_nothing_is_lost_without_being_told_and_asked(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANGPIN_DATABASE_URL", own_site.settings.database_url)
    run = CliRunner()
    assert run.invoke(app, ["migrate", "--to", "0001", "--yes"]).exit_code == 0
    asked = run.invoke(app, ["migrate"], input="n\n")
    assert asked.exit_code != 0
    assert "the register and the lists of before" in asked.output
    with own_site.database.reading() as connection:
        assert number(connection) == "0001"
    assert run.invoke(app, ["migrate", "--yes"]).exit_code == 0


def test_an_empty_database_and_steps_that_lose_nothing_are_not_asked_about() -> None:
    assert losses(NOTHING, head()) == []
    assert losses("0002", "0004") == []
    assert len(losses("0001", head())) >= 2
    assert losses(head(), "0003") != []


def test_the_steps_are_numbered_without_gaps() -> None:
    assert list(steps()) == [f"{place:04}" for place in range(1, len(steps()) + 1)]
    assert all(steps().values())


def test_the_address_with_its_password_is_shown_nowhere(tmp_path: Path) -> None:
    url = "postgresql://fangpin:very-secret@127.0.0.1:1/none"
    settings = settings_in(tmp_path, url)
    assert "very-secret" not in repr(settings) + str(settings)
    database = Database(url)
    with pytest.raises(Exception, match=r"127\.0\.0\.1") as failed:
        database.create()
    assert "very-secret" not in str(failed.value) + repr(database.engine)
    for wrong in ("very-secret", "oracle9://me:very-secret@host/name"):
        with pytest.raises(UserError) as refused:
            Database(wrong)
        assert "very-secret" not in str(refused.value)
