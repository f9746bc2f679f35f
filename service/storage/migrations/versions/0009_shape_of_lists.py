"""What a list holds, so that one of an older programme is made anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

NUMBERED_ONCE = {"sqlite_autoincrement": True}


def upgrade() -> None:
    """Lists of before hold less: no clues, no counts of villages. The next scoring makes one that does."""
    with op.batch_alter_table("lists", table_kwargs=NUMBERED_ONCE) as batch:
        batch.add_column(sa.Column("shape", sa.Integer, nullable=False, server_default="0"))
    with op.batch_alter_table("lists", table_kwargs=NUMBERED_ONCE) as batch:
        batch.alter_column("shape", existing_type=sa.Integer, existing_nullable=False, server_default=None)


def downgrade() -> None:
    """Forgets it."""
    with op.batch_alter_table("lists", table_kwargs=NUMBERED_ONCE) as batch:
        batch.drop_column("shape")
