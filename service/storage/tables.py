"""The database's tables, one place for all of them.

The register is held as it is in memory: compact numbers, with `features.tables` as the codebook.

* ids and other texts: an index into `register_ids`, `register_words`;
* categories: the place of the code in its column's declaration; flags: 0 or 1;
* days: since 1970-01-01; months: since 1970-01; NULL wherever the cell is missing.

Which codebook a stored register was written with stands in `register_state.codebook`; another one is refused, not guessed at.

A list of scores is never changed: a new one is written beside it under its own number, then `active_list` is pointed at it.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

from features.tables import TABLES, Kind

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

SQL_TYPES = {
    Kind.ID: Integer,
    Kind.TEXT: Integer,
    Kind.CATEGORY: SmallInteger,
    Kind.FLAG: SmallInteger,
    Kind.NUMBER: Double,
    Kind.DATE: Integer,
    Kind.MONTH: Integer,
}
CODE_LENGTH = 12
# Ids order by their characters' codes, on every database: that is how the list breaks ties.
ID = String(64).with_variant(String(64, collation="C"), "postgresql")


def _register_tables() -> dict[str, Table]:
    """One table a register table. The key keeps a household's rows together, so that no second index is needed to find them."""
    return {
        name: Table(
            f"register_{name}",
            metadata,
            Column("household", Integer, primary_key=True, autoincrement=False),
            Column("line", Integer, primary_key=True, autoincrement=False),
            *(Column(column.name, SQL_TYPES[column.kind]) for column in schema.columns if column.name != "household_id"),
            sqlite_with_rowid=False,
        )
        for name, schema in TABLES.items()
    }


register_tables = _register_tables()

register_ids = Table(
    "register_ids",
    metadata,
    Column("household", Integer, primary_key=True, autoincrement=False),
    Column("household_id", ID, nullable=False, unique=True),
)

register_words = Table(
    "register_words",
    metadata,
    Column("table_name", String(32), primary_key=True),
    Column("column_name", String(32), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("word", Text, nullable=False),
    sqlite_with_rowid=False,
)

register_state = Table(
    "register_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("import_id", Integer, ForeignKey("imports.id"), nullable=False),
    Column("county", String(CODE_LENGTH), nullable=False),
    Column("synthetic", Boolean, nullable=False),
    Column("known_until", String(10)),
    Column("indicators", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("codebook", String(64), nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

imports = Table(
    "imports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("months", Integer),
    Column("households", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("rows_left_out", Integer, nullable=False),
    Column("problems", Integer, nullable=False),
    Column("imported_at", String(32), nullable=False),
)

lists = Table(
    "lists",
    metadata,
    Column("list_version", Integer, primary_key=True),
    Column("import_id", Integer, ForeignKey("imports.id"), nullable=False),
    Column("as_of", String(10), nullable=False),
    Column("county", String(CODE_LENGTH), nullable=False),
    Column("synthetic", Boolean, nullable=False),
    Column("households", Integer, nullable=False),
    Column("model_name", String(32), nullable=False),
    Column("model_version", String(64), nullable=False),
    Column("policy_version", String(64), nullable=False),
    Column("data_version", String(64), nullable=False),
    Column("written_at", String(32), nullable=False),
    sqlite_autoincrement=True,
)

active_list = Table(
    "active_list",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("list_version", Integer, ForeignKey("lists.list_version"), nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

CANDIDATES = ("edge", "unstable", "sudden")

scores = Table(
    "scores",
    metadata,
    Column("list_version", Integer, ForeignKey("lists.list_version"), primary_key=True, autoincrement=False),
    Column("household_id", ID, primary_key=True),
    Column("county", String(6), nullable=False),
    Column("town", String(9), nullable=False),
    Column("village", String(12), nullable=False),
    Column("risk", Double, nullable=False),
    Column("rank_county", Integer, nullable=False),
    Column("rank_town", Integer, nullable=False),
    Column("rank_village", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("tier", String(8), nullable=False),
    Column("probability", Double),
    Column("low", Double),
    Column("high", Double),
    Column("edge_band_flag", Boolean),
    Column("edge_candidate", Boolean),
    Column("unstable_candidate", Boolean),
    Column("sudden_candidate", Boolean),
    Column("pc_net_income", Double),
    Column("poverty_line", Double),
    Column("monitoring_line", Double),
    Column("data_age_days", Integer),
    # One walk down an index answers a page of any region: equal on the region, then by risk, then by id. The filters stand in it
    # too, so that households which are not asked for are passed over without being looked up.
    *(
        Index(f"ix_scores_{level}", "list_version", level, "risk", "household_id", "tier", *(f"{kind}_candidate" for kind in CANDIDATES))
        for level in ("county", "town", "village")
    ),
    sqlite_with_rowid=False,
)

# Apart from the scores, which stay narrow: a household without anything to say has no row here.
reasons = Table(
    "reasons",
    metadata,
    Column("list_version", Integer, ForeignKey("lists.list_version"), primary_key=True, autoincrement=False),
    Column("household_id", ID, primary_key=True),
    Column("causes", Text),
    Column("cause_words", Text),
    Column("verify", Text),
    Column("not_evaluable", Text),
    Column("missing_field", Text),
)

COUNTED = (
    "households", "scored", "below_line", "insufficient_data", "red", "orange", "yellow", "none", "edge_band", "edge_candidate",
    "unstable_candidate", "sudden_candidate",
)  # fmt: skip

summaries = Table(
    "summaries",
    metadata,
    Column("list_version", Integer, ForeignKey("lists.list_version"), primary_key=True, autoincrement=False),
    Column("village", String(12), primary_key=True),
    Column("town", String(9), nullable=False),
    Column("county", String(6), nullable=False),
    *(Column(f"{name}_count", Integer, nullable=False) for name in COUNTED),
    sqlite_with_rowid=False,
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("region", String(CODE_LENGTH), nullable=False),
    Column("label", String(64), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
    Column("revoked_at", String(32)),
)


def codebook() -> str:
    """What the stored numbers of the register mean, as one hash: it changes when a column or a code is added, moved or removed."""
    parts = [f"{name}.{column.name}:{column.kind}:{','.join(column.codes)}" for name, schema in TABLES.items() for column in schema.columns]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
