"""Imports that take effect by one number; upload jobs and findings; changes, users, visits and the history of models."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
LOSES = "已导入的登记册与名单，须重新导入并评分 the register and the lists of before: import and score again"

REGISTER = ("households", "members", "living", "employment", "incomes", "debts", "events", "measures", "monitoring", "visits", "indicators")
CAUSES = (
    "income_level", "illness", "disability", "schooling", "disaster", "accident", "industry_failure", "unstable_job", "no_labour",
    "housing", "water", "other",
)  # fmt: skip
CANDIDATES = ["edge_candidate", "unstable_candidate", "sudden_candidate"]
FILTERED = ["tier", "state", "cell", "causes_mask", *CANDIDATES]
ID, COUNTY, TOWN, VILLAGE = (sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql") for length in (64, 6, 9, 12))
PLACES = {"county": COUNTY, "town": TOWN, "village": VILLAGE}
# SQLite changes a table by making it anew; what it cannot read back of the old one stands here.
WITHOUT_ROWID = {"sqlite_with_rowid": False}
NUMBERED_ONCE = {"sqlite_autoincrement": True}


DESCRIPTION: dict[str, tuple[sa.types.TypeEngine[Any], str]] = {
    "county": (sa.String(12), "''"),
    "synthetic": (sa.Boolean(), "true"),
    "indicators": (sa.Text(), "'[]'"),
    "codebook": (sa.String(64), "''"),
}


def upgrade() -> None:
    """Tokens stay. Older registers and lists lack what is now asked of them: run `service import` and `service score` again."""
    for name in (
        "active_list",
        "scores",
        "reasons",
        "summaries",
        "register_state",
        "register_ids",
        "register_words",
        *(f"register_{name}" for name in REGISTER),
    ):
        op.execute(f"DELETE FROM {name}")  # noqa: S608 (names stand above)
    for name in REGISTER:
        op.add_column(f"register_{name}", sa.Column("dropped_in", sa.Integer))
        _require(f"register_{name}", {"loaded_in": (sa.Integer(), "0")}, WITHOUT_ROWID)
    for name in ("county", "synthetic", "known_until", "indicators", "digest", "codebook"):
        op.drop_column("register_state", name)
    op.add_column("imports", sa.Column("known_until", sa.String(10)))
    new: dict[str, tuple[sa.types.TypeEngine[Any], str]]
    new = {"mode": (sa.String(8), "'replace'"), "key_mark": (sa.String(20), "''"), "contents": (sa.Text(), "'{}'"), **DESCRIPTION}
    _require("imports", new, NUMBERED_ONCE)
    with op.batch_alter_table("imports", table_kwargs=NUMBERED_ONCE) as batch:
        batch.alter_column("imported_at", existing_type=sa.String(32), nullable=True)
    op.create_index("ix_imports_fingerprint", "imports", ["fingerprint"])
    _lists()
    # Only now, when the tables know which numbers were used: none is given out twice.
    op.execute("DELETE FROM lists")
    op.execute("DELETE FROM imports")
    _imports()
    _people()
    op.create_table(
        "model_history",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model_name", sa.String(32), nullable=False),
        sa.Column("model_version", sa.String(64), nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("worker", sa.String(32), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
    )


def _require(table: str, columns: dict[str, tuple[sa.types.TypeEngine[Any], str]], made_anew: dict[str, bool]) -> None:
    """Adds columns that every row must have, with what they are in the rows that are there."""
    for name, (kind, _) in columns.items():
        op.add_column(table, sa.Column(name, kind))
    values = ", ".join(f"{name} = {value}" for name, (_, value) in columns.items())
    op.execute(f"UPDATE {table} SET {values}")  # noqa: S608 (names and values stand in this file)
    with op.batch_alter_table(table, table_kwargs=made_anew) as batch:
        for name, (kind, _) in columns.items():
            batch.alter_column(name, existing_type=kind, nullable=False)


def _imports() -> None:
    op.create_table(
        "import_jobs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("months", sa.Integer),
        sa.Column("score", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("step", sa.String(64), nullable=False),
        sa.Column("steps_done", sa.Integer, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("region", sa.String(12), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32)),
        sa.Column("outcome", sa.Text),
        sa.Column("import_id", sa.Integer, sa.ForeignKey("imports.id")),
        sa.Column("list_version", sa.Integer),
        **NUMBERED_ONCE,
    )
    op.create_table(
        "import_findings",
        sa.Column("job_id", sa.Integer, sa.ForeignKey("import_jobs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("table_name", sa.String(32), nullable=False),
        sa.Column("row", sa.Integer),
        sa.Column("column_name", sa.String(64)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("remedy", sa.Text, nullable=False),
        **WITHOUT_ROWID,
    )


def _lists() -> None:
    op.add_column("lists", sa.Column("previous", sa.Integer))
    _require("lists", {"base_margin": (sa.Double(), "0"), "finished": (sa.Boolean(), "false")}, NUMBERED_ONCE)
    for level in PLACES:
        op.drop_index(f"ix_scores_{level}", "scores")
    op.add_column("scores", sa.Column("cell", sa.String(16)))
    _require("scores", {"causes_mask": (sa.Integer(), "0")}, WITHOUT_ROWID)
    for level in ("county", "town"):
        op.create_index(f"ix_scores_{level}", "scores", ["list_version", level, f"rank_{level}", "household_id", *FILTERED])
    op.create_index("ix_scores_village", "scores", ["list_version", "county", "village", "rank_village", "household_id", *FILTERED])
    _require("summaries", {f"cause_{cause}_count": (sa.Integer(), "0") for cause in CAUSES}, WITHOUT_ROWID)
    op.create_table(
        "changes",
        sa.Column("list_version", sa.Integer, sa.ForeignKey("lists.list_version"), primary_key=True, autoincrement=False),
        sa.Column("household_id", ID, primary_key=True),
        sa.Column("village", VILLAGE, primary_key=True),
        sa.Column("county", COUNTY, nullable=False),
        sa.Column("town", TOWN, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("tier_before", sa.String(8)),
        sa.Column("tier", sa.String(8)),
        sa.Column("causes_before", sa.Integer, nullable=False),
        sa.Column("causes", sa.Integer, nullable=False),
        **WITHOUT_ROWID,
    )
    for level in PLACES:
        op.create_index(f"ix_changes_{level}", "changes", ["list_version", level, "household_id"])


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("region", sa.String(12), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("disabled_at", sa.String(32)),
        sa.UniqueConstraint("name"),
    )
    with op.batch_alter_table("tokens") as batch:
        batch.add_column(sa.Column("user_id", sa.Integer))
        batch.add_column(sa.Column("opened_by", sa.Integer))
        batch.create_foreign_key("fk_tokens_user_id", "users", ["user_id"], ["id"])
        batch.create_foreign_key("fk_tokens_opened_by", "tokens", ["opened_by"], ["id"])
    op.create_table(
        "visits",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("household_id", ID, nullable=False),
        sa.Column("visited_on", sa.String(10), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        *(sa.Column(name, kind, nullable=False) for name, kind in PLACES.items()),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("found", sa.String(16)),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("probability", sa.Double),
        sa.Column("list_version", sa.Integer),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.Column("recorded_by", sa.String(128), nullable=False),
        sa.UniqueConstraint("household_id", "visited_on", "revision"),
        **NUMBERED_ONCE,
    )
    for name in PLACES:
        op.create_index(f"ix_visits_{name}", "visits", [name, "id"])


def downgrade() -> None:
    """Keeps finished lists and tokens; visits, users, changes, jobs and the history of models are lost, the register is imported again."""
    for name in ("model_history", "visits", "changes", "import_findings", "import_jobs"):
        op.drop_table(name)
    # Sessions of browsers, and the tokens of users who were disabled: without users nothing would say that these open no door any more.
    op.execute("DELETE FROM tokens WHERE opened_by IS NOT NULL OR user_id IN (SELECT id FROM users WHERE disabled_at IS NOT NULL)")
    with op.batch_alter_table("tokens") as batch:
        for name in ("user_id", "opened_by"):
            batch.drop_constraint(f"fk_tokens_{name}", type_="foreignkey")
            batch.drop_column(name)
    op.drop_table("users")
    for name in ("scores", "reasons", "summaries", "lists"):
        op.execute(f"DELETE FROM {name} WHERE list_version IN (SELECT list_version FROM lists WHERE NOT finished)")  # noqa: S608 (as above)
    _drop("summaries", [f"cause_{cause}_count" for cause in CAUSES], WITHOUT_ROWID)
    for level in PLACES:
        op.drop_index(f"ix_scores_{level}", "scores")
    _drop("scores", ["cell", "causes_mask"], WITHOUT_ROWID)
    for level in PLACES:
        op.create_index(f"ix_scores_{level}", "scores", ["list_version", level, "risk", "household_id", "tier", *CANDIDATES])
    _drop("lists", ["base_margin", "previous", "finished"], NUMBERED_ONCE)
    for name in ("register_state", "register_ids", "register_words", *(f"register_{name}" for name in REGISTER)):
        op.execute(f"DELETE FROM {name}")  # noqa: S608 (as above)
    op.execute("DELETE FROM imports WHERE imported_at IS NULL")
    op.drop_index("ix_imports_fingerprint", "imports")
    with op.batch_alter_table("imports") as batch:
        batch.alter_column("imported_at", existing_type=sa.String(32), nullable=False)
    _drop("imports", ["mode", "key_mark", "contents", "known_until", *DESCRIPTION], {})
    op.add_column("register_state", sa.Column("known_until", sa.String(10)))
    _require("register_state", {**DESCRIPTION, "digest": (sa.String(64), "''")}, {})
    for name in REGISTER:
        _drop(f"register_{name}", ["loaded_in", "dropped_in"], WITHOUT_ROWID)


def _drop(table: str, columns: list[str], made_anew: dict[str, bool]) -> None:
    with op.batch_alter_table(table, table_kwargs=made_anew) as batch:
        for name in columns:
            batch.drop_column(name)
