"""A figure as data: layers of points on two labelled axes, and how they are drawn.

What `haiguan estimate` draws at once and what the report draws from rows of the lake are the same layers.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cache
from textwrap import fill
from typing import Any, Literal
from unicodedata import east_asian_width

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findSystemFonts, fontManager
from matplotlib.ticker import MaxNLocator

Mark = Literal["series", "line", "points", "intervals", "band", "bars", "upright", "level"]

COLOURS = ("#1f4e79", "#b85c38", "#4a7c59", "#7a5c99", "#8c6d1f", "#5f6b73")
MARKERS = "osD^vP"
ZERO_LINE = "#999999"
WIDTH, HEIGHT, LEGEND_ROW = 6.4, 3.8, 0.22
MOST_TICKS = 12
# Letters that fit on a line across and along the height of a figure.
WIDE, TALL = 80, 46
# The first that the machine has draws Chinese names, which the font of the rest has no letters for.
CHINESE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans SC",
    "Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "SimHei",
    "Noto Serif CJK SC", "Noto Serif CJK JP", "SimSun",
)  # fmt: skip
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "font.size": 9,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Layer:
    """Points that are drawn alike.

    Attributes:
        mark: `series` (a line through markers), `line`, `points`, `intervals`, `band`, `bars` (from low to high on the
            horizontal axis, as high as the value), `upright` and `level` (a dashed line across the figure).
        label: in the legend; empty for none.
        points: grain point: x, value, low, high; what a mark does not draw is missing.
    """

    mark: Mark
    label: str
    points: pd.DataFrame


@dataclass(frozen=True)
class Plot:
    """Layers on two axes.

    Attributes:
        across: label of the horizontal axis, with its unit.
        upright: label of the vertical axis, with its unit.
        layers: drawn in this order.
        title: above the figure; empty for none.
    """

    across: str
    upright: str
    layers: tuple[Layer, ...]
    title: str = ""


def layer(
    mark: Mark,
    x: Sequence[float] | pd.Series | pd.Index,
    value: Sequence[float] | pd.Series | None = None,
    low: Sequence[float] | pd.Series | None = None,
    high: Sequence[float] | pd.Series | None = None,
    label: str = "",
) -> Layer:
    """A layer from its columns.

    >>> layer("points", [1, 2], [0.5, 0.7]).points["value"].tolist()
    [0.5, 0.7]
    """
    columns = {"x": x, "value": value, "low": low, "high": high}
    given = {name: np.asarray(np.nan if part is None else part, dtype=float) for name, part in columns.items()}
    return Layer(mark, label, pd.DataFrame(given, index=range(len(given["x"]))))


def draw_plot(plot: Plot) -> Figure:
    """The figure, with a line at zero behind estimates that have intervals, and a legend where two layers have labels.

    >>> figure = draw_plot(Plot("Year", "Share", (layer("series", [2003, 2004], [0.5, 0.7]),)))
    >>> figure.axes[0].get_xlabel(), figure.legends
    ('Year', [])
    """
    labelled = [part for part in plot.layers if part.label]
    extra = LEGEND_ROW * (len(labelled) - 1) if len(labelled) > 1 else 0.0
    figure = Figure(figsize=(WIDTH, HEIGHT + extra), layout="constrained")
    axes = figure.subplots()
    for number, part in enumerate(plot.layers):
        _draw(axes, part, COLOURS[number % len(COLOURS)], MARKERS[number // len(COLOURS) % len(MARKERS)])
    if any(part.mark in ("intervals", "band") for part in plot.layers):
        axes.axhline(0, color=ZERO_LINE, linewidth=0.8, zorder=0.5)
    axes.set(xlabel=wrapped(plot.across, WIDE), ylabel=wrapped(plot.upright, TALL), title=wrapped(plot.title, WIDE))
    axes.margins(x=0.05, y=0.1)
    _whole_ticks(axes, plot)
    if len(labelled) > 1:
        figure.legend(loc="outside upper left", ncols=1)
    return figure


def wrapped(text: str, letters: int) -> str:
    r"""A label in lines of so many letters; a Chinese one takes the room of two.

    >>> wrapped("Effect of union membership on the log hourly wage", 30)
    'Effect of union membership on\nthe log hourly wage'
    >>> wrapped("出口总额的对数值", 8)
    '出口总额\n的对数值'
    """
    room = sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
    return fill(text, max(1, letters * len(text) // room)) if room > letters else text


def _draw(axes: Axes, part: Layer, colour: str, marker: str) -> None:
    points, label = part.points, part.label or None
    match part.mark:
        case "series":
            line: dict[str, Any] = {"marker": marker, "markersize": 4, "linewidth": 1.6}
            axes.plot(points["x"], points["value"], color=colour, label=label, **line)
        case "line":
            axes.plot(points["x"], points["value"], color=colour, linewidth=1.4, label=label)
        case "points":
            axes.scatter(points["x"], points["value"], color=colour, s=18, zorder=3, label=label)
        case "intervals":
            reach = np.abs(points[["low", "high"]].to_numpy().T - points["value"].to_numpy())
            bars: dict[str, Any] = {"fmt": "o", "markersize": 4.5, "capsize": 3, "linewidth": 1.2}
            axes.errorbar(points["x"], points["value"], yerr=reach, color=colour, label=label, **bars)
        case "band":
            axes.fill_between(points["x"], points["low"], points["high"], color=colour, alpha=0.2, linewidth=0)
            axes.plot(points["x"], points["value"].fillna(points["low"]), color=colour, linewidth=1.2, label=label)
            if points["value"].isna().all():
                axes.plot(points["x"], points["high"], color=colour, linewidth=1.2)
        case "bars":
            edges: dict[str, Any] = {"align": "edge", "edgecolor": "white", "linewidth": 0.4, "alpha": 0.45}
            axes.bar(points["low"], points["value"], points["high"] - points["low"], color=colour, label=label, **edges)
        case "upright":
            axes.axvline(points["x"].iloc[0], color=colour, linestyle="--", linewidth=1.4, label=label)
        case "level":
            axes.axhline(points["value"].iloc[0], color=colour, linestyle="--", linewidth=1.0, label=label)


def _whole_ticks(axes: Axes, plot: Plot) -> None:
    """Ticks at whole numbers of what is counted, and of points at whole numbers, such as years or distances."""
    if any(part.mark == "bars" for part in plot.layers):
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    marked = [part.points["x"] for part in plot.layers if part.mark in ("series", "intervals")]
    if not marked:
        return
    places = pd.concat(marked).drop_duplicates().sort_values()
    if places.nunique() == 1:
        axes.set_xlim(places.iloc[0] - 1, places.iloc[0] + 1)
    if len(places) <= MOST_TICKS and (places == places.round()).all():
        axes.set_xticks(places.to_list())
    elif (places == places.round()).all():
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=MOST_TICKS))


@cache
def font_families() -> list[str]:
    """Fonts in the order in which they are asked for a letter: the usual one, then one that has Chinese."""
    return ["DejaVu Sans", *(_chinese_fonts() or _chinese_fonts(looked_for=True))[:1]]


def _chinese_fonts(looked_for: bool = False) -> list[str]:
    """Those that matplotlib knows; its list is older than fonts installed since it was first used."""
    if looked_for:
        known = {font.fname for font in fontManager.ttflist}
        for path in sorted(set(findSystemFonts()) - known):
            # A font that cannot be read is one that cannot be drawn with.
            with suppress(RuntimeError, OSError):
                fontManager.addfont(path)
    present = {font.name for font in fontManager.ttflist}
    return [name for name in CHINESE_FONTS if name in present]


def in_style(changes: Mapping[Any, Any] | None = None) -> AbstractContextManager[None]:
    """The style that figures are drawn and saved in, inside a `with`; settings of matplotlib change it."""
    return mpl.rc_context({**STYLE, "font.family": font_families(), **(changes or {})})


def as_svg(figure: Figure) -> str:
    """The figure as SVG, its text as text: the same figure gives the same file.

    >>> as_svg(Figure(figsize=(1, 1))) == as_svg(Figure(figsize=(1, 1)))
    True
    """
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "haiguan", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def as_png(figure: Figure) -> bytes:
    """The figure as PNG on white, 200 dots per inch: the same figure gives the same file.

    >>> as_png(Figure(figsize=(1, 1)))[1:4]
    b'PNG'
    """
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=200, facecolor="white", metadata={"Software": None})
    return picture.getvalue()
