"""Small-sample factors of reghdfe, ivreghdfe and fixest: how many parameters count, and what multiplies the covariance.

The factors are ours because pyfixest 0.60 counts absorbed parameters in an order that depends on the hash seed, and so
returns different standard errors for the same data once a cluster variable nests a fixed effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, get_args

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.naming import unknown_name

Convention = Literal["reghdfe", "ivreghdfe", "fixest", "none"]


def is_nested(effect: np.ndarray, cluster: np.ndarray) -> bool:
    """Whether every level of `effect` lies inside one level of `cluster` (integer codes of equal length).

    >>> is_nested(np.array([0, 0, 1, 2]), np.array([0, 0, 0, 1])), is_nested(np.array([0, 0]), np.array([0, 1]))
    (True, False)
    """
    owner = np.empty(effect.max() + 1, dtype=cluster.dtype)
    owner[effect] = cluster
    return bool((owner[effect] == cluster).all())


def mobility_groups(first: np.ndarray, second: np.ndarray) -> int:
    """Connected components of the graph that joins the levels of two effects which occur together.

    That many levels of the second effect are redundant given the first (Abowd, Creecy and Kramarz 2002).
    """
    offset = first.max() + 1
    size = offset + second.max() + 1
    edges = coo_array((np.ones(len(first), dtype=bool), (first, second + offset)), shape=(size, size))
    return int(connected_components(edges, directed=False, return_labels=False))


def redundant_levels(effects: np.ndarray, nested: Sequence[bool]) -> list[int]:
    """How many levels of each effect reghdfe takes as redundant (`dofadjustments(all)`).

    A nested effect costs nothing: all its levels. Of the others, the first loses one level where a nested effect holds
    the constant, and each later one as many as the largest number of mobility groups it forms with an earlier one.

    Args:
        effects: N x M integer codes, each column from 0 without gaps.
        nested: per effect, whether it is nested in a cluster variable.
    """
    redundant = [int(effects[:, j].max()) + 1 if inside else int(any(nested)) for j, inside in enumerate(nested)]
    free = [j for j, inside in enumerate(nested) if not inside]
    for earlier, later in combinations(free, 2):
        redundant[later] = max(redundant[later], mobility_groups(effects[:, earlier], effects[:, later]))
    return redundant


def count_parameters(
    slopes: int, effects: np.ndarray, nested: Sequence[bool], convention: Convention = "reghdfe"
) -> int:
    """K of the factor (N-1)/(N-K).

    Args:
        slopes: coefficients estimated, the constant included where nothing is absorbed.
        effects: N x M integer codes of the absorbed effects, each column from 0 without gaps; M may be 0.
        nested: per effect, whether a cluster variable nests it (all False where errors are not clustered).
        convention: `reghdfe` adds one where an effect is nested; `ivreghdfe` does not but counts at least one absorbed
            parameter; `fixest` (fixef.K = "nested") takes only one redundant level per further effect.

    Raises:
        InputError: an unknown convention.

    >>> firm, year = np.repeat(np.arange(3), 2), np.tile(np.arange(2), 3)
    >>> [count_parameters(1, np.column_stack([firm, year]), [True, False], c) for c in ("reghdfe", "ivreghdfe")]
    [3, 2]
    """
    if convention not in get_args(Convention):
        raise InputError(unknown_name("small-sample convention", convention, get_args(Convention)))
    if effects.shape[1] == 0:
        return slopes
    levels = effects.max(axis=0) + 1
    if convention == "fixest":
        inside = np.asarray(nested)
        return int(slopes + levels.sum() - (len(levels) - 1) - levels[inside].sum() + inside.sum())
    absorbed = int(levels.sum()) - sum(redundant_levels(effects, nested))
    return slopes + (max(absorbed, 1) if convention == "ivreghdfe" else absorbed + any(nested))


def clustered_factor(observations: int, parameters: int, clusters: Sequence[int]) -> float:
    """(N-1)/(N-K) G/(G-1), G being the smallest number of clusters where there are several cluster variables."""
    fewest = min(clusters)
    return (observations - 1) / (observations - parameters) * fewest / (fewest - 1)


def robust_factor(observations: int, parameters: int) -> float:
    """N/(N-K), the factor of HC1."""
    return observations / (observations - parameters)
