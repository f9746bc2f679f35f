"""What people decide or find, and rules of counties ask for: year of leaving poverty, wishes, two places, tier, sign of dropping out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

ADDED: dict[str, dict[str, type[sa.types.TypeEngine[Any]]]] = {
    "register_households": {"expected_exit_year": sa.Double, "lives_in_both": sa.SmallInteger, "wishes_heard_on": sa.Integer},
    "register_members": {"dibao_tier": sa.SmallInteger, "dropout_sign": sa.SmallInteger},
}


def upgrade() -> None:
    """Adds the columns, empty: a register that was stored before reads as ever."""
    for table, columns in ADDED.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind))


def downgrade() -> None:
    """Drops them with what they hold."""
    for table, columns in ADDED.items():
        with op.batch_alter_table(table, table_kwargs={"sqlite_with_rowid": False}) as batch:
            for name in columns:
                batch.drop_column(name)
