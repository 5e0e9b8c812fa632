"""Figures as SVG and PNG: the same points give the same bytes, and the page's colours give the SVG in it its own."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from haiguan.jobs.reporting.tables import by_item, estimated_columns, label_of
from haiguan.transforms.estimators.drawn_figures import draw_terms
from haiguan.transforms.estimators.figures import coefficient_plot
from haiguan.transforms.estimators.linear import CONSTANT
from haiguan.transforms.estimators.plot import COLOURS, ZERO_LINE, Plot, as_png, draw_plot, in_style, layer
from haiguan.transforms.estimators.specification import Printing, Table
from haiguan.transforms.estimators.table_figures import Coefficients

INK, MUTED, RULE = "#1f2328", "#6b7280", "#d5d2ca"
_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", RULE: "var(--rule)", ZERO_LINE: "var(--muted)"} | {
    colour: f"var(--series-{number})" for number, colour in enumerate(COLOURS, start=1)
}
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


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
    in_order = points.sort_values(["study", "item", "position", "x", "row"])
    return _drawn(in_order.assign(mark="series", across_label="", low=np.nan, high=np.nan), provenance)


def draw_plots(points: pd.DataFrame, provenance: Mapping[str, str]) -> list[DrawnFigure]:
    """The figures that regression tables ask for, layer by layer.

    Args:
        points: rows of result_studies__plots.
        provenance: study -> the sentence that says where its figures come from.
    """
    return _drawn(points.sort_values(["study", "item", "position", "row"]), provenance)


def draw_coefficients(
    estimates: pd.DataFrame, provenance: Mapping[str, str], specifications: Mapping[tuple[str, str], Table]
) -> list[DrawnFigure]:
    """Coefficient plots: one of each regression table without the constant, and those that it asks for.

    Args:
        estimates: rows of result_studies__estimates, in order.
        provenance: study -> the sentence that says where its estimates come from.
        specifications: study and item -> specification, for the labels of the terms.
    """
    return [
        figure
        for study, item, of_item in by_item(estimates)
        for figure in _coefficients(of_item, study, item, provenance[study], specifications.get((study, item)))
    ]


def _coefficients(
    estimates: pd.DataFrame, study: str, item: str, source: str, table: Table | None
) -> Iterator[DrawnFigure]:
    columns, title = estimated_columns(estimates), estimates.iloc[0].title
    fits = {f"({place}) {column.column.title}": column.estimates for place, column in enumerate(columns, start=1)}
    if (estimates.term != CONSTANT).any():
        note = "Estimates and 95 % confidence intervals; constants are left out."
        printing = table.print if table else Printing()
        labels = {term: label_of(printing, term) for term in estimates.term}
        with _style(study, item):
            svg_and_png = _saved_terms(coefficient_plot(fits, labels=labels))
        yield DrawnFigure(study, item, title, note, source, tuple(fits), *svg_and_png)
    for name, settings in table.figures.items() if table else ():
        if table and isinstance(settings, Coefficients):
            with _style(study, f"{item}_{name}"):
                svg_and_png = _saved_terms(draw_terms(table, name, columns))
            note = "Estimates and 95 % confidence intervals."
            yield DrawnFigure(study, f"{item}_{name}", title, note, source, tuple(fits), *svg_and_png)


def _saved_terms(figure: Figure) -> tuple[str, bytes]:
    figure.axes[0].tick_params(axis="y", length=0, labelcolor=INK)
    figure.axes[0].grid(visible=False, axis="y")
    return _saved(figure)


def _style(study: str, item: str) -> AbstractContextManager[None]:
    return in_style({**_STYLE, "svg.hashsalt": f"{study}/{item}"})


def _drawn(points: pd.DataFrame, provenance: Mapping[str, str]) -> list[DrawnFigure]:
    return [_figure(of_item, study, item, provenance[study]) for study, item, of_item in by_item(points)]


def _figure(points: pd.DataFrame, study: str, item: str, source: str) -> DrawnFigure:
    first, plot = points.iloc[0], _plot(points)
    series = tuple(part.label for part in plot.layers if part.label)
    with _style(study, item):
        return DrawnFigure(study, item, first.title, first.note, source, series, *_saved(draw_plot(plot)))


def _plot(points: pd.DataFrame) -> Plot:
    """The layers that rows of the lake hold; the title stands above the figure on the page."""
    layers = tuple(
        layer(rows.mark.iloc[0], rows.x, rows.value, rows.low, rows.high, rows.column_label.iloc[0])
        for _, rows in points.groupby("position")
    )
    return Plot(points.across_label.iloc[0], points.axis_label.iloc[0], layers)


def _saved(figure: Figure) -> tuple[str, bytes]:
    """The figure as SVG and as PNG, without a date or the name of a program in them."""
    svg = io.StringIO()
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return svg.getvalue(), as_png(figure)
