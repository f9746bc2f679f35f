"""Which tables a database holds, and how it gets those of this programme: numbered steps, forward and back.

Each step is a file in `migrations/versions/`, and its number is the name by which a database knows how far it is. To look a number up
costs one row; Alembic itself is loaded only when there is something to do.
"""

from __future__ import annotations

import ast
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from features.errors import UserError
from service.storage.tables import metadata

MIGRATIONS = Path(__file__).with_name("migrations")
NOTHING = "0000"  # the number of an empty database, and of one made before steps were numbered
MEND = "python -m service migrate"


def steps() -> dict[str, str]:
    """What each step does, by its number, from the first to the last."""
    files = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))
    return {file.name[:4]: (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").splitlines()[0] for file in files}


def losses(found: str, wanted: str) -> list[str]:
    """What is lost on the way from one step to another; nothing where a step does not say so."""
    if wanted < found:
        return ["旧结构容不下的数据 what the older tables cannot hold"]
    files = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))
    said = [_constant(file, "LOSES") for file in files if found < file.name[:4] <= wanted and found != NOTHING]
    return [what for what in said if what]


def _constant(file: Path, name: str) -> str:
    """What a file sets a name to, without running it; "" where it does not."""
    for line in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(line, ast.Assign) and [ast.unparse(target) for target in line.targets] == [name]:
            return str(ast.literal_eval(line.value))
    return ""


def head() -> str:
    """The number of the last step: where a database of this programme stands."""
    return max(file.name[:4] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def number(connection: Connection) -> str:
    """How far a database is."""
    if not inspect(connection).has_table("alembic_version"):
        return NOTHING
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none() or NOTHING


def is_empty(connection: Connection) -> bool:
    """Whether a database holds none of the programme's tables."""
    return number(connection) == NOTHING and not set(inspect(connection).get_table_names()) & set(metadata.tables)


def check(connection: Connection) -> None:
    """Refuses a database that is not where this programme expects it.

    Raises:
        UserError: it is behind or ahead; says what to do.
    """
    found, wanted = number(connection), head()
    if found == wanted:
        return
    if found == NOTHING or found in steps():
        raise UserError(
            f"数据库结构较旧（{found}），本程序需要 {wanted} the database stands at step {found}, this programme needs {wanted}: "
            f"请先备份再运行 keep a copy of it, then run {MEND} (--dry-run 先试 tries it first)"
        )
    raise UserError(
        f"数据库结构较新（{found}），本程序只到 {wanted} the database stands at step {found}, this programme knows {wanted} at most: "
        f"请用更新的程序 use the newer programme, or go back with it 或用它退回: {MEND} --to {wanted}"
    )


def migrate(connection: Connection, to: str) -> None:
    """Brings a database to a step, forward or back.

    Args:
        connection: as `Database.altering` gives it: if anything fails, nothing was changed.
        to: a step's number; `0000` removes every table.

    Raises:
        UserError: there is no such step, or one of them failed.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    found = number(connection)
    if to not in {NOTHING, *steps()}:
        raise UserError(f"没有步骤 {to} there is no step {to}: choose one of {NOTHING}, {', '.join(steps())}")
    if to == found:
        return
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        if to > found:
            command.upgrade(config, to)
        else:
            command.downgrade(config, "base" if to == NOTHING else to)
        if connection.dialect.name == "sqlite" and (broken := connection.execute(text("PRAGMA foreign_key_check")).all()):
            raise UserError(f"表间引用不一致 rows refer to rows that are not there: {sorted({row[0] for row in broken})}")
    except (SQLAlchemyError, CommandError) as error:
        why = getattr(error, "orig", None) or error
        raise UserError(
            f"无法从步骤 {found} 到 {to}，数据库未改动 the database could not go from step {found} to {to} and stays as it was: {why}"
        ) from error
