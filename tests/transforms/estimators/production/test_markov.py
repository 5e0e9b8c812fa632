"""The concentrated second stage: its Jacobian against differences, its innovation against a regression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from haiguan.transforms.estimators.production import markov


@pytest.fixture(params=[False, True], ids=["without survival", "with survival"])
def process(request) -> markov.MarkovProcess:
    draw = np.random.default_rng(4)
    lagged, terms = draw.normal(size=60), draw.normal(size=(60, 2))
    return markov.MarkovProcess(
        0.8 * lagged + terms @ [0.6, 0.4] + draw.normal(0, 0.3, 60),
        terms,
        lagged,
        terms + draw.normal(0, 0.5, (60, 2)),
        draw.integers(1, 4, 60).astype(float),
        3,
        draw.uniform(0.5, 1, 60) if request.param else None,
    )


def test_the_jacobian_is_the_derivative(process):
    point = np.array([0.5, 0.3])
    _, jacobian = markov.innovation(process, point)
    numeric = approx_fprime(point, lambda b: markov.innovation(process, b)[0], 1e-7)
    np.testing.assert_allclose(jacobian, numeric, atol=1e-5)


def test_the_innovation_is_what_a_cubic_does_not_explain(process):
    process, point = replace(process, survival=None), np.array([0.5, 0.3])
    lagged = process.lagged - process.lagged_terms @ point
    current = process.current - process.terms @ point
    fitted = np.polyval(np.polyfit(lagged, current, 3, w=np.sqrt(process.weights)), lagged)
    np.testing.assert_allclose(markov.innovation(process, point)[0], current - fitted, atol=1e-8)


def test_the_moments_of_the_solution_are_zero(process):
    instruments = process.terms + 0.1 * process.lagged[:, None]
    solution = markov.minimise(markov.instrumented_innovations(process, instruments), [np.array([0.5, 0.5])])[0]
    xi, _ = markov.innovation(process, solution.coefficients)
    np.testing.assert_allclose((instruments * process.weights[:, None]).T @ xi, 0, atol=1e-7)
