"""Who receives which regular benefit: one more table of the register."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
LOSES = "已导入的登记册不再可读，须以 --mode replace 重新导入 the register of before is read no more: import it again with --mode replace"


def upgrade() -> None:
    """Makes the table, empty: what was imported before said nothing of benefits."""
    op.create_table(
        "register_benefits",
        sa.Column("household", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("loaded_in", sa.Integer, nullable=False),
        sa.Column("dropped_in", sa.Integer),
        sa.Column("member_id", sa.Integer),
        sa.Column("benefit", sa.SmallInteger),
        sa.Column("receiving", sa.SmallInteger),
        sa.Column("amount", sa.Double),
        sa.Column("valid_from", sa.Integer),
        sa.Column("known_on", sa.Integer),
        sa.PrimaryKeyConstraint("household", "line", name="pk_register_benefits"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drops it with what it holds."""
    op.drop_table("register_benefits")
