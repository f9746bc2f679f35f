"""How many households stand in each ledger, village by village."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """In lists that were made before nobody was counted: NULL."""
    op.add_column("summaries", sa.Column("ledgers", sa.Text))


def downgrade() -> None:
    """Takes the counts away."""
    with op.batch_alter_table("summaries", table_kwargs={"sqlite_with_rowid": False}) as batch:
        batch.drop_column("ledgers")
