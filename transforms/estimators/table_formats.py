"""The files of a regression table: CSV and JSON in full precision; LaTeX, HTML and Markdown as printed."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from haiguan.transforms.estimators.regression_table import RegressionTable, Row
from haiguan.transforms.estimators.result import Estimates

LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
        "²": r"\textsuperscript{2}", "×": r"$\times$", "≠": r"$\neq$", "≤": r"$\leq$", "≥": r"$\geq$", "−": "$-$",
    }
)  # fmt: skip


def as_csv(table: RegressionTable) -> str:
    """One line per column and term, statistic, count or rung of the ladder, numbers in full precision.

    Columns: column (number), title, outcome, kind, name, value, standard_error, statistic, p_value, ci_low, ci_high.
    """
    lines = [line for place, column in enumerate(table.columns, start=1) for line in _csv_lines(place, column)]
    return pd.DataFrame(lines).to_csv(index=False, lineterminator="\n")


def _csv_lines(place: int, column: Any) -> Iterable[dict[str, Any]]:
    fit = column.estimates
    head = {"column": place, "title": column.column.title or "", "outcome": fit.outcome}
    for name, term in fit.terms.rename(columns={"estimate": "value"}).iterrows():
        yield {**head, "kind": "term", "name": name, **term}
    for name, value in fit.statistics.items():
        yield {**head, "kind": "statistic", "name": name, "value": value}
    for name, count in _counts(fit).items():
        yield {**head, "kind": "count", "name": name, "value": count}
    for rung in column.ladder:
        clusters = " and ".join(f"{count} {name}" for name, count in rung.clusters.items())
        yield {**head, "kind": f"ladder, {clusters}", "name": rung.term, "standard_error": rung.standard_error}


def _counts(fit: Estimates) -> dict[str, int]:
    counts = {name: getattr(fit, name) for name in ("observations", "observations_before", "singletons", "missing")}
    clusters = {f"clusters ({name})": count for name, count in fit.clusters.items()}
    return counts | clusters | {f"levels ({name})": count for name, count in fit.fixed_effects.items()}


def as_json(table: RegressionTable) -> str:
    """Everything in full precision: terms, covariances, statistics, settings of each column, notes, provenance."""
    content = {
        "table": table.name,
        "title": table.title,
        "columns": [
            {
                "settings": column.column.model_dump(mode="json", by_alias=True, exclude_unset=True),
                **estimates_as_data(column.estimates),
                "ladder": [{**vars(rung), "clusters": dict(rung.clusters)} for rung in column.ladder],
            }
            for column in table.columns
        ],
        "notes": list(table.notes),
        "provenance": dict(table.provenance),
    }
    return json.dumps(_finite(content), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _finite(content: Any) -> Any:
    """The content with infinite numbers as text ("inf", "-inf"), which JSON has no number for."""
    if isinstance(content, Mapping):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_finite(value) for value in content]
    return str(content) if isinstance(content, float) and math.isinf(content) else content


def estimates_as_data(fit: Estimates) -> dict[str, Any]:
    """An `Estimates` as plain mappings and lists."""
    return {
        "estimator": fit.estimator,
        "outcome": fit.outcome,
        "terms": fit.terms.to_dict(orient="index"),
        "covariance": fit.covariance.to_numpy().tolist(),
        "covariance_kind": fit.covariance_kind,
        "degrees_of_freedom": fit.degrees_of_freedom,
        **_counts(fit),
        "statistics": {name: float(value) for name, value in fit.statistics.items()},
        "warnings": list(fit.warnings),
        "related": {name: estimates_as_data(other) for name, other in fit.related.items()},
    }


def as_markdown(table: RegressionTable) -> str:
    """A pipe table, with the title above and the notes below."""
    first, *others = table.headings
    lines = [
        *([f"**{table.title}**", ""] if table.title else []),
        _markdown_line("", first),
        _markdown_line("---", ["---:"] * len(first)),
        *(_markdown_line("", heading) for heading in others),
        *(_markdown_line(row.label, row.cells) for row in table.rows),
        "",
        *(f"{_markdown_text(note)}  " for note in table.notes),
    ]
    return "\n".join(lines) + "\n"


def _markdown_line(label: str, cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(_markdown_text, [label, *cells])) + " |"


def _markdown_text(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def as_latex(table: RegressionTable) -> str:
    r"""A `table` float in booktabs; \input it into a document that loads the package booktabs.

    Chinese labels need XeLaTeX (or LuaLaTeX) and a package such as ctex or xeCJK; pdfLaTeX has no Chinese letters.
    """
    width = len(table.columns)
    rows = [rule * "\\midrule\n" + _latex_line(row.label, row.cells) for rule, row in _ruled(table.rows)]
    notes = " ".join(note.translate(LATEX) for note in table.notes)
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        *([f"\\caption{{{table.title.translate(LATEX)}}}"] if table.title else []),
        f"\\label{{tab:{table.name}}}",
        f"\\begin{{tabular}}{{l{'c' * width}}}",
        r"\toprule",
        *(_latex_line("", heading) for heading in table.headings),
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip",
        f"\\parbox{{\\linewidth}}{{\\footnotesize {notes}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_line(label: str, cells: Iterable[str]) -> str:
    return " & ".join(_latex_cell(text) for text in [label, *cells]) + r" \\"


def _latex_cell(text: str) -> str:
    # A cell that starts with [ would be read as the optional argument of the line break before it.
    escaped = text.translate(LATEX)
    return f"{{{escaped}}}" if escaped.startswith("[") else escaped


def _ruled(rows: Sequence[Row]) -> Iterable[tuple[bool, Row]]:
    """Each row, and whether a rule stands above it: where another section of the table begins."""
    section = {"estimate": 0, "bracket": 0, "included": 1, "statistic": 2, "ladder": 3}
    above = None
    for row in rows:
        yield section[row.kind] != above, row
        above = section[row.kind]


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head><body>
<table style="border-collapse:collapse;font-family:'Times New Roman',serif;font-size:10.5pt">
<caption style="text-align:left">{title}</caption>
<thead>
{head}
</thead>
<tbody>
{body}
<tr><td colspan="{width}" style="padding:1px 8px;border-top:2px solid black;font-size:9pt">{notes}</td></tr>
</tbody>
</table></body></html>
"""


def as_html(table: RegressionTable) -> str:
    """A page whose table pastes into Word as a table with its rules: all styles are in the cells."""
    borders = ["border-top:2px solid black;", *[""] * len(table.headings)]
    head = [_html_line("", heading, border) for heading, border in zip(table.headings, borders, strict=False)]
    body = [_html_line(row.label, row.cells, rule * "border-top:1px solid black;") for rule, row in _ruled(table.rows)]
    return PAGE.format(
        title=html.escape(table.title or table.name),
        head="\n".join(head),
        body="\n".join(body),
        width=len(table.columns) + 1,
        notes="<br>".join(map(html.escape, table.notes)),
    )


def _html_line(label: str, cells: Iterable[str], border: str) -> str:
    first = f'<td style="padding:1px 8px;{border}text-align:left">{html.escape(label)}</td>'
    others = "".join(
        f'<td style="padding:1px 8px;{border}text-align:center">{html.escape(cell)}</td>' for cell in cells
    )
    return f"<tr>{first}{others}</tr>"


def files_of(table: RegressionTable) -> Mapping[str, str]:
    """The text of each file of a table, by its name."""
    return {
        f"{table.name}.csv": as_csv(table),
        f"{table.name}.tex": as_latex(table),
        f"{table.name}.html": as_html(table),
        f"{table.name}.json": as_json(table),
        f"{table.name}.md": as_markdown(table),
    }
