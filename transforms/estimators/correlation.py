"""Correlation tables with intervals, and variance inflation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.design import build_design
from haiguan.transforms.estimators.result import critical_value, two_sided_p_value

Method = Literal["pearson", "spearman"]


def correlation_table(
    data: pd.DataFrame, columns: Sequence[str], *, method: Method = "pearson", confidence: float = 0.95
) -> pd.DataFrame:
    """Correlations of every pair of columns, on the rows where both are known.

    Intervals by Fisher's transformation, tanh(artanh r -+ z s), with s = 1/sqrt(n-3) for Pearson and sqrt((1 +
    r2/2)/(n-3)) for Spearman (Bonett and Wright 2000, Psychometrika 65, 23-28); p values by Student's t with n-2
    degrees of freedom. The rows are taken as independent: with trending series neither means much.

    Args:
        data: one row per observation.
        columns: two or more numeric columns.
        method: linear or rank correlation.
        confidence: of the interval.

    Returns:
        Grain pair of columns, in their order: first, second, correlation, ci_low, ci_high, p_value, observations.

    Raises:
        InputError: fewer than two columns, unusable columns, a pair with fewer than four rows or a column that does not
            vary in them; all at once.

    >>> series = pd.DataFrame({"spending": [1.0, 2, 3, 4, 5], "exports": [2.0, 1, 4, 3, 5]})
    >>> correlation_table(series, ["spending", "exports"])["correlation"].round(6).tolist()
    [0.8]
    """
    names = list(dict.fromkeys(columns))
    if len(names) < 2:
        raise InputError(f"A correlation needs two columns; {len(names)} were named.")
    for name in names:
        build_design(data, [name])
    pairs = list(combinations(names, 2))
    samples = [data[list(pair)].dropna().astype(float) for pair in pairs]
    faults = [fault for sample in samples for fault in _faults(sample)]
    if faults:
        raise InputError(*dict.fromkeys(faults))
    rows = [_row(sample, method, confidence) for sample in samples]
    return pd.DataFrame(rows)


def variance_inflation(data: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Variance inflation factors, 1/(1 - R2) of each column on the others, on the rows where all are known.

    Returns:
        Grain column: column, variance_inflation (infinite where a column is an exact combination of the others).

    Raises:
        InputError: as `build_design`; a column that does not vary.

    >>> frame = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [1.0, -1, -1, 1]})
    >>> variance_inflation(frame, ["a", "b"])["variance_inflation"].round(6).tolist()
    [1.0, 1.0]
    """
    names = list(dict.fromkeys(columns))
    sample = pd.DataFrame(build_design(data, names).matrix, columns=names)
    if faults := [_constant(name) for name in names if sample[name].nunique() == 1]:
        raise InputError(*faults)
    standardised = ((sample - sample.mean()) / sample.std(ddof=0)).to_numpy()
    factors = [_inflation(standardised, place) for place in range(len(names))]
    return pd.DataFrame({"column": names, "variance_inflation": factors})


def _inflation(standardised: np.ndarray, place: int) -> float:
    others = np.delete(standardised, place, axis=1)
    column = standardised[:, place]
    residual = column - others @ np.linalg.lstsq(others, column, rcond=None)[0]
    unexplained = float(residual @ residual) / len(column)
    return 1 / unexplained if unexplained > 1e-12 else np.inf


def _faults(sample: pd.DataFrame) -> list[str]:
    if len(sample) < 4:
        first, second = sample.columns
        return [f"Columns {first!r} and {second!r} are both known in {len(sample)} rows; an interval needs four."]
    return [_constant(str(name)) for name in sample if sample[name].nunique() == 1]


def _constant(name: str) -> str:
    return f"Column {name!r} does not vary, so it has no correlation."


def _row(sample: pd.DataFrame, method: Method, confidence: float) -> dict[str, object]:
    first, second = sample.columns
    used = sample.rank() if method == "spearman" else sample
    n = len(sample)
    correlation = float(np.clip(np.corrcoef(used[first], used[second])[0, 1], -1, 1))
    row = {"first": first, "second": second, "correlation": correlation}
    if abs(correlation) == 1:
        return row | {"ci_low": correlation, "ci_high": correlation, "p_value": 0.0, "observations": n}
    inflation = 1 + correlation**2 / 2 if method == "spearman" else 1.0
    reach = critical_value(None, confidence) * np.sqrt(inflation / (n - 3))
    low, high = np.tanh(np.arctanh(correlation) + np.array([-reach, reach]))
    statistic = np.array([correlation * np.sqrt((n - 2) / (1 - correlation**2))])
    p_value = float(two_sided_p_value(statistic, n - 2)[0])
    return row | {"ci_low": float(low), "ci_high": float(high), "p_value": p_value, "observations": n}
