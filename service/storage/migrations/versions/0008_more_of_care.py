"""What members and events say more: a contract with a family doctor, an insurance's payment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ADDED = {"register_members": ("doctor_contract", sa.SmallInteger), "register_events": ("claim", sa.Double)}


def upgrade() -> None:
    """Adds the columns, empty. A register that was stored before is read no more: import it anew with `--mode replace`."""
    for table, (column, kind) in ADDED.items():
        op.add_column(table, sa.Column(column, kind()))


def downgrade() -> None:
    """Drops them with what they hold."""
    for table, (column, _) in ADDED.items():
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
