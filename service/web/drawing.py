"""Draws the few kinds of figures that `models.figures` describes, as SVG in the page itself.

A figure is plain values in plotly's shape, so a notebook draws the same ones with plotly. Here they are drawn on the server: they are there
with the page's first paint, on paper, and without any script; see docs/decisions/0005-figures-on-pages.md.
Colours are attributes and classes, never inline styles: the pages' security policy allows none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from service.web.formats import one_language

Figure = Mapping[str, Any]
Trace = Mapping[str, Any]

WIDTH = 420
HEIGHT = 230
TOP, RIGHT, BOTTOM = 12, 14, 40
ROW = 24
LETTER, SMALL_LETTER = 11.5, 6.4  # widths of a Chinese and a Latin letter at the size figures are lettered in
LONGEST_LABEL = 150
COLOURS = ("#1f4e79", "#b45309", "#2e7d32", "#6b4c9a", "#8a5a00", "#455a64")
DASHES = {"dot": "2 4", "dash": "7 4", "dashdot": "7 3 2 3"}
TICKS = 4
NOTHING = "没有可显示的数 nothing to show"


def draw(figure: Figure, language: str = "zh") -> Markup:
    """A figure as SVG; its title is the caption's affair.

    Args:
        figure: {"data": […], "layout": {…}} with traces of type scatter, bar or waterfall.
        language: which half of each text is shown.

    Raises:
        ValueError: a kind of trace that is not drawn.
    """
    kinds = {trace["type"] for trace in figure["data"]}
    if not kinds <= {"scatter", "bar", "waterfall"}:
        raise ValueError(f"no drawing of {sorted(kinds)}")
    lying = any(trace.get("orientation") == "h" for trace in figure["data"])
    if all(value is None for trace in figure["data"] for value in trace["x" if lying else "y"]):
        parts, height = [_words(WIDTH / 2, ROW * 2, one_language(NOTHING, language), "name", "middle")], ROW * 4.0
    else:
        parts, height = _rows(figure, language) if lying else _plane(figure, language)
    title = one_language(figure.get("layout", {}).get("title", {}).get("text", ""), language)
    box = f"0 0 {WIDTH} {height:.0f}"
    return _tag("svg", Markup("").join(parts), **{"class": "figure", "viewBox": box, "role": "img", "aria-label": title})


def numbers(figure: Figure, language: str = "zh") -> tuple[list[str], list[list[str]]]:
    """The same figure as a table: headings, and a row a point, for those who cannot or need not see it drawn."""
    layout = figure.get("layout", {})
    lying = any(trace.get("orientation") == "h" for trace in figure["data"])
    along, across = ("y", "x") if lying else ("x", "y")
    # What cannot be pointed at stays out, but for the invisible edges of a band, which say how far off a value may be.
    shown = [trace for trace in figure["data"] if trace.get("hoverinfo") != "skip" or _edge(trace)]
    heads = [one_language(_axis_title(layout, along), language)]
    heads += [one_language(trace.get("name") or _axis_title(layout, across), language) for trace in shown]
    write = _writer(layout.get(f"{across}axis", {}).get("tickformat", "") or ("+.2f" if shown and shown[0]["type"] == "waterfall" else ""))
    write_along = _writer(layout.get(f"{along}axis", {}).get("tickformat", ""))
    places: dict[Any, list[str]] = {}
    for column, trace in enumerate(shown):
        spans = trace.get("error_y")
        for index, (at, value) in enumerate(zip(trace[along], trace[across], strict=True)):
            row = places.setdefault(at, ["—"] * len(shown))
            total = trace.get("measure", [""] * len(trace[across]))[index] == "total"
            written = write(sum(trace[across][:-1]) if total else value)
            if spans is not None and value is not None:
                low = value - (spans.get("arrayminus") or spans["array"])[index]
                written += f"（{write(low)}–{write(value + spans['array'][index])}）"
            row[column] = written
    return heads, [[one_language(_label(at, write_along), language), *row] for at, row in places.items()]


def _edge(trace: Trace) -> bool:
    """Whether a line is only there to bound a band."""
    return bool(trace.get("line", {}).get("width", 1) == 0)


def _axis_title(layout: Mapping[str, Any], axis: str) -> str:
    title = layout.get(f"{axis}axis", {}).get("title", {})
    return str(title if isinstance(title, str) else title.get("text", ""))


def _writer(form: str) -> Callable[[float | None], str]:
    """How numbers of an axis are written: plotly's `.1%`, `,.0f` … are Python's own."""

    def write(value: float | None) -> str:
        if value is None:
            return "—"
        if form:
            return format(value, form).replace("-", "−")
        return (f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}").replace("-", "−")

    return write


def _label(value: Any, write: Callable[[float | None], str]) -> str:
    return value if isinstance(value, str) else write(value)


def _length(words: str) -> float:
    return sum(LETTER if ord(letter) > 0x2E7F else SMALL_LETTER for letter in words)


def _tag(name: str, content: str = "", **attributes: str | float) -> Markup:
    """One element; whatever is put into it is escaped."""
    told = [Markup(' {}="{}"').format(key.replace("_", "-"), _number(value)) for key, value in attributes.items()]
    return Markup("<{}{}>{}</{}>").format(name, Markup("").join(told), content, name)


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}"


def _words(x: float, y: float, words: str, kind: str, anchor: str = "start") -> Markup:
    return _tag("text", words, x=x, y=y, **{"class": kind}, text_anchor=anchor)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return _tag("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"class": kind})


def _box(x: float, y: float, size: tuple[float, float], colour: str, hint: str = "") -> Markup:
    hints = _tag("title", hint) if hint else ""
    return _tag("rect", hints, x=x, y=y, width=max(size[0], 0.8), height=max(size[1], 0.8), fill=colour)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to places on the paper."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values, about `TICKS` of them."""
        step = _step((self.high - self.low) / TICKS)
        first = math.ceil(round(self.low / step, 6))
        return [place * step for place in range(first, math.floor(round(self.high / step, 6)) + 1)]


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(part * power for part in (1, 2, 2.5, 5, 10) if part * power >= rough * 0.999)


def _rounded(values: Sequence[float], start: float, end: float, *, from_nought: bool) -> _Scale:
    """A scale that holds all values and ends on round ones."""
    low, high = min(values), max(values)
    if from_nought:
        low, high = min(low, 0.0), max(high, 0.0)
    if high <= low:
        high = low + 1.0
    step = _step((high - low) / TICKS)
    return _Scale(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, start, end)


def _rows(figure: Figure, language: str) -> tuple[list[Markup], float]:
    """Bars that lie: a row a name, for waterfalls and rankings."""
    trace = figure["data"][0]
    layout = figure.get("layout", {})
    names = [one_language(str(name), language) for name in trace["y"]]
    write = _writer(layout.get("xaxis", {}).get("tickformat", ""))
    stretches = _falls(trace) if trace["type"] == "waterfall" else [(0.0, value, "") for value in trace["x"]]
    left = min(max(_length(name) for name in names), LONGEST_LABEL) + 10
    scale = _rounded([end for begin, until, _ in stretches for end in (begin, until)], left + 6, WIDTH - 46, from_nought=True)
    height = TOP + ROW * len(names) + BOTTOM
    floor = height - BOTTOM
    parts = [*_foot(scale, floor, layout, write, language), _line(scale(0), TOP - 4, scale(0), floor, "axis")]
    hints = trace.get("text") or [""] * len(names)
    for place, (name, (begin, until, kind), hint) in enumerate(zip(names, stretches, hints, strict=True)):
        y = TOP + place * ROW
        colour = _colour(trace, kind)
        x, width = min(scale(begin), scale(until)), abs(scale(until) - scale(begin))
        shown = write(until) if not kind else f"{until if kind == 'totals' else until - begin:+.2f}".replace("-", "−")
        parts.append(_words(left, y + ROW / 2 + 4, _cut(name), "name", "end"))
        told = "\n".join(one_language(line, language) for line in str(hint).split("<br>"))
        parts.append(_box(x, y + 4, (width, ROW - 8), colour, told))
        # Beside the bar's far end, inside the paper: figures are read in print, where nothing can be pointed at.
        parts.append(_words(max(scale(begin), scale(until)) + 4, y + ROW / 2 + 4, shown, "value"))
        if trace["type"] == "waterfall" and place + 1 < len(names):
            parts.append(_line(scale(until), y + ROW - 4, scale(until), y + ROW + 4, "step"))
    return parts, height


def _falls(trace: Trace) -> list[tuple[float, float, str]]:
    """Where each bar of a waterfall begins and ends, and which colour it takes."""
    found: list[tuple[float, float, str]] = []
    at = 0.0
    for step, measure in zip(trace["x"], trace["measure"], strict=True):
        if measure == "relative":
            found.append((at, at + step, "increasing" if step > 0 else "decreasing"))
            at += step
        else:
            at = step if measure == "absolute" else at
            found.append((0.0, at, "totals"))
    return found


def _colour(trace: Trace, kind: str) -> str:
    marker = trace.get(kind, {}).get("marker", {}) if kind else trace.get("marker", {})
    colour = marker.get("color", COLOURS[0])
    return str(colour if isinstance(colour, str) else COLOURS[0])


def _cut(name: str) -> str:
    """A name as long as there is room for; the table under the figure has it whole."""
    if _length(name) <= LONGEST_LABEL:
        return name
    while _length(name) > LONGEST_LABEL - LETTER:
        name = name[:-1]
    return name + "…"


def _plane(figure: Figure, language: str) -> tuple[list[Markup], float]:
    """Lines, points and standing bars over two axes."""
    layout, traces = figure.get("layout", {}), figure["data"]
    ends = [value for trace in traces for value in _reach(trace)]
    bars = [trace for trace in traces if trace["type"] == "bar"]
    stacked = layout.get("barmode") in {"stack", "relative"}
    stacks = _stacks(bars) if stacked else []
    ends += [end for stack in stacks for _, low, high in stack for end in (low, high)]
    legend = _legend(traces, language) if layout.get("showlegend", len(traces) > 1) else []
    write = _writer(layout.get("yaxis", {}).get("tickformat", ""))
    height = HEIGHT + (len(legend) and 18 * legend[-1].row + 18)
    from_nought = bool(bars) or layout.get("yaxis", {}).get("rangemode") == "tozero"
    down = _rounded(ends, height - BOTTOM, TOP + 6 + height - HEIGHT, from_nought=from_nought)
    left = max(_length(write(tick)) for tick in down.ticks()) + 10
    across, labels = _across(traces, layout, left + 4)
    floor = height - BOTTOM
    parts = [part for entry in legend for part in _key(entry)]
    for tick in down.ticks():
        parts += [_line(left, down(tick), WIDTH - RIGHT, down(tick), "grid"), _words(left - 5, down(tick) + 4, write(tick), "tick", "end")]
    base = down(0) if down.low <= 0 <= down.high else floor
    parts.append(_line(left, base, WIDTH - RIGHT, base, "axis"))
    parts += [_words(x, floor + 15, one_language(label, language), "tick", "middle") for x, label in labels]
    parts.append(_words((left + WIDTH - RIGHT) / 2, height - 6, one_language(_axis_title(layout, "x"), language), "title", "middle"))
    wide = min(34.0, (WIDTH - RIGHT - left) / max(len(labels), 1) * 0.62)
    for place, trace in enumerate(traces):
        colour = _trace_colour(trace, place)
        if trace["type"] == "bar":
            which = bars.index(trace)
            thin = wide if stacked else wide / len(bars)
            shift = -wide / 2 + (0 if stacked else which * thin)
            pieces = stacks[which] if stacked else [(x, 0.0, y) for x, y in zip(trace["x"], trace["y"], strict=True) if y is not None]
            for x, low, high in pieces:
                parts.append(
                    _box(across(x) + shift, down(max(low, high)), (thin - 1, abs(down(low) - down(high))), colour, write(high - low))
                )
        else:
            if trace.get("fill") == "tonexty":
                parts += _band(traces[place - 1], trace, across, down)
            parts += _curve(trace, across, down, colour, write)
    return parts, height


def _reach(trace: Trace) -> list[float]:
    """All heights that a trace needs room for."""
    spans = trace.get("error_y", {})
    found = []
    for index, value in enumerate(trace["y"]):
        if value is not None:
            found.append(float(value))
            if spans:
                found += [value + spans["array"][index], value - (spans.get("arrayminus") or spans["array"])[index]]
    return found


def _stacks(bars: Sequence[Trace]) -> list[list[tuple[Any, float, float]]]:
    """(x, from, to) of the pieces of each trace, one on top of the other; what is negative hangs below nought."""
    tops: dict[tuple[Any, bool], float] = {}
    found = []
    for trace in bars:
        pieces = []
        for x, value in zip(trace["x"], trace["y"], strict=True):
            if value:
                low = tops.get((x, value > 0), 0.0)
                tops[x, value > 0] = low + value
                pieces.append((x, low, low + value))
        found.append(pieces)
    return found


def _across(traces: Sequence[Trace], layout: Mapping[str, Any], left: float) -> tuple[Callable[[Any], float], list[tuple[float, str]]]:
    """Where each x stands, and the labels under the axis."""
    values = list(dict.fromkeys(x for trace in traces for x in trace["x"]))
    if all(isinstance(value, (int, float)) for value in values) and layout.get("xaxis", {}).get("type") != "category":
        scale = _rounded(values, left, WIDTH - RIGHT, from_nought=layout.get("xaxis", {}).get("rangemode") == "tozero")
        write = _writer(layout.get("xaxis", {}).get("tickformat", ""))
        return scale, [(scale(tick), write(tick)) for tick in scale.ticks()]
    values.sort(key=str) if layout.get("xaxis", {}).get("type") == "date" else None
    step = (WIDTH - RIGHT - left) / len(values)
    places = {value: left + step * (place + 0.5) for place, value in enumerate(values)}
    room = max(1, math.ceil(max(_length(str(value)) + 8 for value in values) / step))
    # The last label is always there: the newest is what one looks for.
    labels = [(places[value], str(value)) for place, value in enumerate(values) if (len(values) - 1 - place) % room == 0]
    return places.__getitem__, labels


def _curve(trace: Trace, across: Callable[[Any], float], down: _Scale, colour: str, write: Callable[[float | None], str]) -> list[Markup]:
    """A line, its points and what they may be off by."""
    mode = trace.get("mode", "lines")
    points = [(across(x), None if y is None else down(y), y) for x, y in zip(trace["x"], trace["y"], strict=True)]
    parts: list[Markup] = []
    if "lines" in mode and not _edge(trace):
        dash = _dash(trace)
        drawn = [
            f"{'M' if before is None else 'L'} {x:.1f} {y:.1f}"
            for (_, before, _), (x, y, _) in pairwise([(0.0, None, None), *points])
            if y is not None
        ]
        parts.append(_tag("path", d=" ".join(drawn), fill="none", stroke=colour, stroke_width="2", stroke_dasharray=dash))
    spans = trace.get("error_y")
    for index, (x, y, value) in enumerate(points):
        if y is None or value is None:
            continue
        if spans:
            high = down(value + spans["array"][index])
            low = down(value - (spans.get("arrayminus") or spans["array"])[index])
            whisker = f"M {x:.1f} {high:.1f} V {low:.1f} M {x - 4:.1f} {high:.1f} h 8 M {x - 4:.1f} {low:.1f} h 8"
            parts.append(_tag("path", d=whisker, fill="none", stroke=colour))
        if "markers" in mode:
            parts.append(_tag("circle", _tag("title", write(value)), cx=x, cy=y, r=4, fill=_point_colour(trace, index, colour)))
    return parts


def _band(below: Trace, above: Trace, across: Callable[[Any], float], down: _Scale) -> list[Markup]:
    """The space between two lines, where both are known; a single point becomes an upright stroke."""
    ends = [
        (across(x), down(low), down(high))
        for x, low, high in zip(above["x"], below["y"], above["y"], strict=True)
        if low is not None and high is not None
    ]
    if not ends:
        return []
    up = [f"{x:.1f} {high:.1f}" for x, _, high in ends]
    back = [f"{x:.1f} {low:.1f}" for x, low, _ in reversed(ends)]
    return [_tag("path", d="M " + " L ".join([*up, *back]) + " Z", **{"class": "band"})] + [
        _line(x, low, x, high, "reach") for x, low, high in ends
    ]


def _point_colour(trace: Trace, index: int, otherwise: str) -> str:
    given = trace.get("marker", {}).get("color", otherwise)
    return str(given if isinstance(given, str) else given[index])


def _trace_colour(trace: Trace, place: int) -> str:
    found = trace.get("line", {}).get("color") or trace.get("marker", {}).get("color")
    return found if isinstance(found, str) else COLOURS[place % len(COLOURS)]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a colour stands for, and where that is said."""

    row: int
    x: float
    name: str
    colour: str
    dash: str
    box: bool


def _legend(traces: Sequence[Trace], language: str) -> list[_Entry]:
    """An entry a trace, as many in a row as there is room for."""
    found: list[_Entry] = []
    row, x = 0, 8.0
    for place, trace in enumerate(traces):
        name = one_language(trace.get("name", ""), language)
        if not name or trace.get("showlegend") is False:
            continue
        need = 40 + _length(name)
        if x + need > WIDTH and found:
            row, x = row + 1, 8.0
        found.append(_Entry(row, x, name, _trace_colour(trace, place), _dash(trace), trace["type"] == "bar"))
        x += need
    return found


def _dash(trace: Trace) -> str:
    return DASHES.get(trace.get("line", {}).get("dash", ""), "none")


def _key(entry: _Entry) -> list[Markup]:
    x, y = entry.x, TOP + 18 * entry.row
    line = {"stroke": entry.colour, "stroke-width": "2.5", "stroke-dasharray": entry.dash}
    sign = _box(x, y - 5, (20, 10), entry.colour) if entry.box else _tag("path", d=f"M {x:.1f} {y} h 20", **line)
    return [sign, _words(x + 25, y + 4, entry.name, "name")]


def _foot(scale: _Scale, floor: float, layout: Mapping[str, Any], write: Callable[[float | None], str], language: str) -> list[Markup]:
    """Ticks, grid and title under the bars."""
    parts = []
    for tick in scale.ticks():
        parts += [_line(scale(tick), TOP - 4, scale(tick), floor, "grid"), _words(scale(tick), floor + 15, write(tick), "tick", "middle")]
    parts.append(_words((scale.start + scale.end) / 2, floor + 33, one_language(_axis_title(layout, "x"), language), "title", "middle"))
    return parts
