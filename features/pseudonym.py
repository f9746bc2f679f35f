"""Plain ids become keyed pseudonyms the moment a file is read; nothing behind the reader ever sees them."""

from __future__ import annotations

import hmac
import os
from functools import lru_cache
from pathlib import Path

from features.errors import UserError

MINIMUM_KEY_BYTES = 32
PSEUDONYM = "^[0-9a-f]{20}$"
EXAMPLE_KEY = bytes(MINIMUM_KEY_BYTES)
"""The key of made-up households, which everybody knows: they bear the same pseudonyms on every machine, so that a model trained on them,
and its list, come out the same everywhere."""


def pseudonym(key: bytes, plain_id: str) -> str:
    """The pseudonym of an id: always the same under one key, and not to be undone without it.

    >>> pseudonym(b"k" * 32, "990000-000001") == pseudonym(b"k" * 32, "990000-000001")
    True
    >>> len(pseudonym(b"k" * 32, "990000-000001"))
    20
    """
    code = _keyed(key).copy()
    code.update(plain_id.encode())
    return code.hexdigest()[:20]


@lru_cache(maxsize=1)
def _keyed(key: bytes) -> hmac.HMAC:
    """HMAC-SHA-256 that has taken in the key: a copy of it costs less than a new one for each id."""
    return hmac.new(key, digestmod="sha256")


def key_mark(key: bytes) -> str:
    """Tells keys apart without giving anything of them away: two registers with one mark have one household under one pseudonym."""
    return pseudonym(key, "mark of the key")


def check_mark(mark: str, key: bytes | None) -> None:
    """Refuses pseudonyms that were made under another key.

    Args:
        mark: of the key under which they were made.
        key: the key at hand; without one there is nothing to compare.

    Raises:
        UserError: the keys differ.
    """
    if key is not None and key_mark(key) != mark:
        raise UserError(
            "编号的假名由另一密钥生成 the ids are pseudonyms made under another key: the same household would have two names; "
            "请使用原密钥 use the key that they were made with"
        )


def load_key(path: Path) -> bytes:
    """Reads the pseudonym key; without a proper one nothing may start.

    Args:
        path: a file of 64 or more hexadecimal digits (32 bytes), readable by the service only.

    Raises:
        UserError: the file is absent or too short, with the command that makes one.
    """
    make = f'请生成 make one: (umask 077; python -c "import secrets; print(secrets.token_hex(32))" > {path})'
    try:
        key = bytes.fromhex(path.read_text().strip())
    except FileNotFoundError:
        raise UserError(f"缺少假名密钥 the pseudonym key {path} is missing; {make}") from None
    except ValueError:
        raise UserError(f"假名密钥 {path} 不是十六进制 the pseudonym key is not hexadecimal; {make}") from None
    if len(key) < MINIMUM_KEY_BYTES:
        raise UserError(f"假名密钥 {path} 过短 the pseudonym key is shorter than {MINIMUM_KEY_BYTES} bytes; {make}")
    return key


def keep_key(path: Path, key: bytes) -> None:
    """Writes a key, readable by its owner only; never over one that is there.

    Raises:
        UserError: there is one already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(key.hex() + "\n")
    except FileExistsError:
        raise UserError(
            f"{path} 已存在，不会覆盖 there is a key already; another one would give every household another pseudonym"
        ) from None


def check_secret(key: bytes | None, *, synthetic: bool) -> None:
    """Refuses the key that everybody knows where households are real.

    Raises:
        UserError: with what to do.
    """
    if key == EXAMPLE_KEY and not synthetic:
        raise UserError(
            "真实农户不能使用演示密钥 real households cannot bear pseudonyms of the demonstration's key, which everybody knows: "
            "remove it and run 请删除后运行 python -m service key"
        )
