"""Gives a past score again, to the last bit, or says which of its inputs was corrected since.

A list records what it was made from: the import, the model and the policy. The register is read as that import saw it, the model is found
among the kept ones by its version, and the household is scored on the list's day by the same code as then. Beside it stands the score that
today's register gives for the same day: where the two differ, what was corrected in between is named cell by cell.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from features.errors import UserError
from features.policy.shipped import load as load_policy
from models.bundle import Bundle, load
from models.pointer import kept
from service.filescore import SEEN
from service.scoring import rows_of, score_register
from service.storage.codebook import readable
from service.storage.corrections import Correction, corrections
from service.storage.database import Database
from service.storage.household_store import load_household
from service.storage.register_store import import_of, stored_import
from service.storage.tables import lists, scores

COMPARED = ("state", "tier", "probability", "low", "high", "risk")
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A past score beside the same score made anew.

    Attributes:
        record: the list: a row of `lists`.
        stored: what the list says of the household, by the names in `COMPARED`.
        again: the same, made anew from what the list was made from; None where the register of that time holds no such household.
        now: the same, from the register in use; None where it holds no such household.
        import_id: of the register in use.
        policy_version: of the policy files of today; the list's own may be another.
        corrected: cells known by the list's day that another import changed since.
    """

    record: Row[Any]
    household_id: str
    stored: Answer
    again: Answer | None
    now: Answer | None
    import_id: int
    policy_version: str
    corrected: list[Correction]

    @property
    def same(self) -> bool:
        """Whether the score came out again to the last bit."""
        return self.again == self.stored

    @property
    def difference(self) -> float | None:
        """By how much the corrections since move the probability; None where one of the two has none."""
        before, now = self.stored["probability"], (self.now or {}).get("probability")
        return None if before is None or now is None else now - before


def reproduce(
    database: Database, bundles: Path, household_id: str, as_of: dt.date, list_version: int | None = None, *, counties: Path | None = None
) -> Reproduction:
    """Makes a past score again.

    Args:
        database: holds the lists and the register as every import left it.
        bundles: the kept bundle folders.
        household_id: as the list names it.
        as_of: the day of the list.
        list_version: which list, where several were made of that day; None takes the latest that holds the household.
        counties: folder of the county's own policy files.

    Raises:
        UserError: no such list or household, or the model is not kept any more.
    """
    with database.reading() as connection:
        record, row = _listed(connection, household_id, as_of, list_version)
        number = stored_import(connection) or record.import_id
        for import_id in (record.import_id, number):  # what the list was made from, and what it is held against
            _readable(connection, import_id)
        bundle = _bundle(bundles, record.model_version)
        return Reproduction(
            record=record,
            household_id=household_id,
            stored={name: getattr(row, name) for name in COMPARED},
            again=_answer(connection, household_id, record.import_id, bundle, as_of, counties=counties),
            now=_answer(connection, household_id, number, bundle, as_of, counties=counties),
            import_id=number,
            policy_version=load_policy(synthetic=record.synthetic, counties=counties).version,
            corrected=corrections(connection, household_id, record.import_id, number, as_of, tables=SEEN),
        )


def _listed(connection: Connection, household_id: str, as_of: dt.date, list_version: int | None) -> tuple[Row[Any], Row[Any]]:
    """The list that is asked for, and the household in it."""
    finished = select(lists).where(lists.c.finished).order_by(lists.c.list_version.desc())
    of_day = finished.where(lists.c.as_of == as_of.isoformat())
    if list_version is not None:
        of_day = of_day.where(lists.c.list_version == list_version)
    records = connection.execute(of_day).all()
    if not records:
        there = ", ".join(f"{row.list_version} ({row.as_of})" for row in connection.execute(finished.limit(10)))
        asked = f"{as_of}" + (f", list {list_version}" if list_version is not None else "")
        raise UserError(f"没有该时点的名单 there is no list of {asked}; 现有 there are: {there or '—'}")
    for record in records:
        row = connection.execute(
            select(scores).where(scores.c.list_version == record.list_version, scores.c.household_id == household_id)
        ).one_or_none()
        if row is not None:
            return record, row
    raise UserError(
        f"名单 {records[0].list_version} 中没有此户 no such household in the list of {as_of}: {household_id!r}; "
        "give it as the list does, by its pseudonym 请用名单中的户编号（假名）"
    )


def _readable(connection: Connection, import_id: int) -> None:
    """Refuses an import that can no longer be read as it was."""
    found = import_of(connection, import_id)
    if found is None or not readable(found.meanings):
        raise UserError(
            f"第 {import_id} 次导入由另一版本写成 import {import_id} was written by another version of this programme; "
            "use that version to make scores of its lists again 请用该版本程序重算"
        )


def _bundle(bundles: Path, version: str) -> Bundle:
    """The model of a list, among those kept."""
    if version not in kept(bundles):
        raise UserError(
            f"名单所用的模型 {version} 未保存，无法重算 the model of that list is not kept, so its scores cannot be made again: "
            f"put its folder back among the bundles; kept 现有: {', '.join(kept(bundles)) or '—'}"
        )
    return load(bundles / version)


def _answer(
    connection: Connection, household_id: str, import_id: int, bundle: Bundle, as_of: dt.date, *, counties: Path | None
) -> Answer | None:
    """The score of one household from the register as an import left it."""
    register = load_household(connection, household_id, import_id)
    rows = [] if register is None else rows_of(score_register(register, bundle, as_of, threads=1, counties=counties))
    return {name: getattr(rows[0], name) for name in COMPARED} if rows else None
