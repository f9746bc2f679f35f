"""What subsidies paid of school fees, beside the fees."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Adds the column, empty: a register that was stored before reads as ever, and of its fees no subsidy is known."""
    op.add_column("register_events", sa.Column("subsidy", sa.Double))


def downgrade() -> None:
    """Drops it with what it holds."""
    with op.batch_alter_table("register_events", table_kwargs={"sqlite_with_rowid": False}) as batch:
        batch.drop_column("subsidy")
