"""From a data frame to the arrays of one equation: checked, complete cases, effects as codes, singletons dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.singletons import without_singletons

PRODUCT = ":"
CROSSING = "^"
LARGEST = 1e100


@dataclass(frozen=True)
class Design:
    """The arrays of one equation on its estimation sample.

    Attributes:
        names: K terms, the columns of `matrix`; `a:b` is the product of the columns a and b.
        matrix: N x K, column-major.
        effects: N x M codes from 0 without gaps, one column per fixed effect; `a^b` crosses the columns a and b.
        effect_names: M names.
        clusters: N codes from 0 without gaps, per cluster variable.
        weights: N analytic weights with mean one, or None.
        rows: N positions in the data frame.
        observations_before: N before singletons were dropped.
        missing: rows of the data left out because a value is missing.
        warnings: what the reader must know, one sentence each.
    """

    names: tuple[str, ...]
    matrix: np.ndarray
    effects: np.ndarray
    effect_names: tuple[str, ...]
    clusters: dict[str, np.ndarray]
    weights: np.ndarray | None
    rows: np.ndarray
    observations_before: int
    missing: int
    warnings: tuple[str, ...]

    @property
    def observations(self) -> int:
        """N of the estimation sample."""
        return len(self.rows)

    @property
    def singletons(self) -> int:
        """How many observations were dropped as singletons."""
        return self.observations_before - self.observations

    @property
    def levels(self) -> dict[str, int]:
        """Levels per fixed effect."""
        return {name: int(self.effects[:, j].max()) + 1 for j, name in enumerate(self.effect_names)}

    @property
    def cluster_counts(self) -> dict[str, int]:
        """Clusters per cluster variable."""
        return {name: int(codes.max()) + 1 for name, codes in self.clusters.items()}

    def columns(self, names: Iterable[str]) -> np.ndarray:
        """The columns of `matrix` with these names."""
        wanted = tuple(names)
        return self.matrix if wanted == self.names else self.matrix[:, [self.names.index(name) for name in wanted]]


def check_lists(**names: Sequence[str]) -> None:
    """Refuses a single name where a list of names belongs, which Python would take letter by letter.

    Raises:
        InputError: arguments that are text, or whose items are not.
    """
    single = [
        f"{role} must be a list of names, not {value!r}." for role, value in names.items() if isinstance(value, str)
    ]
    mixed = [
        f"{role} holds {item!r}, which is no name of a column."
        for role, value in names.items()
        for item in value
        if not isinstance(item, str)
    ]
    if single or mixed:
        raise InputError(*single, *mixed)


def build_design(
    data: pd.DataFrame,
    terms: Sequence[str],
    *,
    fixed_effects: Sequence[str] = (),
    clusters: Sequence[str] = (),
    weights: str | None = None,
) -> Design:
    """The estimation sample of an equation.

    Rows that lack a value of any column named are left out and counted; rows that lack only their cluster are counted
    in a warning, as are rows of weight zero. Singletons of the fixed effects are dropped iteratively.

    Args:
        data: one row per observation.
        terms: outcome, regressors, instruments: numeric columns, or products `a:b` of them.
        fixed_effects: columns of any type, or crossings `a^b` of them.
        clusters: columns, or crossings of them.
        weights: a column of analytic weights.

    Raises:
        InputError: unknown columns, text or infinite values where numbers belong, negative weights, one cluster only,
            or no observations left; all that are found, at once.
    """
    names = tuple(dict.fromkeys(terms))
    numeric = _unique(part for term in names for part in term.split(PRODUCT))
    groups = _unique(part for name in (*fixed_effects, *clusters) for part in name.split(CROSSING))
    weighted = [weights] if weights else []
    _check_columns(data, numeric, groups, weighted)
    complete = _present(data, [*numeric, *weighted, *_parts(fixed_effects)])
    clustered = _present(data, _parts(clusters))
    positive = data[weights].to_numpy(dtype=float, na_value=np.nan) > 0 if weights else np.ones(len(data), dtype=bool)
    rows = np.flatnonzero(complete & clustered & positive)
    if not len(rows):
        raise InputError(_empty_sample(data, [*numeric, *weighted, *groups]))
    effects = np.column_stack([codes_of(data, rows, name) for name in fixed_effects] or [np.empty((len(rows), 0), int)])
    kept = without_singletons(effects)
    if not kept.any():
        raise InputError(f"Every observation is a singleton of {' or '.join(fixed_effects)}: nothing is left.")
    before, rows = len(rows), rows[kept]
    design = Design(
        names=names,
        matrix=_matrix(data, rows, names),
        effects=effects if kept.all() else _recode(effects[kept]),
        effect_names=tuple(fixed_effects),
        clusters={name: codes_of(data, rows, name) for name in clusters},
        weights=_normalised(data[weights].to_numpy(dtype=float)[rows]) if weights else None,
        rows=rows,
        observations_before=before,
        missing=int((~(complete & clustered)).sum()),
        warnings=_sample_warnings(complete, clustered, positive, clusters, weights),
    )
    _check_clusters(design.cluster_counts)
    _check_sizes(design)
    return design


def codes_of(data: pd.DataFrame, rows: np.ndarray, name: str) -> np.ndarray:
    """Integer codes, from 0 without gaps, of a column or of a crossing `a^b` on some rows."""
    codes = np.zeros(len(rows), dtype=np.int64)
    for part in name.split(CROSSING):
        own, levels = pd.factorize(data[part].to_numpy()[rows])
        codes = own if name == part else pd.factorize(codes * len(levels) + own)[0]
    return codes


def values_of(data: pd.DataFrame, rows: np.ndarray, term: str) -> np.ndarray:
    """Numbers of a column or of a product `a:b` on some rows."""
    first, *others = term.split(PRODUCT)
    values = data[first].to_numpy(dtype=float, na_value=np.nan)[rows]
    for other in others:
        values = values * data[other].to_numpy(dtype=float, na_value=np.nan)[rows]
    return values


def complete_rows(data: pd.DataFrame, terms: Iterable[str], groups: Iterable[str]) -> np.ndarray:
    """Positions of the rows that lack no value of the columns behind some terms and groups."""
    numeric = [part for term in terms for part in term.split(PRODUCT)]
    return np.flatnonzero(_present(data, [*numeric, *_parts(groups)]))


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _parts(names: Iterable[str]) -> list[str]:
    return [part for name in names for part in name.split(CROSSING)]


def _recode(effects: np.ndarray) -> np.ndarray:
    return np.column_stack([pd.factorize(codes)[0] for codes in effects.T])


def _normalised(weights: np.ndarray) -> np.ndarray:
    return weights / weights.mean()


def _matrix(data: pd.DataFrame, rows: np.ndarray, names: Sequence[str]) -> np.ndarray:
    matrix = np.empty((len(rows), len(names)), order="F")
    for j, name in enumerate(names):
        matrix[:, j] = values_of(data, rows, name)
    return matrix


def _present(data: pd.DataFrame, names: Iterable[str]) -> np.ndarray:
    present = np.ones(len(data), dtype=bool)
    for name in names:
        present &= data[name].notna().to_numpy()
    return present


def _check_columns(data: pd.DataFrame, numeric: Sequence[str], groups: Sequence[str], weights: Sequence[str]) -> None:
    named = _unique([*numeric, *weights, *groups])
    unknown = [unknown_name("column", name, data.columns) for name in named if name not in data.columns]
    twice = [f"The data have more than one column {name!r}." for name in named if list(data.columns).count(name) > 1]
    if unknown or twice:
        raise InputError(*unknown, *twice)
    faults = [fault for name in _unique([*numeric, *weights]) if (fault := _number_fault(data[name]))]
    faults += (
        [] if faults else [f"Weights {name!r} are negative in some rows." for name in weights if (data[name] < 0).any()]
    )
    if faults:
        raise InputError(*faults)


def _number_fault(column: pd.Series) -> str | None:
    if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.infer_dtype(column, skipna=True) == "decimal"):
        example = next(iter(column.dropna()), None)
        return (
            f"Column {column.name!r} must hold numbers, but holds {column.dtype} such as {example!r}; convert it first."
        )
    infinite = int(np.isinf(column.to_numpy(dtype=float, na_value=np.nan)).sum())
    if infinite:
        return f"Column {column.name!r} has {infinite} infinite values (a logarithm of zero?); drop or replace them."
    return None


def _check_sizes(design: Design) -> None:
    """Squares of larger or smaller numbers than these leave the range of floating point."""
    peaks = np.maximum(design.matrix.max(axis=0), -design.matrix.min(axis=0))
    faults = [
        f"{name!r} reaches {peak:.3g}, too large or too small to compute with; change its unit."
        for name, peak in zip(design.names, peaks, strict=True)
        if peak > LARGEST or 0 < peak < 1 / LARGEST
    ]
    if faults:
        raise InputError(*faults)


def _check_clusters(counts: dict[str, int]) -> None:
    single = [name for name, count in counts.items() if count < 2]
    if single:
        raise InputError(*(f"Cluster variable {name!r} has only one cluster in the sample." for name in single))


def _empty_sample(data: pd.DataFrame, names: Sequence[str]) -> str:
    if not len(data):
        return "The sample is empty: no row passed the filters."
    counts = data[_unique(names)].isna().sum()
    worst = counts.idxmax()
    return (
        f"No complete observation is left: {counts[worst]} of {len(data)} rows lack {worst!r}, the most of any column."
    )


def _sample_warnings(
    complete: np.ndarray, clustered: np.ndarray, positive: np.ndarray, clusters: Sequence[str], weights: str | None
) -> tuple[str, ...]:
    unclustered, weightless = int((complete & ~clustered).sum()), int((complete & ~positive).sum())
    return (
        *(
            [f"{unclustered} observations lack their cluster ({', '.join(clusters)}) and were dropped."]
            * bool(unclustered)
        ),
        *([f"{weightless} observations of zero weight ({weights}) were dropped."] * bool(weightless)),
    )
