"""Clues that triggers open and visits answer, with their evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ID, COUNTY, TOWN, VILLAGE = (sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql") for length in (64, 6, 9, 12))
PLACES = {"county": COUNTY, "town": TOWN, "village": VILLAGE}
STILL_OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    """Lists that were made before opened no clues; the next one does, for whatever then holds."""
    op.create_table(
        "clues",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("household_id", ID, nullable=False),
        *(sa.Column(name, kind, nullable=False) for name, kind in PLACES.items()),
        sa.Column("risk", sa.String(32), nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("period_from", sa.String(10), nullable=False),
        sa.Column("opened_on", sa.String(10), nullable=False),
        sa.Column("list_version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("answered_on", sa.String(10)),
        sa.Column("answered_by", sa.Integer, sa.ForeignKey("visits.id")),
    )
    key = ["household_id", "risk", "period", "period_from"]
    op.create_index("uq_clues_open", "clues", key, unique=True, sqlite_where=STILL_OPEN, postgresql_where=STILL_OPEN)
    op.create_index("ix_clues_household_id", "clues", ["household_id"])
    for name in PLACES:
        op.create_index(f"ix_clues_{name}", "clues", [name, "state", "id"])
    op.create_table(
        "clue_evidence",
        sa.Column("clue_id", sa.Integer, sa.ForeignKey("clues.id"), primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("occurred_on", sa.String(10)),
        sa.Column("amount", sa.Double),
        sa.Column("list_version", sa.Integer, nullable=False),
        sa.Column("as_of", sa.String(10), nullable=False),
        sa.Column("told", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Clues are lost; whatever then holds opens them anew."""
    op.drop_table("clue_evidence")
    op.drop_table("clues")
