"""What the numbers of a stored register mean is told in full, so that a register outlives new columns and codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
LOSES = "已导入的登记册不再可读，须以 --mode replace 重新导入 the register of before is read no more: import it again with --mode replace"


def upgrade() -> None:
    """Of imports of before only a hash is known, which tells nothing: import their register anew with `--mode replace`."""
    # Columns in place of one another: a table made anew would forget which numbers were used.
    op.add_column("imports", sa.Column("meanings", sa.Text))
    op.drop_column("imports", "codebook")


def downgrade() -> None:
    """Leaves no hash, so that the older programme does not read the register either."""
    with op.batch_alter_table("imports", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_column("meanings")
        batch.add_column(sa.Column("codebook", sa.String(64), nullable=False, server_default=""))
    with op.batch_alter_table("imports", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.alter_column("codebook", existing_type=sa.String(64), existing_nullable=False, server_default=None)
