"""Sandwich covariances of linear estimators: iid, robust, clustered in any number of ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd


def sandwich(bread: np.ndarray, meat: np.ndarray) -> np.ndarray:
    """A B A, for a symmetric K x K bread A (the inverse of the Hessian) and a meat B."""
    return bread @ meat @ bread


def robust_meat(scores: np.ndarray) -> np.ndarray:
    """Sum of s s' over observations (White 1980); `scores` is N x K."""
    return scores.T @ scores


def cluster_sums(scores: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """G x K sums of scores per cluster; `codes` run from 0 without gaps."""
    return np.column_stack([np.bincount(codes, weights=column) for column in scores.T])


def clustered_meat(scores: np.ndarray, clusters: Mapping[str, np.ndarray] | Sequence[np.ndarray]) -> np.ndarray:
    """Sum of s_g s_g' over clusters; over several cluster variables by inclusion and exclusion.

    V_1 + V_2 - V_12 for two (Cameron, Gelbach and Miller 2011, eq. 2.9), alternating in sign for more.

    >>> scores = np.array([[1.0], [2.0], [-1.0]])
    >>> clustered_meat(scores, [np.array([0, 0, 1])]).item(), robust_meat(scores).item()
    (10.0, 6.0)
    """
    variables = list(clusters.values() if isinstance(clusters, Mapping) else clusters)
    meat = np.zeros((scores.shape[1],) * 2)
    for size in range(1, len(variables) + 1):
        for subset in combinations(variables, size):
            sums = cluster_sums(scores, intersection(subset))
            meat += (-1) ** (size + 1) * (sums.T @ sums)
    return meat


def intersection(codes: Sequence[np.ndarray]) -> np.ndarray:
    """Codes, from 0 without gaps, of the cells that several cluster variables form together."""
    cells = codes[0]
    for other in codes[1:]:
        cells = pd.factorize(cells * (other.max() + 1) + other)[0]
    return cells


def positive_semidefinite(covariance: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
    """The covariance with negative eigenvalues set to zero, which several cluster variables can bring about.

    As reghdfe and fixest do (Cameron, Gelbach and Miller 2011, p. 241). They take the units of the data as they are, so
    that the unit of one regressor moves the errors of all; with a `scale` for each coefficient, in its unit, none does.

    >>> negative = np.array([[1.0, 2.0], [2.0, 1.0]])
    >>> positive_semidefinite(negative).round(2).tolist()
    [[1.5, 1.5], [1.5, 1.5]]
    """
    scales = np.outer(scale, scale)
    covariance = (covariance + covariance.T) / 2 / scales
    eigenvalues, vectors = np.linalg.eigh(covariance)
    if eigenvalues.min() >= -1e-14 * abs(eigenvalues).max():
        return covariance * scales
    return (vectors * np.clip(eigenvalues, 0, None)) @ vectors.T * scales
