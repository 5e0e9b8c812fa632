"""Figures as SVG and PNG: the same points give the same bytes, and the page's colours give the SVG in it its own."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from haiguan.jobs.reporting.tables import by_item, estimated_columns, label_of
from haiguan.transforms.estimators.figures import COLOURS, MARKERS, coefficient_plot
from haiguan.transforms.estimators.linear import CONSTANT
from haiguan.transforms.estimators.specification import Printing

INK, MUTED, RULE, ZERO_LINE = "#1f2328", "#6b7280", "#d5d2ca", "#999999"
_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", RULE: "var(--rule)", ZERO_LINE: "var(--muted)"} | {
    colour: f"var(--series-{number})" for number, colour in enumerate(COLOURS, start=1)
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
_WIDTH, _HEIGHT, _LEGEND_ROW = 6.4, 3.2, 0.22


@dataclass(frozen=True)
class DrawnFigure:
    """A figure of a study.

    Attributes:
        study: it belongs to.
        item: its name in the study.
        title: above it.
        note: below it.
        source: the sentence that says where it comes from.
        series: names of its series.
        svg: as a file of its own.
        png: the same as pixels.
    """

    study: str
    item: str
    title: str
    note: str
    source: str
    series: tuple[str, ...]
    svg: str
    png: bytes

    @property
    def inline_svg(self) -> str:
        """The SVG to stand in a page: no XML heading, the page's colours, no names but those it refers to."""
        body = self.svg[self.svg.index("<svg") :]
        for colour, variable in _VARIABLES.items():
            body = body.replace(colour, variable)
        referred = set(re.findall(r"#([\w-]+)", body))
        body = re.sub(r' id="([\w-]+)"', lambda found: found[0] if found[1] in referred else "", body)
        body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
        label = f'role="img" aria-label="{html.escape(self.title)}"'
        return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', lambda _: label, body, count=1)


def draw_figures(points: pd.DataFrame, provenance: Mapping[str, str]) -> list[DrawnFigure]:
    """The figures of studies: a line per series, through its points in the order of x.

    Args:
        points: rows of result_studies__figures.
        provenance: study -> the sentence that says where its figures come from.
    """
    return [
        _lines(of_item, study, item, provenance[study])
        for study, item, of_item in by_item(points.sort_values(["study", "item", "position", "x", "row"]))
    ]


def draw_coefficients(
    estimates: pd.DataFrame, provenance: Mapping[str, str], printing: Mapping[tuple[str, str], Printing]
) -> list[DrawnFigure]:
    """A coefficient plot per regression table: estimates and 95 % confidence intervals, the constant left out.

    Args:
        estimates: rows of result_studies__estimates, in order.
        provenance: study -> the sentence that says where its estimates come from.
        printing: study and item -> labels of the terms.
    """
    return [
        _coefficients(of_item, study, item, provenance[study], printing.get((study, item), Printing()))
        for study, item, of_item in by_item(estimates)
        if (of_item.term != CONSTANT).any()
    ]


def _coefficients(estimates: pd.DataFrame, study: str, item: str, source: str, printing: Printing) -> DrawnFigure:
    fits = {
        f"({place}) {column.column.title}": column.estimates
        for place, column in enumerate(estimated_columns(estimates), start=1)
    }
    labels = {term: label_of(printing, term) for term in estimates.term}
    with _style(study, item):
        figure = coefficient_plot(fits, labels=labels)
        figure.axes[0].tick_params(axis="y", length=0, labelcolor=INK)
        figure.axes[0].grid(visible=False, axis="y")
        title, note = estimates.iloc[0].title, "Estimates and 95 % confidence intervals; constants are left out."
        return DrawnFigure(study, item, title, note, source, tuple(fits), *_saved(figure))


def _style(study: str, item: str) -> AbstractContextManager[None]:
    return mpl.rc_context({**_STYLE, "svg.hashsalt": f"{study}/{item}"})


def _lines(points: pd.DataFrame, study: str, item: str, source: str) -> DrawnFigure:
    series = tuple(dict.fromkeys(points.column_label))
    with _style(study, item):
        figure = Figure(figsize=(_WIDTH, _HEIGHT + _LEGEND_ROW * (len(series) - 1)), layout="constrained")
        _draw_lines(figure.add_subplot(), points)
        first = points.iloc[0]
        return DrawnFigure(study, item, first.title, first.note, source, series, *_saved(figure))


def _saved(figure: Figure) -> tuple[str, bytes]:
    """The figure as SVG and as PNG, without a date or the name of a program in them."""
    svg, png = io.StringIO(), io.BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    figure.savefig(png, format="png", dpi=200, facecolor="white", metadata={"Software": None})
    return svg.getvalue(), png.getvalue()


def _draw_lines(axes: Axes, points: pd.DataFrame) -> None:
    for number, (_, series) in enumerate(points.groupby("position")):
        axes.plot(
            series.x,
            series.value,
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number // len(COLOURS) % len(MARKERS)],
            markersize=4,
            linewidth=1.6,
            label=series.column_label.iloc[0],
        )
    axes.set_ylabel(points.axis_label.iloc[0])
    axes.margins(x=0.03, y=0.15)
    if points.x.nunique() == 1:
        axes.set_xlim(points.x.iloc[0] - 1, points.x.iloc[0] + 1)
    if (points.x == points.x.round()).all():
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
    if points.position.nunique() > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.3)
