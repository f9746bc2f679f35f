"""Register, imports, lists with reasons and summaries, tokens.

A database that was made before steps were numbered holds these tables already; it is taken as it is.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

revision = "0001"
down_revision = None

# A register table's columns: w a whole number, s a small one, n any number.
REGISTER = {
    "households": ("village_code:w registry_status:s exit_year:n relocated:s hukou_size:n sharing_size:n weight:n valid_from:w known_on:w"),
    "members": (
        "member_id:w presence:s relation_to_head:s sex:s birth_year:n education:s school_status:s dropped_out:s chronic_disease:s "
        "serious_illness:s disability_category:s disability_level:n labour_ability:s medical_insured:s pension_insured:s "
        "pension_receiving:s dibao:s extreme_poverty_support:s valid_from:w known_on:w"
    ),
    "living": (
        "dangerous_house:s house_area:n water_safe:s tap_water:s electricity:s road_hardened:s road_distance:n sanitary_toilet:s "
        "farmland:n forest:n orchard:n valid_from:w known_on:w"
    ),
    "employment": "member_id:w start_date:w end_date:w work_kind:s work_region:s monthly_wage:n known_on:w",
    "incomes": "source:s period_start:w period_end:w amount:n known_on:w",
    "debts": "lender:s balance:n valid_from:w known_on:w",
    "events": "event_id:w member_id:w event_kind:s occurred_on:w amount:n oop_compliant:n oop_self_reported:n known_on:w",
    "measures": "measure_kind:s start_date:w end_date:w amount:n known_on:w",
    "monitoring": "category:s identified_on:w eliminated_on:w elimination_kind:s risk_1:s risk_2:s known_on:w",
    "visits": "visited_on:w reason:s probability:n found:s known_on:w",
    "indicators": "name:w value:n valid_from:w known_on:w",
}
TYPES = {"w": sa.Integer, "s": sa.SmallInteger, "n": sa.Double}
CANDIDATES = ("edge_candidate", "unstable_candidate", "sudden_candidate")
COUNTED = (
    "households", "scored", "below_line", "insufficient_data", "red", "orange", "yellow", "none", "edge_band", "edge_candidate",
    "unstable_candidate", "sudden_candidate",
)  # fmt: skip
ID, COUNTY, TOWN, VILLAGE = (sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql") for length in (64, 6, 9, 12))


def key(name: str, kind: sa.types.TypeEngine[Any] | type[sa.types.TypeEngine[Any]] = sa.Integer, *rest: SchemaItem) -> sa.Column[Any]:
    """A column of a key that the database does not number by itself."""
    return sa.Column(name, kind, *rest, primary_key=True, autoincrement=False)


def create(name: str, *parts: SchemaItem, **options: Any) -> None:
    """Makes a table, unless it is there."""
    op.create_table(name, *parts, if_not_exists=True, **options)


def upgrade() -> None:
    """Makes the tables."""
    for name, columns in REGISTER.items():
        pairs = (column.split(":") for column in columns.split())
        create(
            f"register_{name}", key("household"), key("line"), *(sa.Column(c, TYPES[kind]) for c, kind in pairs), sqlite_with_rowid=False
        )
    create("register_ids", key("household"), sa.Column("household_id", ID, nullable=False), sa.UniqueConstraint("household_id"))
    create(
        "register_words",
        key("table_name", sa.String(32)),
        key("column_name", sa.String(32)),
        key("place"),
        sa.Column("word", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    create(
        "imports",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("months", sa.Integer),
        sa.Column("households", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("rows_left_out", sa.Integer, nullable=False),
        sa.Column("problems", sa.Integer, nullable=False),
        sa.Column("imported_at", sa.String(32), nullable=False),
    )
    create(
        "register_state",
        key("id"),
        sa.Column("import_id", sa.Integer, sa.ForeignKey("imports.id"), nullable=False),
        sa.Column("county", sa.String(12), nullable=False),
        sa.Column("synthetic", sa.Boolean, nullable=False),
        sa.Column("known_until", sa.String(10)),
        sa.Column("indicators", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("codebook", sa.String(64), nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    create(
        "lists",
        sa.Column("list_version", sa.Integer, primary_key=True),
        sa.Column("import_id", sa.Integer, sa.ForeignKey("imports.id"), nullable=False),
        sa.Column("as_of", sa.String(10), nullable=False),
        sa.Column("county", sa.String(12), nullable=False),
        sa.Column("synthetic", sa.Boolean, nullable=False),
        sa.Column("households", sa.Integer, nullable=False),
        sa.Column("model_name", sa.String(32), nullable=False),
        sa.Column("model_version", sa.String(64), nullable=False),
        sa.Column("policy_version", sa.String(64), nullable=False),
        sa.Column("data_version", sa.String(64), nullable=False),
        sa.Column("written_at", sa.String(32), nullable=False),
        sqlite_autoincrement=True,
    )
    create(
        "active_list",
        key("id"),
        sa.Column("list_version", sa.Integer, sa.ForeignKey("lists.list_version"), nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    create(
        "scores",
        key("list_version", sa.Integer, sa.ForeignKey("lists.list_version")),
        key("household_id", ID),
        sa.Column("county", COUNTY, nullable=False),
        sa.Column("town", TOWN, nullable=False),
        sa.Column("village", VILLAGE, nullable=False),
        sa.Column("risk", sa.Double, nullable=False),
        *(sa.Column(f"rank_{level}", sa.Integer, nullable=False) for level in ("county", "town", "village")),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("tier", sa.String(8), nullable=False),
        *(sa.Column(name, sa.Double) for name in ("probability", "low", "high")),
        *(sa.Column(name, sa.Boolean) for name in ("edge_band_flag", *CANDIDATES)),
        *(sa.Column(name, sa.Double) for name in ("pc_net_income", "poverty_line", "monitoring_line")),
        sa.Column("data_age_days", sa.Integer),
        sqlite_with_rowid=False,
    )
    for level in ("county", "town", "village"):
        indexed = ["list_version", level, "risk", "household_id", "tier", *CANDIDATES]
        op.create_index(f"ix_scores_{level}", "scores", indexed, if_not_exists=True)
    create(
        "reasons",
        key("list_version", sa.Integer, sa.ForeignKey("lists.list_version")),
        key("household_id", ID),
        *(sa.Column(name, sa.Text) for name in ("causes", "cause_words", "verify", "not_evaluable", "missing_field")),
    )
    create(
        "summaries",
        key("list_version", sa.Integer, sa.ForeignKey("lists.list_version")),
        key("village", VILLAGE),
        sa.Column("town", TOWN, nullable=False),
        sa.Column("county", COUNTY, nullable=False),
        *(sa.Column(f"{name}_count", sa.Integer, nullable=False) for name in COUNTED),
        sqlite_with_rowid=False,
    )
    create(
        "tokens",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("region", sa.String(12), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("revoked_at", sa.String(32)),
        sa.UniqueConstraint("token_hash"),
    )


def downgrade() -> None:
    """Removes the tables, and all that is in them."""
    others = (
        "tokens",
        "summaries",
        "reasons",
        "scores",
        "active_list",
        "lists",
        "register_state",
        "imports",
        "register_words",
        "register_ids",
    )
    for name in (*others, *(f"register_{name}" for name in REGISTER)):
        op.drop_table(name)
