"""The database's tables, one place for all of them.

The register is held as it is in memory: compact numbers, with `features.tables` as the codebook.

* ids and other texts: an index into `register_ids`, `register_words`;
* categories: the place of the code in its column's declaration; flags: 0 or 1;
* days: since 1970-01-01; months: since 1970-01; NULL wherever the cell is missing.

What the numbers meant when an import was written stands in `imports.meanings`; where they mean something else today, it is refused.

A row of the register says with which import it came (`loaded_in`) and with which it went (`dropped_in`, NULL while it stands). Import n
sees the rows with loaded_in <= n and not dropped_in <= n; `register_state.import_id` says which import is in use. So an import is written
in small steps that nobody sees, and takes effect by one number; a broken one leaves only rows that no number points at; and what any
older list was made from can be read again.

A list of scores is never changed: a new one is written beside it under its own number in small steps, marked as finished, and
`active_list` is pointed at it. `lists.finished` false: it is being written, or its writing broke off; nobody is shown it.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from features.catalog import CAUSES
from features.tables import TABLES
from service.storage.columns import CODE_LENGTH, COUNTY, ID, SQL_TYPES, TOWN, VILLAGE, place

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _register_tables() -> dict[str, Table]:
    """One table a register table. The key keeps a household's rows together, so that no second index is needed to find them."""
    return {
        name: Table(
            f"register_{name}",
            metadata,
            Column("household", Integer, primary_key=True, autoincrement=False),
            Column("line", Integer, primary_key=True, autoincrement=False),
            Column("loaded_in", Integer, nullable=False),
            Column("dropped_in", Integer),
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

# An import describes the whole register as it left it, so that any of them can be read again.
imports = Table(
    "imports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", String(64), nullable=False, index=True),
    Column("mode", String(8), nullable=False),  # update: rows are added; replace: rows that the files no longer hold are dropped
    Column("months", Integer),
    Column("key_mark", String(20), nullable=False),  # under which key its ids are pseudonyms: another one would make strangers of them
    Column("county", String(CODE_LENGTH), nullable=False),
    Column("synthetic", Boolean, nullable=False),
    Column("known_until", String(10)),
    Column("indicators", Text, nullable=False),
    Column("contents", Text, nullable=False),  # JSON: the sums behind the digest, by table
    Column("digest", String(64), nullable=False),
    Column("meanings", Text),
    Column("households", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("rows_left_out", Integer, nullable=False),
    Column("problems", Integer, nullable=False),
    Column("imported_at", String(32)),  # NULL while its rows are being written: such an import was never in use
    sqlite_autoincrement=True,  # a number is never used twice, or rows of a broken import could pass for another's
)

register_state = Table(
    "register_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("import_id", Integer, ForeignKey("imports.id"), nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

# An upload and how far it has come. A job is done, or failed with a reason; one that its process left behind is failed at the next start.
import_jobs = Table(
    "import_jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file_name", String(255), nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("mode", String(8), nullable=False),
    Column("months", Integer),
    Column("score", Boolean, nullable=False),  # whether a new list is made afterwards
    Column("state", String(8), nullable=False),  # waiting, running, done, failed
    Column("step", String(64), nullable=False),
    Column("steps_done", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("region", String(CODE_LENGTH), nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("asked_at", String(32), nullable=False),
    Column("ended_at", String(32)),
    Column("outcome", Text),  # JSON: counts, or the error
    Column("import_id", Integer, ForeignKey("imports.id")),
    Column("list_version", Integer),
    sqlite_autoincrement=True,
)

import_findings = Table(
    "import_findings",
    metadata,
    Column("job_id", Integer, ForeignKey("import_jobs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("table_name", String(32), nullable=False),
    Column("row", Integer),
    Column("column_name", String(64)),
    Column("reason", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    sqlite_with_rowid=False,
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
    Column("base_margin", Double, nullable=False),  # log-odds from which the reasons of its households start
    Column("previous", Integer),  # the list in use before it, which `changes` tells the differences from; NULL for the first
    Column("written_at", String(32), nullable=False),
    Column("finished", Boolean, nullable=False),
    Column(
        "shape", Integer, nullable=False, server_default="0"
    ),  # what it holds: with SHAPE raised, a list of before is made anew from the same data
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
# What a list can be filtered by: these columns stand in its indexes, so that a household that is not asked for is passed over unread.
FILTERED = ("tier", "state", "cell", "causes_mask", *(f"{kind}_candidate" for kind in CANDIDATES))
CELLS = ("rule_and_model", "model_only", "rule_only", "neither")
"""Who calls for a visit: rules, and the tier, which the model sets, or the line for a household that is under it already. `model_only` is
the household in a tier that no rule finds: the one worth going to first."""
UNDETERMINED = "undetermined"
"""How the households in none of the four are asked for and counted: those whose `cell` is NULL."""
CAUSE_BITS = {cause: 1 << place for place, cause in enumerate(CAUSES)}  # of scores.causes_mask; a new cause is added behind the last

scores = Table(
    "scores",
    metadata,
    Column("list_version", Integer, ForeignKey("lists.list_version"), primary_key=True, autoincrement=False),
    Column("household_id", ID, primary_key=True),
    *place(),
    Column("risk", Double, nullable=False),
    Column("rank_county", Integer, nullable=False),
    Column("rank_town", Integer, nullable=False),
    Column("rank_village", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("tier", String(8), nullable=False),
    Column("cell", String(16)),  # where rules and tier stand; NULL: `UNDETERMINED`
    Column("causes_mask", Integer, nullable=False),  # `CAUSE_BITS` of the reasons that raise the risk most; 0 where none were worked out
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
    # A page is one walk along an index: equal on the region, then from a rank on. Ranks are unique within their region, so that one
    # number says where a page ends. The third serves a village, and any region village by village.
    Index("ix_scores_county", "list_version", "county", "rank_county", "household_id", *FILTERED),
    Index("ix_scores_town", "list_version", "town", "rank_town", "household_id", *FILTERED),
    Index("ix_scores_village", "list_version", "county", "village", "rank_village", "household_id", *FILTERED),
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
    Column("triggers", Text),
    Column("not_evaluable", Text),
    Column("missing_field", Text),
)

COUNTED = (
    "households", "scored", "below_line", "insufficient_data", "red", "orange", "yellow", "none", "edge_band", "edge_candidate",
    "unstable_candidate", "sudden_candidate", *(f"cause_{cause}" for cause in CAUSES), *(f"cell_{cell}" for cell in CELLS),
    "village_counted",  # for the tier of the village
)  # fmt: skip
TOLD = (*COUNTED, f"cell_{UNDETERMINED}")
"""What is told of a place: what is counted, and the households that are in none of the four cells, so that the cells add up to all."""

summaries = Table(
    "summaries",
    metadata,
    Column("list_version", Integer, ForeignKey("lists.list_version"), primary_key=True, autoincrement=False),
    Column("village", VILLAGE, primary_key=True),
    Column("town", TOWN, nullable=False),
    Column("county", COUNTY, nullable=False),
    *(Column(f"{name}_count", Integer, nullable=False) for name in COUNTED),
    Column("ledgers", Text),  # JSON: by ledger the households in it, and those of which it cannot be told; NULL in lists of before
    sqlite_with_rowid=False,
)

# What changed from a list to the next one in use, written with the later one: a poller asks for the numbers behind the one it has. A
# household that moved to another village has two rows, for those who see only one of the places: it left the one and is new in the other.
changes = Table(
    "changes",
    metadata,
    Column("list_version", Integer, ForeignKey("lists.list_version"), primary_key=True, autoincrement=False),
    Column("household_id", ID, primary_key=True),
    Column("village", VILLAGE, primary_key=True),
    Column("county", COUNTY, nullable=False),
    Column("town", TOWN, nullable=False),
    Column("kind", String(8), nullable=False),  # new, left, moved (another tier), changed (another score, or other reasons)
    Column("tier_before", String(8)),
    Column("tier", String(8)),
    Column("causes_before", Integer, nullable=False),  # `CAUSE_BITS`
    Column("causes", Integer, nullable=False),
    Index("ix_changes_county", "list_version", "county", "household_id"),
    Index("ix_changes_town", "list_version", "town", "household_id"),
    Index("ix_changes_village", "list_version", "village", "household_id"),
    sqlite_with_rowid=False,
)

# Somebody who may sign in; what may be seen stands in the tokens, which end with the user.
users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("region", String(CODE_LENGTH), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("disabled_at", String(32)),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("user_id", Integer, ForeignKey("users.id")),
    Column("opened_by", Integer, ForeignKey("tokens.id")),  # the token that signed in; only a browser's session has one
    Column("role", String(16), nullable=False),
    Column("region", String(CODE_LENGTH), nullable=False),
    Column("label", String(64), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
    Column("revoked_at", String(32)),
)

# A visit is never overwritten: a correction is a further revision of the visit to that household on that day. Two who record the same
# visit at once meet at the unique key: one is written, the other is told.
visits = Table(
    "visits",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("household_id", ID, nullable=False),
    Column("visited_on", String(10), nullable=False),
    Column("revision", Integer, nullable=False),
    *place(),
    Column("reason", String(16), nullable=False),
    Column("found", String(16)),
    Column("note", Text, nullable=False),
    Column("probability", Double),
    Column("list_version", Integer),
    Column("recorded_at", String(32), nullable=False),
    Column("recorded_by", String(128), nullable=False),
    UniqueConstraint("household_id", "visited_on", "revision"),
    *(Index(f"ix_visits_{level}", level, "id") for level in ("county", "town", "village")),  # what was recorded last in a region
    sqlite_autoincrement=True,
)

# What triggers call for. The partial key is what “one open clue” means; a later push is a further row of `clue_evidence`. The numbers are
# given out in the writers' turn, and no clue is ever removed.
clues = Table(
    "clues",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("household_id", ID, nullable=False),
    *place(),
    Column("risk", String(32), nullable=False),
    Column("period", String(16), nullable=False),
    Column("period_from", String(10), nullable=False),
    Column("opened_on", String(10), nullable=False),  # the day of the list that first said so
    Column("list_version", Integer, nullable=False),  # that list, which may be gone by now
    Column("state", String(8), nullable=False),  # open, answered
    Column("answered_on", String(10)),
    Column("answered_by", Integer, ForeignKey("visits.id")),
    Index(
        "uq_clues_open", "household_id", "risk", "period", "period_from",
        unique=True, sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'"),
    ),
    Index("ix_clues_household_id", "household_id"),
    *(Index(f"ix_clues_{level}", level, "state", "id") for level in ("county", "town", "village")),
)  # fmt: skip

clue_evidence = Table(
    "clue_evidence",
    metadata,
    Column("clue_id", Integer, ForeignKey("clues.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("rule", Text, nullable=False),
    Column("occurred_on", String(10)),  # NULL for a state, which has no day
    Column("amount", Double),
    Column("list_version", Integer, nullable=False),
    Column("as_of", String(10), nullable=False),
    Column("told", Text, nullable=False),  # JSON: the rule and its facts, in the words of that day
    sqlite_with_rowid=False,
)

# What somebody wrote about a finding or a clue. Only ever added to.
notes = Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("household_id", ID, nullable=False),
    Column("about", String(64), nullable=False),  # the rule of a finding, or clue:NUMBER
    Column("note", Text, nullable=False),
    Column("noted_on", String(10), nullable=False),  # the day, in China
    Column("recorded_at", String(32), nullable=False),
    Column("recorded_by", String(128), nullable=False),
    Index("ix_notes_household_id", "household_id", "id"),
    sqlite_autoincrement=True,
)

# The findings of the list in use that demand a note, written with it: as long as one has none, the household's clues wait.
note_demands = Table(
    "note_demands",
    metadata,
    Column("household_id", ID, primary_key=True),
    Column("about", String(64), primary_key=True),
    Column("found_on", String(10), nullable=False),
    sqlite_with_rowid=False,
)

# Which model answered from when on, and which was refused.
model_history = Table(
    "model_history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model_name", String(32), nullable=False),
    Column("model_version", String(64), nullable=False),
    Column("event", String(16), nullable=False),  # in_use, refused
    Column("reason", Text, nullable=False),
    Column("worker", String(32), nullable=False),
    Column("at", String(32), nullable=False),
)
