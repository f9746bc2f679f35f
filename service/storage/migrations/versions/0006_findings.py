"""What departments found, the notes that people write on it, and which findings of the list in use demand one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
LOSES = "已导入的登记册不再可读，须以 --mode replace 重新导入 the register of before is read no more: import it again with --mode replace"

ID = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
FINDINGS = {"member_id": sa.Integer, "finding": sa.SmallInteger, "department": sa.Integer, "found": sa.SmallInteger}
DAYS = ("valid_from", "known_on")


def upgrade() -> None:
    """A register has one table more: what was imported before is imported again."""
    op.create_table(
        "register_findings",
        sa.Column("household", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("loaded_in", sa.Integer, nullable=False),
        sa.Column("dropped_in", sa.Integer),
        *(sa.Column(name, kind) for name, kind in FINDINGS.items()),
        *(sa.Column(name, sa.Integer) for name in DAYS),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("household_id", ID, nullable=False),
        sa.Column("about", sa.String(64), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("noted_on", sa.String(10), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.Column("recorded_by", sa.String(128), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notes_household_id", "notes", ["household_id", "id"])
    op.create_table(
        "note_demands",
        sa.Column("household_id", ID, primary_key=True),
        sa.Column("about", sa.String(64), primary_key=True),
        sa.Column("found_on", sa.String(10), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Notes and findings are lost."""
    for name in ("note_demands", "notes", "register_findings"):
        op.drop_table(name)
