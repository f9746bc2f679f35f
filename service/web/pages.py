"""What every page shares: the two languages, the template folder, and the headers a page is sent with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

import orjson
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from features.catalog import CAUSES, CAUSES_EN, UNITS
from service.auth import Caller, Right
from service.problems import unusable
from service.regions import Regions
from service.web import formats
from service.web.drawing import draw, numbers

HERE = Path(__file__).parent
TEXTS = HERE / "texts.yaml"
STATIC = HERE / "static"
Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
LANGUAGE_TAGS = {"zh": "zh-CN", "en": "en"}
LANGUAGE_COOKIE = "fangpin_language"
YEAR_SECONDS = 365 * 24 * 3600
# Nothing inline, nothing from elsewhere: a text that found its way into a page unescaped would still not run.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PLACES = (
    ("list", "/", Right.LIST),
    ("changes", "/changes", Right.LIST),
    ("overview", "/overview", Right.COUNTS),
    ("ledgers", "/ledgers", Right.FACTS),
    ("imports", "/imports", Right.IMPORT),
    ("model", "/model", Right.MODEL),
)

Asked = TypeVar("Asked", bound=BaseModel)


def asked(request: Request, model: type[Asked], **fixed: Any) -> Asked:
    """What a page is asked for, in the words of the API's own query; a form sends its empty fields along, and they ask for nothing.

    Args:
        request: whose parameters are read.
        model: the query of a route of the API.
        fixed: what the page decides itself.

    Raises:
        ApiError: 422, what the API would refuse, the page refuses.
    """
    given = {name: value for name, value in request.query_params.items() if value and name != "lang"}
    return checked(model, given | fixed)


def checked(model: type[Asked], given: Mapping[str, Any]) -> Asked:
    """Input of a page as the API's own model of it.

    Raises:
        ApiError: 422, it does not fit.
    """
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise unusable({**one, "loc": ("query", *one["loc"])} for one in error.errors()) from None


def told(answer: Response) -> Any:
    """What a route of the API says: pages show exactly that, so that they can neither know nor hide anything more."""
    return orjson.loads(bytes(answer.body))


@cache
def texts() -> Mapping[str, Mapping[Language, str]]:
    """All texts of the pages by their key, `section.name`, in both languages."""
    said = yaml.safe_load(TEXTS.read_text(encoding="utf-8"))
    # What the figures call things too stands with the catalogue of features.
    said |= {"cause": {cause: (zh, CAUSES_EN[cause]) for cause, zh in CAUSES.items()}, "unit": UNITS}
    return {f"{section}.{name}": dict(zip(LANGUAGES, pair, strict=True)) for section, pairs in said.items() for name, pair in pairs.items()}


def text(language: Language, key: str, **values: Any) -> str:
    """A text of the catalogue, with its {places} filled in."""
    return texts()[key][language].format(**values) if values else texts()[key][language]


def words(request: Request, section: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """Names of codes with their words, for a choice."""
    language = language_of(request)
    return [(name, text(language, f"{section}.{name}")) for name in names]


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(formats.FILTERS)
    made.globals.update(
        {"draw": draw, "numbers": numbers, "one_language": formats.one_language, "span": formats.span, "stack": formats.stack}
    )
    return made


def language_of(request: Request) -> Language:
    """The language asked for now, or before, or Chinese."""
    for said in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        for language in LANGUAGES:
            if said == language:
                return language
    return "zh"


def address(request: Request, **changes: str | int | None) -> str:
    """The present address with some of its parameters changed; None takes one away."""
    parameters = {name: value for name, value in request.query_params.items() if name != "lang"}
    for name, value in changes.items():
        parameters.pop(name, None)
        if value is not None:
            parameters[name] = str(value)
    return request.url.path + ("?" + urlencode(parameters) if parameters else "")


def places_of(caller: Caller | None) -> list[tuple[str, str]]:
    """The pages that somebody may open: (name, address)."""
    return [(name, path) for name, path, right in PLACES if caller is not None and caller.may(right)]


def first_place(caller: Caller) -> str:
    """Where a role begins."""
    return places_of(caller)[0][1]


def form_mark(request: Request) -> str | None:
    """What the forms of a page send back; None without a session.

    Raises:
        ApiError: 503, the key behind it is gone.
    """
    caller: Caller | None = request.scope.get("state", {}).get("caller")
    if caller is None or not caller.session:
        return None
    mark: str = request.app.state.service.sessions.csrf_token(caller)
    return mark


def render(request: Request, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> HTMLResponse:
    """A page.

    Args:
        request: whose language, caller and address the page is made for.
        template: file in `templates/`.
        status: of the answer.
        headers: further ones.
        values: what the template shows.
    """
    language = language_of(request)
    caller: Caller | None = request.scope.get("state", {}).get("caller")

    def t(key: str, **parts: Any) -> str:
        return text(language, key, **parts)

    def said(zh: str, en: str) -> str:
        return zh if language == "zh" else en

    def measure(value: float | None, unit: str) -> str:
        if value is None:
            return t("site.unknown")
        if unit == "flag":
            return t("site.yes") if value else t("site.no")
        if unit == "share":
            return formats.percent(value)
        return f"{formats.amount(value)} {t(f'unit.{unit}') if f'unit.{unit}' in texts() else unit}"

    regions: Regions = request.app.state.service.regions

    def place(code: str, inside: str = "") -> str:
        name = regions.called(code, language, inside)
        return Markup('{} <span class="code">{}</span>').format(name, code) if name else formats.place(code, inside)

    shared = {
        "t": t,
        "place": place,
        "said": said,
        "measure": measure,
        "language": language,
        "language_tag": LANGUAGE_TAGS[language],
        "other": "en" if language == "zh" else "zh",
        "caller": caller,
        "places": places_of(caller),
        "path": request.url.path,
        "address": lambda **changes: address(request, **changes),
        "synthetic": False,
        "static": _static,
    }
    if "csrf" not in values:
        shared["csrf"] = form_mark(request)
    page = HTMLResponse(_environment().get_template(template).render(shared | values), status, dict(headers or {}))
    page.headers["Content-Security-Policy"] = POLICY
    page.headers["Content-Language"] = LANGUAGE_TAGS[language]
    page.headers["Cache-Control"] = "private, no-store"
    page.headers["Vary"] = "Cookie, Authorization, Accept"
    if request.query_params.get("lang") in LANGUAGES:
        page.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_SECONDS, samesite="lax", httponly=True)
    return page


@cache
def _static(name: str) -> Markup:
    """Address of a static file, with its content's mark, so that it can be kept for ever and a new one is fetched at once."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return Markup("/static/{}?{}").format(name, mark)
