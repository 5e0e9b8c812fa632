"""Which covariance an equation gets: its meat, its small-sample factor, its degrees of freedom and its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.covariance import clustered_meat, positive_semidefinite, robust_meat, sandwich
from haiguan.transforms.estimators.design import Design
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.small_sample import (
    Convention,
    clustered_factor,
    count_parameters,
    is_nested,
    robust_factor,
)
from haiguan.transforms.estimators.spatial import Conley, DriscollKraay, conley_meat, driscoll_kraay_meat

Covariance = Literal["iid", "robust", "clustered"] | Conley | DriscollKraay
NAMED = ("iid", "robust", "clustered")
FEW_CLUSTERS = 20


def resolve(covariance: Covariance | None, clusters: Sequence[str]) -> Covariance:
    """The covariance asked for; by default clustered where cluster variables are named, else robust.

    Raises:
        InputError: an unknown name, or clusters that the covariance does not use.
    """
    kind = covariance or ("clustered" if clusters else "robust")
    if not isinstance(kind, Conley | DriscollKraay) and kind not in NAMED:
        raise InputError(unknown_name("covariance", str(kind), NAMED))
    if kind == "clustered" and not clusters:
        raise InputError("Clustered errors need at least one cluster variable: name it in `clusters`.")
    if kind != "clustered" and clusters:
        raise InputError(
            f"Clusters ({', '.join(clusters)}) are given but the covariance is {describe(kind, ())}; drop one."
        )
    return kind


def describe(kind: Covariance, clusters: Sequence[str]) -> str:
    """The covariance as printed below a table."""
    if isinstance(kind, Conley):
        within = f" within {kind.period}" if kind.period else ""
        return f"Conley, {kind.cutoff_km:g} km, {kind.kernel} kernel{within}"
    if isinstance(kind, DriscollKraay):
        return f"Driscoll-Kraay over {kind.period}"
    return f"clustered by {' and '.join(clusters)}" if kind == "clustered" else kind


def columns_read(kind: Covariance | Literal["parametric"] | None) -> list[str]:
    """Columns of the data that the covariance reads beside the equation's own."""
    if isinstance(kind, Conley):
        return [kind.latitude, kind.longitude, *([kind.period] if kind.period else [])]
    return [kind.period] if isinstance(kind, DriscollKraay) else []


def meat(kind: Covariance, scores: np.ndarray, design: Design, data: pd.DataFrame) -> np.ndarray:
    """The raw K x K meat of a covariance, without small-sample factor; `scores` is N x K."""
    if isinstance(kind, Conley):
        return conley_meat(scores, kind, _sample(kind, design, data))
    if isinstance(kind, DriscollKraay):
        return driscoll_kraay_meat(scores, kind, _sample(kind, design, data))
    return clustered_meat(scores, design.clusters) if kind == "clustered" else robust_meat(scores)


def _sample(kind: Covariance, design: Design, data: pd.DataFrame) -> pd.DataFrame:
    unknown = [name for name in columns_read(kind) if name not in data.columns]
    if unknown:
        raise InputError(*(unknown_name("column", name, data.columns) for name in unknown))
    return data[columns_read(kind)].iloc[design.rows]


def parameters(kind: Covariance, slopes: int, design: Design, convention: Convention) -> int:
    """K of the small-sample factor; an effect nested in a cluster variable does not count (see small_sample)."""
    clusters = design.clusters.values() if kind == "clustered" else ()
    nested = [any(is_nested(effect, cluster) for cluster in clusters) for effect in design.effects.T]
    return count_parameters(slopes, design.effects, nested, convention)


def groups(kind: Covariance, design: Design, data: pd.DataFrame) -> list[int]:
    """Numbers of independent groups that the factor counts: clusters per variable, or periods."""
    if isinstance(kind, DriscollKraay):
        return [int(_sample(kind, design, data)[kind.period].nunique())]
    return list(design.cluster_counts.values()) if kind == "clustered" else []


def covariance_of(
    kind: Covariance,
    bread: np.ndarray,
    regressors: np.ndarray,
    residuals: np.ndarray,
    counted: int,
    design: Design,
    data: pd.DataFrame,
    convention: Convention,
) -> tuple[np.ndarray, int]:
    """Covariance of the coefficients of a linear equation, and the degrees of freedom of its t statistics.

    Args:
        kind: which covariance.
        bread: K x K inverse of X'WX.
        regressors: N x K, partialled out (for two-stage least squares, the projected ones).
        residuals: N, structural.
        counted: K of the small-sample factor.
        design: the sample.
        data: the frame that the sample was taken from.
        convention: `none` leaves the factor out.

    Raises:
        InputError: no degrees of freedom are left.
    """
    free = design.observations - counted
    if free <= 0:
        raise InputError(
            f"{design.observations} observations cannot carry {counted} parameters: use fewer or more data."
        )
    weighted = residuals if design.weights is None else residuals * design.weights
    if kind == "iid":
        divisor = design.observations if convention == "none" else free
        return bread * (residuals @ weighted) / divisor, free
    raw = sandwich(bread, meat(kind, regressors * weighted[:, None], design, data))
    counts = groups(kind, design, data)
    factor = (
        clustered_factor(design.observations, counted, counts)
        if counts
        else robust_factor(design.observations, counted)
    )
    scaled = raw if convention == "none" else raw * factor
    scale = np.sqrt(np.diag(bread)) if isinstance(kind, Conley | DriscollKraay) else 1.0
    return positive_semidefinite(scaled, scale), min(counts) - 1 if counts else free


def cluster_warnings(counts: dict[str, int], slopes: int) -> list[str]:
    """Sentences on too few clusters for the normal theory or for a joint test."""
    few = [
        f"Only {count} clusters of {name}: prefer the wild cluster bootstrap."
        for name, count in counts.items()
        if count < FEW_CLUSTERS
    ]
    fewer = [
        f"Fewer clusters of {name} ({count}) than regressors ({slopes}): a joint test is not possible."
        for name, count in counts.items()
        if count < slopes
    ]
    return few + fewer
