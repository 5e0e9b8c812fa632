"""The two links of binary response models: what the log-likelihood and the marginal effects need of each."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.special import expit, log_expit, log_ndtr, ndtr

LOG_ROOT_TWO_PI = 0.5 * np.log(2 * np.pi)


class Link(Protocol):
    """P(y = 1) = G(u), u being the index x'b.

    Both links are symmetric, G(-u) = 1 - G(u), so that an observation enters only through its signed index
    z = (2y - 1) u, and the derivatives below are taken with respect to z.
    """

    name: str

    def log_likelihood(self, signed: np.ndarray) -> np.ndarray:
        """Log G(z)."""

    def score(self, signed: np.ndarray) -> np.ndarray:
        """First derivative of log G(z)."""

    def information(self, signed: np.ndarray) -> np.ndarray:
        """Minus the second derivative of log G(z), as observed (not its expectation)."""

    def probability(self, index: np.ndarray, order: int) -> np.ndarray:
        """Derivative of G(u) of order 0 to 3; order 0 is the probability itself, order 1 the density."""


class Normal:
    """The probit: G is the standard normal distribution."""

    name = "probit"

    def log_likelihood(self, signed: np.ndarray) -> np.ndarray:
        """Log Phi(z), exact far in the lower tail too."""
        return log_ndtr(signed)

    def score(self, signed: np.ndarray) -> np.ndarray:
        """The inverse Mills ratio phi(z) / Phi(z)."""
        return np.exp(-0.5 * signed * signed - LOG_ROOT_TWO_PI - log_ndtr(signed))

    def information(self, signed: np.ndarray) -> np.ndarray:
        """Lambda (lambda + z), lambda being the inverse Mills ratio."""
        ratio = self.score(signed)
        return ratio * (ratio + signed)

    def probability(self, index: np.ndarray, order: int) -> np.ndarray:
        """Phi, phi, -u phi and (u^2 - 1) phi."""
        if order == 0:
            return ndtr(index)
        density = np.exp(-0.5 * index * index - LOG_ROOT_TWO_PI)
        return density * {1: 1.0, 2: -index, 3: index * index - 1.0}[order]


class Logistic:
    """The logit: G is the logistic distribution."""

    name = "logit"

    def log_likelihood(self, signed: np.ndarray) -> np.ndarray:
        """Log of the logistic function."""
        return log_expit(signed)

    def score(self, signed: np.ndarray) -> np.ndarray:
        """1 - G(z)."""
        return expit(-signed)

    def information(self, signed: np.ndarray) -> np.ndarray:
        """G (1 - G): observed and expected information are the same."""
        return expit(signed) * expit(-signed)

    def probability(self, index: np.ndarray, order: int) -> np.ndarray:
        """G and its derivatives, as polynomials in G."""
        probability = expit(index)
        if order == 0:
            return probability
        density = probability * expit(-index)
        return density * {1: 1.0, 2: 1.0 - 2.0 * probability, 3: 1.0 - 6.0 * density}[order]
