"""Scores the stored county and puts the new list in use: scores, reasons, clues and counts, all of one day and one model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection

from features.errors import UserError
from features.policy.shipped import load
from features.register import Array, RegisterInfo
from models.bundle import Bundle
from service.clock import Clock, stamp, today
from service.clues import calls, demands
from service.ledgers import count_ledgers
from service.list_day import day_of_list
from service.scoring import Progress, Scored, gaps, list_columns, main_causes, missing_field, reasons, score_register, triggers
from service.storage.clue_store import keep_clues
from service.storage.database import Database
from service.storage.exclusive import only_one
from service.storage.list_writer import SHAPE, ListRecord, summarise, write_list
from service.storage.note_store import keep_demands
from service.storage.register_store import load_register, stored_import
from service.storage.retention import retire_lists
from service.storage.score_store import active
from service.storage.tables import CAUSE_BITS

PLACE = "score"
DATA_VERSION_DIGITS = 12
EVALUATED = ("pc_net_income", "poverty_line", "monitoring_line", "exited", "monitored", "shock")
TOLD = ("causes", "cause_words", "verify", "triggers", "not_evaluable", "missing_field")  # columns of the table `reasons`


@dataclass(frozen=True, slots=True)
class Written:
    """What scoring the stored county came to.

    Attributes:
        version: of the list that is now in use.
        fresh: False where the same list was in use already and nothing was written.
        counts: households by tier and state.
    """

    version: int
    as_of: str
    fresh: bool
    counts: Mapping[str, int]


def score_stored(
    database: Database,
    bundle: Bundle,
    as_of: dt.date | None,
    *,
    threads: int,
    clock: Clock,
    progress: Progress = lambda _: None,
    again: bool = False,
    allow_synthetic_model: bool = False,
    keep_lists: int = 0,
    counties: Path | None = None,
) -> Written:
    """Scores the stored register and puts the new list in use.

    Args:
        database: holds the register.
        bundle: the model.
        as_of: the day; None takes the day until which the register claims to know everything.
        threads: for features and model.
        clock: for the record only.
        progress: called with each step.
        again: make the list even if it is there already.
        allow_synthetic_model: let a model that was trained on made-up data score real households.
        keep_lists: how many lists stay, this one among them; 0 keeps all.
        counties: folder of the county's own policy files.

    Raises:
        UserError: no register, no date, or a model that must not be used on this register.
    """
    with only_one(database, PLACE):  # from reading the register on, so that the list of an older import never takes a newer one's place
        progress("register")
        with database.reading() as connection:
            import_id = stored_import(connection)
            register = load_register(connection, lambda name: progress(f"register: {name}"))
            current = active(connection)
        as_of = day_of_list(as_of, register.info, today(clock))
        if not allow_synthetic_model:
            check_model(bundle, register.info)
        policy = load(synthetic=register.info.synthetic, counties=counties)
        made_of = (import_id, as_of.isoformat(), bundle.version, policy.version, SHAPE)
        if not again and current is not None:
            have = (current.import_id, current.as_of, current.model_version, current.policy_version, current.shape)
            if have == made_of:
                return Written(current.list_version, current.as_of, False, {"households": current.households})
        scored = score_register(register, bundle, as_of, threads, progress, counties=counties)
        if not len(scored.frame):
            raise UserError(f"{as_of} 时没有已知的农户 no household was known on {as_of}: choose a later date")
        written = _put_in_use(database, scored, import_id or 0, threads=threads, clock=clock, progress=progress)
        if keep_lists:
            retire_lists(database, keep_lists, clock())
        return written


def check_model(bundle: Bundle, info: RegisterInfo) -> None:
    """Refuses a model that was trained on made-up data where real households are to be scored.

    Raises:
        UserError: it is one.
    """
    if bundle.card.get("synthetic") is True and not info.synthetic:
        raise UserError(
            "模型由合成数据训练，不能用于真实农户 this model was trained on made-up data and must not score real households: "
            "train one on this county's own history; to try it out, python -m service score --allow-synthetic-model"
        )


def _put_in_use(database: Database, scored: Scored, import_id: int, *, threads: int, clock: Clock, progress: Progress) -> Written:
    """Writes the list with all that hangs on it, and puts it in the place of the one before, in one step."""
    progress("reasons")
    why = reasons(scored, scored.flagged, threads)
    info, as_of = scored.register.info, scored.frame.as_of
    columns = list_columns(scored)
    columns["causes_mask"] = _masks(len(scored.frame), scored.flagged, why)
    record = ListRecord(
        import_id=import_id,
        as_of=as_of.isoformat(),
        county=info.county,
        synthetic=info.synthetic,
        households=len(scored.frame),
        model_name=scored.bundle.name,
        model_version=scored.bundle.version,
        policy_version=scored.policy.version,
        data_version=info.digest[:DATA_VERSION_DIGITS],
        base_margin=scored.bundle.base_margin,
        written_at=stamp(clock()),
    )
    summary = summarise(columns, scored.judged.counted()[scored.frame.position])
    summary["ledgers"] = count_ledgers(scored, summary["village"])
    said, findings = calls(scored.judged, scored.row_of), demands(scored.judged, scored.row_of, columns["household_id"])

    def beside(connection: Connection, version: int) -> None:
        keep_clues(connection, version, as_of, columns, said)
        keep_demands(connection, findings)

    texts = _texts(scored, scored.flagged, why)
    version = write_list(database, record, columns, texts, summary, beside=beside, progress=progress)
    counts = {name.removesuffix("_count"): int(np.sum(np.asarray(cells))) for name, cells in summary.items() if name.endswith("_count")}
    return Written(version, record.as_of, True, counts)


def _masks(n: int, rows: Array, why: Mapping[str, list[Any]]) -> Array:
    """(n,) the main causes of each row as bits; 0 where none were worked out."""
    masks = np.zeros(n, dtype=np.int64)
    masks[rows] = [sum(CAUSE_BITS[cause] for cause in main_causes(causes)) for causes in why["causes"]]
    return masks


def _texts(scored: Scored, flagged: Array, why: Mapping[str, list[Any]]) -> dict[str, list[str | None]]:
    """The reasons and gaps of the households that have any, as stored JSON; NULL where there is none."""
    rows: dict[int, dict[str, str]] = {}

    def say(row: int, name: str, content: Any) -> None:
        rows.setdefault(row, {})[name] = orjson.dumps(content).decode()

    for place, row in enumerate(flagged.tolist()):
        causes = why["causes"][place]
        say(row, "causes", causes)
        say(row, "cause_words", [cause | {"facts": []} for cause in causes])
        say(row, "verify", why["verify"][place])
    facts = scored.frame.facts
    unknown = np.zeros(len(scored.frame), dtype=bool)
    for name in EVALUATED:
        unknown |= np.isnan(getattr(facts, name))
    unknown |= np.isnan(scored.called)
    for row in np.flatnonzero(unknown).tolist():
        found = gaps(scored, row)
        if found is not None:
            say(row, "not_evaluable", found)
    for row, called in triggers(scored).items():
        say(row, "triggers", called)
    for row in np.flatnonzero(scored.scores.missing_field != "").tolist():
        say(row, "missing_field", missing_field(scored, row))
    ids = scored.scores.household_id
    columns: dict[str, list[str | None]] = {"household_id": [str(ids[row]) for row in rows]}
    return columns | {name: [row.get(name) for row in rows.values()] for name in TOLD}
