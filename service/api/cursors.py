"""Where a page ended, as opaque text: it belongs to one list, one order and one region, and goes on nowhere else."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from service.problems import ApiError, FieldError
from service.storage.score_store import Order, Place

LONGEST_CURSOR = 400
LONGEST_TEXT = 64
LARGEST = 2**31 - 1  # what fits into a column of numbers on every database
ROW_PATTERN = "^[1-9][0-9]{0,8}$"
"""The cursor of pages that go on after one row: its number."""
KINDS: dict[Order, tuple[type, ...]] = {"risk": (int,), "village": (str, int), "id": (str,)}


def write_cursor(version: int, region: str, order: Order, place: Place) -> str:
    """A place in a list as opaque text."""
    return base64.urlsafe_b64encode(orjson.dumps([version, region, order, *place])).rstrip(b"=").decode()


def read_cursor(cursor: str, region: str, order: Order) -> tuple[int, Place]:
    """The list and the place that `write_cursor` wrote.

    It says where to go on, not what may be seen: the token's region stands in the query whatever the cursor says.

    Raises:
        ApiError: 422, it is no cursor of this service, or belongs to another question.
    """
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        version, of_region, of_order, *place = orjson.loads(packed)
        if (
            type(of_region) is not str
            or of_order not in KINDS
            or not (version and _usable(version, int))
            or len(place) != len(KINDS[of_order])
        ):
            raise ValueError
        if not all(_usable(cell, kind) for cell, kind in zip(place, KINDS[of_order], strict=True)):
            raise ValueError
    except (ValueError, TypeError, binascii.Error):
        raise bad_cursor("不是本服务给出的翻页标记 is not a cursor that this service gave; start without one") from None
    if (of_region, of_order) != (region, order):
        raise bad_cursor("属于另一区划或另一排序 belongs to another region or order; start without one")
    return version, tuple(place)


def _usable(cell: Any, kind: type) -> bool:
    if kind is int:
        return type(cell) is int and 0 <= cell <= LARGEST
    return type(cell) is str and len(cell) <= LONGEST_TEXT and cell.isprintable()


def bad_cursor(message: str) -> ApiError:
    """The answer to a cursor that cannot be used."""
    return ApiError(422, "无法翻页 the cursor cannot be used", [FieldError("cursor", message)])
