"""Whether a household has enough to eat and to wear (两不愁), for the rules of risk elimination."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

ADDED = ("food_secure", "clothing_secure")


def upgrade() -> None:
    """Adds the columns, empty. A register that was stored before is read no more: import it anew with `--mode replace`."""
    for column in ADDED:
        op.add_column("register_living", sa.Column(column, sa.SmallInteger()))


def downgrade() -> None:
    """Drops them with what they hold."""
    with op.batch_alter_table("register_living") as batch:
        for column in ADDED:
            batch.drop_column(column)
