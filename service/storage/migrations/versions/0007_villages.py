"""How many households count for the tier of their village."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

WITHOUT_ROWID = {"sqlite_with_rowid": False}
COUNT = "village_counted_count"


def upgrade() -> None:
    """In lists that were made before nobody was counted."""
    with op.batch_alter_table("summaries", table_kwargs=WITHOUT_ROWID) as batch:
        batch.add_column(sa.Column(COUNT, sa.Integer, nullable=False, server_default="0"))
    with op.batch_alter_table("summaries", table_kwargs=WITHOUT_ROWID) as batch:
        batch.alter_column(COUNT, existing_type=sa.Integer, existing_nullable=False, server_default=None)


def downgrade() -> None:
    """Takes the counts away."""
    with op.batch_alter_table("summaries", table_kwargs=WITHOUT_ROWID) as batch:
        batch.drop_column(COUNT)
