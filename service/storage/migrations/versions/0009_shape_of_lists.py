"""What a list holds, so that one of an older programme is made anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Lists of before hold less: no clues, no counts of villages. The next scoring makes one that does."""
    # Added in place: a table made anew would forget which numbers were used.
    op.add_column("lists", sa.Column("shape", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    """Forgets it."""
    op.drop_column("lists", "shape")
