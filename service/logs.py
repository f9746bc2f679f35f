"""The log: one JSON object a line on standard error, and nothing in it by which a person could be known or a door opened."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from types import TracebackType
from typing import Any

import orjson

from service import trace
from service.clock import stamp, utc_now
from service.redaction import redact

HIDDEN = "…"
# Where a value stands under such a name, the value goes, whatever it is.
TELLING = (
    r"(?:head_|full_|user_?|real_)?name|xingming|phone|mobile|tel|telephone|address|id_?(?:card|number|no)|bank_?(?:card|account)|account|"
    r"password|passwd|pwd|token|secret|api_?key|authorization|cookie|csrf|session|姓名|户主|名字|电话|手机号?|联系方式|住址|地址|身份证号?码?|证件号码?|"
    r"银行卡号?|账号|口令|密码"
)
_TELLING_KEY = re.compile(rf"(?:.*_)?(?:{TELLING})", re.IGNORECASE)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # PostgreSQL quotes the row that it refuses, a visit's note included, over as many lines as that has.
    (re.compile(r"(?sm)^(DETAIL|CONTEXT): .*?(?=^\[SQL: |^\(Background on |^The above exception |\Z)"), f"\\1: {HIDDEN}\n"),
    (re.compile(r"\[parameters: [^\n]*"), f"[parameters: {HIDDEN}]"),  # SQL with the cells of a row
    (re.compile(r"(?s)input_value=.*?(?=, input_type=)"), f"input_value={HIDDEN}"),  # what somebody sent
    (re.compile(r"\bfps?_[\w-]{6,}"), f"fp_{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)([a-z][a-z0-9+.-]*://[^\s:/@\"']*):[^\s/\"']+@"), rf"\1:{HIDDEN}@"),  # database addresses
    (
        re.compile(
            rf"(?i)(?<![a-z])((?:[a-z]+_)?(?:{TELLING})[\"']?\s*[=:：]\s*)"
            r"(?:\{[^{}]*\}|\[[^\[\]]*\]|\([^()]*\)|\"[^\"]*\"|'[^']*'|[^\s,;}\])\"']+)"
        ),
        rf"\1{HIDDEN}",
    ),
)


def redacted(text: str) -> str:
    """A text without identity, phone and other long numbers, names under their heading, tokens and passwords.

    >>> redacted("token fp_abcdefgh123 of 姓名: 张三 (138 0000 0000), postgresql://fangpin:geheim@db/fangpin")
    'token fp_… of 姓名: … (〔号码已隐去〕), postgresql://fangpin:…@db/fangpin'
    """
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return redact(text)[0]


def _hidden(value: Any) -> Any:
    """The same, without the values that stand under a telling name."""
    if isinstance(value, Mapping):
        return {redacted(str(key)): HIDDEN if _TELLING_KEY.fullmatch(str(key)) else _hidden(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_hidden(item) for item in value]
    text = str(value)
    shown = redacted(text)
    return value if shown == text and isinstance(value, bool | int | float | None) else shown  # a telephone may be a number


def _noted(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Adds when it was and which request it belongs to."""
    event["time"] = stamp(utc_now())
    request_id = trace.request_id()
    if request_id:
        event["request_id"] = request_id
    return event


def _line(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(_hidden(event)).decode()


def formatter() -> logging.Formatter:
    """Turns any record, whoever wrote it, into one redacted line of JSON."""
    import structlog

    shared: list[Callable[..., Any]] = [structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, _noted]
    inner: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info, _line]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=inner)


def configure(level: str = "INFO") -> None:
    """Sends everything that is logged in this process through the one formatter: the service's, the server's, Python's own warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = True  # whole addresses, with whatever somebody typed; the access log has what is needed
    for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.error").setLevel(max(logging.INFO, logging.getLevelName(level)))
    logging.raiseExceptions = False  # a record that cannot be formatted would be printed as it came
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("service").critical("uncaught", exc_info=(kind, error, where) if error is not None else None)
