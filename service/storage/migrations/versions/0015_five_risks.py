"""The third to fifth risk of a monitored household, as the national system has them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

RISKS = ("risk_3", "risk_4", "risk_5")


def upgrade() -> None:
    """Adds the columns, empty: a register that was stored before reads as ever."""
    for risk in RISKS:
        op.add_column("register_monitoring", sa.Column(risk, sa.SmallInteger))


def downgrade() -> None:
    """Drops them with what they hold."""
    with op.batch_alter_table("register_monitoring", table_kwargs={"sqlite_with_rowid": False}) as batch:
        for risk in RISKS:
            batch.drop_column(risk)
