"""A regression table, ready to be written: estimates side by side, with everything a reader needs below them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.cluster_ladder import Rung
from haiguan.transforms.estimators.linear import CONSTANT
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.sample_filter import describe_condition
from haiguan.transforms.estimators.specification import Printing, Table
from haiguan.transforms.estimators.table_columns import EstimatedColumn, estimate_columns
from haiguan.transforms.estimators.table_tests import is_test

RowKind = Literal["estimate", "bracket", "included", "statistic", "ladder"]

STATISTICS = {
    "observations": "Observations",
    "singletons": "Singletons dropped",
    "missing": "Incomplete rows left out",
    "clusters": "Clusters",
    "r2": "R²",
    "r2_adjusted": "Adjusted R²",
    "r2_within": "Within R²",
    "pseudo_r2": "Pseudo R²",
    "log_likelihood": "Log likelihood",
    "f_statistic": "F",
    "rmse": "Root mean squared error",
    "outcome_mean": "Mean of outcome",
    "kleibergen_paap_f": "Kleibergen-Paap rk Wald F",
    "kleibergen_paap_lm": "Kleibergen-Paap rk LM",
    "kleibergen_paap_lm_p_value": "Kleibergen-Paap rk LM, p-value",
    "cragg_donald_f": "Cragg-Donald Wald F",
    "effective_f": "Effective F",
    "anderson_rubin_p_value": "Anderson-Rubin, p-value",
    "sargan": "Sargan",
    "sargan_p_value": "Sargan, p-value",
    "hansen_j": "Hansen J",
    "hansen_j_p_value": "Hansen J, p-value",
    "union_low": "Union of intervals, low",
    "union_high": "Union of intervals, high",
    "correlation": "Postulated correlation",
    "pseudo_r1": "Pseudo R1",
    "pre_trend_f": "Pre-trend F",
    "pre_trend_p": "Pre-trend, p-value",
    "indirect_effect": "Indirect effect",
    "indirect_effect_standard_error": "Indirect effect, Sobel's error",
    "indirect_effect_p_value": "Indirect effect, p-value",
    "indirect_effect_ci_low": "Indirect effect, bootstrap low",
    "indirect_effect_ci_high": "Indirect effect, bootstrap high",
    "indirect_share": "Share of the total effect",
    "exits": "Firms that exit",
    "draws": "Bootstrap draws",
}
SHOWN_BY_DEFAULT = (
    "observations", "singletons", "clusters", "r2", "r2_within", "pseudo_r2", "kleibergen_paap_f", "effective_f",
    "anderson_rubin_p_value", "sargan_p_value", "hansen_j_p_value", "union_low", "union_high", "correlation",
    "pseudo_r1", "pre_trend_p", "indirect_effect", "indirect_effect_standard_error", "indirect_share",
)  # fmt: skip
MOST_ZEROS = 6
BRACKETS = {
    "standard_error": "Standard errors in parentheses",
    "statistic": "t statistics (z where the normal is used) in parentheses",
    "p_value": "p-values in parentheses",
    "interval": "95 % confidence intervals in brackets",
}


@dataclass(frozen=True)
class Row:
    """One printed row: its label and one cell per column of the table."""

    kind: RowKind
    label: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class RegressionTable:
    """A table as it is printed, and the estimates it was printed from.

    Attributes:
        name: of the files.
        title: above the table.
        headings: per column: its number, its title, its outcome.
        rows: top to bottom.
        notes: sentences below the table.
        columns: what was estimated.
        provenance: versions of the tables read, code revision, as passed in.
    """

    name: str
    title: str
    headings: tuple[tuple[str, ...], ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    columns: tuple[EstimatedColumn, ...]
    provenance: Mapping[str, str]


def regression_table(table: Table, data: pd.DataFrame, provenance: Mapping[str, str] | None = None) -> RegressionTable:
    """Estimates the columns of a specification and lays them out side by side.

    Args:
        table: the specification.
        data: one row per observation.
        provenance: what the notes say about where the data and the code come from (versions, revision).

    Raises:
        InputError: the faults of all columns, or names to print that do not occur.

    >>> from haiguan.transforms.estimators.specification import read_table
    >>> panel = pd.DataFrame({"y": [1.0, 2.0, 4.0, 4.5, 6.5], "x": [1.0, 2.0, 3.0, 4.0, 5.0]})
    >>> printed = regression_table(read_table({
    ...     "table": "line", "outcome": "y", "columns": [{"regressors": ["x"], "covariance": "iid"}]}), panel)
    >>> [(row.label, *row.cells) for row in printed.rows][:3]
    [('x', '1.350***'), ('', '(0.126)'), ('constant', '-0.450')]
    """
    columns = estimate_columns(table, data)
    printing, fits = table.print, [column.estimates for column in columns]
    rows = [
        *_term_rows(table, fits),
        *_included_rows(table, columns),
        *_statistic_rows(printing, fits),
        *_ladder_rows(printing, columns),
    ]
    return RegressionTable(
        name=table.table,
        title=table.title,
        headings=_headings(printing, columns),
        rows=tuple(rows),
        notes=(*table.notes, *_notes(printing, columns), *_provenance_notes(provenance or {})),
        columns=tuple(columns),
        provenance=dict(provenance or {}),
    )


def _headings(printing: Printing, columns: Sequence[EstimatedColumn]) -> tuple[tuple[str, ...], ...]:
    numbers = tuple(f"({number})" for number in range(1, len(columns) + 1))
    titles = tuple(column.column.title or "" for column in columns)
    outcomes = tuple(printing.label_of(column.estimates.outcome) for column in columns)
    return tuple(heading for heading in (numbers, titles, outcomes) if any(heading))


def _shown_terms(table: Table, fits: Sequence[Estimates]) -> list[str]:
    found = list(dict.fromkeys(name for fit in fits for name in fit.terms.index))
    wanted = found if table.print.terms is None else list(table.print.terms)
    unknown = [name for name in wanted if name not in found]
    if unknown:
        raise InputError(*(f"print.terms: {unknown_name('term', name, found)}" for name in unknown))
    omitted = {term for name in table.print.omit for term in found if _stands_for(table, name, term)}
    shown = [name for name in wanted if name not in omitted]
    return [name for name in shown if name != CONSTANT] + [name for name in shown if name == CONSTANT]


def _stands_for(table: Table, name: str, term: str) -> bool:
    """Whether a name is the term, the variable whose value the term is a dummy of, or a group that holds it."""
    return (
        term == name
        or term.startswith(f"{name}=")
        or any(_stands_for(table, n, term) for n in table.groups.get(name, ()))
    )


def _term_rows(table: Table, fits: Sequence[Estimates]) -> Iterable[Row]:
    for name in _shown_terms(table, fits):
        yield Row("estimate", table.print.label_of(name), tuple(_estimate_cell(table.print, fit, name) for fit in fits))
        if table.print.brackets != "none":
            yield Row("bracket", "", tuple(_bracket_cell(table.print, fit, name) for fit in fits))


def _estimate_cell(printing: Printing, fit: Estimates, name: str) -> str:
    if name not in fit.terms.index:
        return ""
    term = fit.terms.loc[name]
    reached = [(level, mark) for mark, level in printing.stars.items() if term["p_value"] < level]
    return number(term["estimate"], printing.decimals) + (min(reached)[1] if reached else "")


def _bracket_cell(printing: Printing, fit: Estimates, name: str) -> str:
    if name not in fit.terms.index:
        return ""
    term = fit.terms.loc[name]
    if printing.brackets == "interval":
        return f"[{number(term['ci_low'], printing.decimals)}, {number(term['ci_high'], printing.decimals)}]"
    return f"({number(term[printing.brackets], printing.decimals)})"


def number(value: float, decimals: int) -> str:
    """A number as printed: fixed decimals, but never a zero for what is not zero.

    >>> number(1234.5678, 2), number(-0.00004, 3), number(0.0, 3)
    ('1,234.57', '-0.000040', '0.000')
    """
    if not np.isfinite(value):
        return str(value)
    if value == 0 or abs(value) >= 0.5 * 10.0**-decimals:
        return f"{value:,.{decimals}f}"
    leading = -int(np.floor(np.log10(abs(value))))
    return f"{value:.{leading + 1}f}" if leading <= MOST_ZEROS else f"{value:.1e}"


def _included_rows(table: Table, columns: Sequence[EstimatedColumn]) -> Iterable[Row]:
    for name in table.print.omit:
        terms = [column.estimates.terms.index for column in columns]
        yield _yes_row(table.print.label_of(name), [any(_stands_for(table, name, t) for t in index) for index in terms])
    effects = dict.fromkeys(name for column in columns for name in column.estimates.fixed_effects)
    for name in effects:
        crossed = " × ".join(table.print.label_of(part) for part in name.split("^"))
        label = table.print.labels.get(f"{name} effects", f"{crossed} effects")
        yield _yes_row(label, [name in column.estimates.fixed_effects for column in columns])


def _yes_row(label: str, present: Iterable[bool]) -> Row:
    return Row("included", label, tuple("Yes" if here else "No" for here in present))


def _statistic_rows(printing: Printing, fits: Sequence[Estimates]) -> Iterable[Row]:
    for name in _shown_statistics(printing, fits):
        if name == "clusters":
            yield from _cluster_rows(printing, fits)
        else:
            label = printing.labels.get(name, STATISTICS.get(name, name))
            yield Row("statistic", label, tuple(_statistic_cell(printing, fit, name) for fit in fits))


def _shown_statistics(printing: Printing, fits: Sequence[Estimates]) -> list[str]:
    present = {"observations", "singletons", "missing", "clusters"}.union(*(fit.statistics for fit in fits))
    tests = [name for name in dict.fromkeys(name for fit in fits for name in fit.statistics) if is_test(name)]
    if printing.statistics is None:
        return [*tests, *(name for name in SHOWN_BY_DEFAULT if name in present)]
    unknown = [name for name in printing.statistics if name not in present]
    if unknown:
        raise InputError(*(f"print.statistics: {unknown_name('statistic', name, present)}" for name in unknown))
    return [*(name for name in tests if name not in printing.statistics), *printing.statistics]


def _statistic_cell(printing: Printing, fit: Estimates, name: str) -> str:
    if name in ("observations", "singletons", "missing"):
        return f"{getattr(fit, name):,}"
    return number(fit.statistics[name], printing.decimals) if name in fit.statistics else ""


def _cluster_rows(printing: Printing, fits: Sequence[Estimates]) -> Iterable[Row]:
    for name in dict.fromkeys(name for fit in fits for name in fit.clusters):
        counts = tuple(f"{fit.clusters[name]:,}" if name in fit.clusters else "" for fit in fits)
        yield Row("statistic", f"{printing.labels.get('clusters', 'Clusters')} ({printing.label_of(name)})", counts)


def _ladder_rows(printing: Printing, columns: Sequence[EstimatedColumn]) -> Iterable[Row]:
    for label in dict.fromkeys(rung.label for column in columns for rung in column.ladder):
        rungs = [next((rung for rung in column.ladder if rung.label == label), None) for column in columns]
        terms = dict.fromkeys(printing.label_of(rung.term) for rung in rungs if rung)
        errors = tuple(f"({number(rung.standard_error, printing.decimals)})" if rung else "" for rung in rungs)
        yield Row("ladder", f"{label}: error of {', '.join(terms)}", errors)
        yield Row("ladder", "  clusters", tuple(_clusters_of(printing, rung) if rung else "" for rung in rungs))


def _clusters_of(printing: Printing, rung: Rung) -> str:
    counts = (f"{count:,} {printing.label_of(name)}" for name, count in rung.clusters.items())
    return " and ".join(counts) or f"none ({rung.covariance_kind})"


def _notes(printing: Printing, columns: Sequence[EstimatedColumn]) -> Iterable[str]:
    if printing.brackets != "none":
        yield f"{BRACKETS[printing.brackets]}; errors: {_by_column(columns, lambda c: c.estimates.covariance_kind)}."
    if printing.stars:
        levels = sorted(printing.stars.items(), key=lambda star: -star[1])
        yield f"{', '.join(f'{mark} p < {level:g}' for mark, level in levels)}."
    estimators = {column.estimates.estimator for column in columns}
    if estimators != {"least squares"}:
        yield f"Estimators: {_by_column(columns, lambda c: c.estimates.estimator)}."
    if any(column.column.weights for column in columns):
        yield f"Weights: {_by_column(columns, lambda c: c.column.weights or 'none')}."
    if any(column.column.sample for column in columns):
        yield f"Samples: {_by_column(columns, _sample)}."
    for place, column in enumerate(columns, start=1):
        yield from (f"Column ({place}): {warning}" for warning in column.estimates.warnings)


def _sample(column: EstimatedColumn) -> str:
    return describe_condition(column.column.sample) if column.column.sample else "all rows"


def _by_column(columns: Sequence[EstimatedColumn], text: Callable[[EstimatedColumn], str]) -> str:
    texts = [text(column) for column in columns]
    if len(set(texts)) == 1:
        return texts[0]
    parts, position = [], 1
    for said, run in groupby(texts):
        last = position + len(list(run)) - 1
        parts.append(f"({position}) {said}" if last == position else f"({position})-({last}) {said}")
        position = last + 1
    return "; ".join(parts)


def _provenance_notes(provenance: Mapping[str, str]) -> Iterable[str]:
    if provenance:
        yield f"{'; '.join(f'{name}: {version}' for name, version in provenance.items())}."
