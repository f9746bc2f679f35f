"""What the rules say beside the model: triggers of a household, and counts by where rules and model stand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

CELLS = ("rule_and_model", "model_only", "rule_only", "neither")
WITHOUT_ROWID = {"sqlite_with_rowid": False}


def upgrade() -> None:
    """Lists that were made before say of no household that a rule calls for it: none was defined."""
    op.add_column("reasons", sa.Column("triggers", sa.Text))
    with op.batch_alter_table("summaries", table_kwargs=WITHOUT_ROWID) as batch:
        for cell in CELLS:
            batch.add_column(sa.Column(f"cell_{cell}_count", sa.Integer, nullable=False, server_default="0"))
    keys = ("list_version", "village")
    scores = sa.table("scores", *map(sa.column, (*keys, "cell")))
    summaries = sa.table("summaries", *map(sa.column, (*keys, *(f"cell_{cell}_count" for cell in CELLS))))
    here = sa.and_(*(scores.c[key] == summaries.c[key] for key in keys))
    counted = {
        f"cell_{cell}_count": sa.select(sa.func.count()).select_from(scores).where(here, scores.c.cell == cell).scalar_subquery()
        for cell in CELLS
    }
    op.execute(summaries.update().values(counted))
    with op.batch_alter_table("summaries", table_kwargs=WITHOUT_ROWID) as batch:
        for cell in CELLS:
            batch.alter_column(f"cell_{cell}_count", existing_type=sa.Integer, existing_nullable=False, server_default=None)


def downgrade() -> None:
    """Takes the rules' side away; the model's stays."""
    with op.batch_alter_table("summaries", table_kwargs=WITHOUT_ROWID) as batch:
        for cell in CELLS:
            batch.drop_column(f"cell_{cell}_count")
    with op.batch_alter_table("reasons") as batch:
        batch.drop_column("triggers")
