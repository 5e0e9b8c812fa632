"""The tables of studies as printed: on the page, and as CSV, LaTeX and HTML files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haiguan.jobs.reporting.formats import count
from haiguan.jobs.reporting.latex import descriptive_float
from haiguan.transforms.estimators.linear import CONSTANT
from haiguan.transforms.estimators.regression_table import (
    BRACKETS,
    SHOWN_BY_DEFAULT,
    STATISTICS,
    RegressionTable,
    Row,
    number,
)
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.specification import Column, Printing, Table, resolved_columns
from haiguan.transforms.estimators.table_columns import EstimatedColumn
from haiguan.transforms.estimators.table_formats import as_html, as_latex
from haiguan.transforms.estimators.table_tests import is_test

_COUNTS = {
    "observations": STATISTICS["observations"],
    "observations_before": "Observations before singletons were dropped",
    "singletons": STATISTICS["singletons"],
    "missing": STATISTICS["missing"],
}
_TERM_COLUMNS = ["estimate", "standard_error", "statistic", "p_value", "ci_low", "ci_high"]


@dataclass(frozen=True)
class PrintedTable:
    """A table of a study.

    Attributes:
        study: it belongs to.
        item: its name in the study.
        kind: `descriptive` or `regression`: which way its cells are aligned.
        title: above it.
        headings: lines of headings, one text per column of cells.
        rows: labels and cells, from top to bottom.
        notes: sentences below it, where it comes from being the last.
        csv: the file; numbers of regressions in full precision, cells of descriptive tables as printed.
        tex: the file, a float in booktabs.
        html: the file; None where the report's own template makes it.
    """

    study: str
    item: str
    kind: str
    title: str
    headings: tuple[tuple[str, ...], ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    csv: str
    tex: str
    html: str | None = None

    @property
    def gist(self) -> tuple[Row, ...]:
        """What a reader looks at first: of a regression its estimates and observations, of other tables all rows."""
        if self.kind == "descriptive":
            return self.rows
        observations = STATISTICS["observations"]
        return tuple(row for row in self.rows if row.kind in ("estimate", "bracket") or row.label == observations)


def by_item(results: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """Study, item and rows of each table or figure, rows in their order."""
    return [(rows.study.iloc[0], rows.item.iloc[0], rows) for _, rows in results.groupby(["study", "item"])]


def descriptive_tables(cells: pd.DataFrame, provenance: Mapping[str, str]) -> list[PrintedTable]:
    """The descriptive tables of studies, cells side by side.

    Args:
        cells: rows of result_studies__tables.
        provenance: study -> the sentence that says where its tables come from.
    """
    return [
        _descriptive(study, item, of_item, provenance[study])
        for study, item, of_item in by_item(cells.sort_values(["study", "item", "row", "position"]))
    ]


def _descriptive(study: str, item: str, cells: pd.DataFrame, provenance: str) -> PrintedTable:
    headings = cells.drop_duplicates("position").sort_values("position").set_index("position").column_label
    labels = cells.drop_duplicates("row").set_index("row").row_label
    texts = cells.pivot(index="row", columns="position", values="text").reindex(columns=headings.index).fillna("")
    rows = tuple(Row("estimate", labels[row], tuple(line)) for row, *line in texts.itertuples())
    title, notes = cells.title.iloc[0], tuple(note for note in (cells.note.iloc[0], provenance) if note)
    lines = [(row.label, *row.cells) for row in rows]
    return PrintedTable(
        study=study,
        item=item,
        kind="descriptive",
        title=title,
        headings=(tuple(headings),),
        rows=rows,
        notes=notes,
        csv=pd.DataFrame(lines, columns=["", *headings]).to_csv(index=False, lineterminator="\n"),
        tex=descriptive_float(f"{study}:{item}", title, ["", *headings], lines, notes),
    )


def in_order(estimates: pd.DataFrame, specifications: Mapping[tuple[str, str], Table]) -> pd.DataFrame:
    """The estimates by study, item, column and, in a column, as the specification lists its regressors.

    Terms that no specification lists come last, by their names.

    Args:
        estimates: rows of result_studies__estimates, in any order.
        specifications: study and item -> specification.
    """
    listed = {key: _listed_terms(specification) for key, specification in specifications.items()}
    rows = zip(estimates["study"], estimates["item"], estimates["term"], strict=True)
    ranks = [_rank(term, listed.get((study, item), [])) for study, item, term in rows]
    keys = ["study", "item", "position", "rank", "term"]
    return estimates.assign(rank=ranks).sort_values(keys, ignore_index=True).drop(columns="rank")


def _rank(term: str, listed: Sequence[str]) -> int:
    return listed.index(term) if term in listed else len(listed)


def _listed_terms(specification: Table) -> list[str]:
    columns = resolved_columns(specification)
    regressors = [name for column in columns for name in (*column.endogenous, *column.regressors)]
    return list(dict.fromkeys([*(specification.print.terms or ()), *regressors]))


def regression_tables(
    estimates: pd.DataFrame, provenance: Mapping[str, str], printing: Mapping[tuple[str, str], Printing]
) -> list[PrintedTable]:
    """The regression tables of studies, equations side by side.

    Args:
        estimates: rows of result_studies__estimates, in order.
        provenance: study -> the sentence that says where its tables come from.
        printing: study and item -> labels, decimals and stars; the usual ones where an item is not named.
    """
    return [
        _regression(study, item, of_item, provenance[study], printing.get((study, item), Printing()))
        for study, item, of_item in by_item(estimates)
    ]


def _regression(study: str, item: str, estimates: pd.DataFrame, provenance: str, printing: Printing) -> PrintedTable:
    columns = estimated_columns(estimates)
    fits = [column.estimates for column in columns]
    table = RegressionTable(
        name=f"{study}:{item}",
        title=estimates.title.iloc[0],
        headings=_headings(columns, printing),
        rows=(*_term_rows(fits, printing), *_statistic_rows(fits, printing)),
        notes=(*_notes(estimates, fits, printing), provenance),
        columns=tuple(columns),
        provenance={},
    )
    return PrintedTable(
        study=study,
        item=item,
        kind="regression",
        title=table.title,
        headings=table.headings,
        rows=table.rows,
        notes=table.notes,
        csv=estimates.drop(columns=["study", "item", "title", "note"]).to_csv(index=False, lineterminator="\n"),
        tex=as_latex(table),
        html=as_html(table),
    )


def estimated_columns(estimates: pd.DataFrame) -> list[EstimatedColumn]:
    """The columns of one regression table as the estimator returned them, as far as the lake keeps them.

    It keeps no covariances between terms.

    Args:
        estimates: rows of result_studies__estimates of one item.
    """
    return [_estimated(of_column) for _, of_column in estimates.groupby("position")]


def _estimated(rows: pd.DataFrame) -> EstimatedColumn:
    first = rows.iloc[0]
    facts = json.loads(first.statistics or "{}")
    fit = Estimates(
        estimator=first.estimator,
        outcome=first.outcome,
        terms=rows.set_index("term")[_TERM_COLUMNS],
        covariance=pd.DataFrame(),
        observations=int(first.observations),
        observations_before=int(first.observations_before),
        singletons=int(first.singletons),
        missing=facts.get("missing", 0),
        clusters=facts.get("clusters", {}),
        fixed_effects=facts.get("fixed_effects", {}),
        degrees_of_freedom=facts.get("degrees_of_freedom"),
        statistics=facts.get("statistics", {}),
        covariance_kind=first.covariance_kind,
        warnings=tuple(facts.get("warnings", ())),
    )
    return EstimatedColumn(Column(title=first.column_label), fit)


def label_of(printing: Printing, name: str) -> str:
    """The printed name of a term, outcome or effect; the parts of an interaction each by its own.

    >>> label_of(Printing(labels={"tariff": "Tariff"}), "tariff:post")
    'Tariff × post'
    """
    parts = re.split(r"[:^](?! )", name)
    return printing.labels.get(name, " × ".join(printing.labels.get(part, part) for part in parts))


def _headings(columns: Sequence[EstimatedColumn], printing: Printing) -> tuple[tuple[str, ...], ...]:
    numbers = tuple(f"({place})" for place in range(1, len(columns) + 1))
    titles = tuple(column.column.title or "" for column in columns)
    outcomes = tuple(label_of(printing, column.estimates.outcome) for column in columns)
    return tuple(line for line in dict.fromkeys((numbers, titles, outcomes)) if any(line))


def _term_rows(fits: Sequence[Estimates], printing: Printing) -> Iterable[Row]:
    terms = list(dict.fromkeys(term for fit in fits for term in fit.terms.index))
    for term in sorted(terms, key=lambda name: name == CONSTANT):
        found = [fit.terms.loc[term] if term in fit.terms.index else None for fit in fits]
        estimates = tuple("" if row is None else _starred(row, printing) for row in found)
        errors = tuple("" if row is None else f"({number(row.standard_error, printing.decimals)})" for row in found)
        yield Row("estimate", label_of(printing, term), estimates)
        yield Row("bracket", "", errors)


def _starred(term: pd.Series, printing: Printing) -> str:
    reached = [(level, mark) for mark, level in printing.stars.items() if term.p_value < level]
    return number(term.estimate, printing.decimals) + (min(reached)[1] if reached else "")


def _statistic_rows(fits: Sequence[Estimates], printing: Printing) -> Iterable[Row]:
    for name in dict.fromkeys(name for fit in fits for name in fit.fixed_effects):
        included = tuple("Yes" if name in fit.fixed_effects else "No" for fit in fits)
        yield Row("included", f"{label_of(printing, name)} effects", included)
    for name, label in _COUNTS.items():
        yield Row("statistic", label, tuple(count(getattr(fit, name)) for fit in fits))
    for name in dict.fromkeys(name for fit in fits for name in fit.clusters):
        clusters = tuple(count(fit.clusters[name]) if name in fit.clusters else "" for fit in fits)
        yield Row("statistic", f"Clusters ({label_of(printing, name)})", clusters)
    for name in _shown_statistics(fits, printing):
        label = printing.labels.get(name, STATISTICS.get(name, name))
        yield Row("statistic", label, tuple(_statistic(fit.statistics.get(name), printing) for fit in fits))


def _shown_statistics(fits: Sequence[Estimates], printing: Printing) -> list[str]:
    """Beyond the counts, tests and those that the study names, else the usual ones; the CSV has all."""
    present = dict.fromkeys(name for fit in fits for name in fit.statistics)
    wanted = SHOWN_BY_DEFAULT if printing.statistics is None else printing.statistics
    return [*filter(is_test, present), *(name for name in wanted if name in present and not is_test(name))]


def _statistic(value: float | None, printing: Printing) -> str:
    return "" if value is None or not np.isfinite(value) else number(value, printing.decimals)


def _notes(estimates: pd.DataFrame, fits: Sequence[Estimates], printing: Printing) -> Iterable[str]:
    yield from dict.fromkeys(note for note in estimates.note if note)
    kinds = dict.fromkeys(fit.covariance_kind for fit in fits)
    yield f"{BRACKETS['standard_error']}; errors: {'; '.join(kinds)}."
    if printing.stars:
        yield f"{', '.join(f'{mark} p < {level:g}' for mark, level in printing.stars.items())}."
    yield f"Estimated by {' and '.join(dict.fromkeys(fit.estimator for fit in fits))}."
    for place, fit in enumerate(fits, start=1):
        yield from (f"Column ({place}): {warning}" for warning in fit.warnings)
