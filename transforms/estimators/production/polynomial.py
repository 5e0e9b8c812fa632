"""Polynomial series: the powers, their values and their derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np


def powers(variables: int, degree: int, lowest: int = 0) -> np.ndarray:
    """Exponents of every monomial whose total degree lies between two bounds.

    Args:
        variables: number of variables.
        degree: highest total degree.
        lowest: lowest total degree; 0 includes the constant.

    Returns:
        Integers, monomials x variables, by total degree and within it with the first variable's power falling.

    >>> powers(2, 2).tolist()
    [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]]
    """
    found = [p for p in product(range(degree + 1), repeat=variables) if lowest <= sum(p) <= degree]
    return np.array(sorted(found, key=lambda p: (sum(p), [-power for power in p])), dtype=int)


def monomials(values: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Values of the monomials: rows x monomials.

    >>> monomials(np.array([[2.0, 3.0]]), powers(2, 2)).tolist()
    [[1.0, 2.0, 3.0, 4.0, 6.0, 9.0]]
    """
    raised = _raised(values, int(exponents.max(initial=0)))
    out = np.ones((len(values), len(exponents)))
    for variable in range(values.shape[1]):
        out *= raised[variable][:, exponents[:, variable]]
    return out


def derivatives(values: np.ndarray, exponents: np.ndarray, variable: int) -> np.ndarray:
    """Derivatives of the monomials with respect to one variable: rows x monomials.

    >>> derivatives(np.array([[2.0, 3.0]]), powers(2, 2), 0).tolist()
    [[0.0, 1.0, 0.0, 4.0, 3.0, 0.0]]
    """
    lowered = exponents.copy()
    lowered[:, variable] = np.maximum(lowered[:, variable] - 1, 0)
    return monomials(values, lowered) * exponents[:, variable]


def names(variables: Sequence[str], exponents: np.ndarray) -> list[str]:
    """Names of the monomials, as a regression table prints them.

    >>> names(["l", "k"], powers(2, 2, lowest=1))
    ['l', 'k', 'l^2', 'l:k', 'k^2']
    """
    return [
        ":".join(v if p == 1 else f"{v}^{p}" for v, p in zip(variables, row, strict=True) if p) for row in exponents
    ]


def orthonormal(values: np.ndarray, degree: int) -> np.ndarray:
    """An orthonormal basis of the polynomials in some variables: rows x rank, the constant within.

    Standardised before they are raised and orthogonalised afterwards, so that normal equations in this basis stay well
    conditioned under any weights of a bootstrap.
    """
    spread = values.std(axis=0)
    standardised = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    basis, singular, _ = np.linalg.svd(monomials(standardised, powers(values.shape[1], degree)), full_matrices=False)
    return basis[:, singular > 1e-10 * singular[0]]


def _raised(values: np.ndarray, highest: int) -> list[np.ndarray]:
    """Per variable, its powers from 0 to the highest, side by side."""
    return [np.vander(values[:, variable], highest + 1, increasing=True) for variable in range(values.shape[1])]
