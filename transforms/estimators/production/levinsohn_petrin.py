"""Levinsohn and Petrin (2003): materials as proxy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.production import markov, polynomial
from haiguan.transforms.estimators.production.choice import choose
from haiguan.transforms.estimators.production.function import (
    FirstStage,
    ProductionFunction,
    centred,
    cobb_douglas,
    first_stage,
    productivity_process,
)
from haiguan.transforms.estimators.production.panel import ProductionColumns, ProductionPanel, production_panel

_GRID = (0.1, 0.4, 0.8)


@dataclass(frozen=True)
class _Design:
    """What does not change between the draws of a bootstrap."""

    panel: ProductionPanel
    linear: np.ndarray
    late: np.ndarray
    basis: np.ndarray
    instruments: np.ndarray
    degree: int


def levinsohn_petrin(frame: pd.DataFrame, columns: ProductionColumns, *, degree: int = 3) -> ProductionFunction:
    """Production function with materials as proxy (Levinsohn and Petrin 2003, Review of Economic Studies 70, 317-341).

    The first stage gives the coefficients of free inputs other than the proxy; the second those of state inputs, and of
    the proxy where it is an input, from E[(xi + eta) state_t] = 0 and E[(xi + eta) proxy_{t-1}] = 0. The first stage
    identifies labour only if something other than productivity and capital moves it (Ackerberg, Caves and Frazer 2015,
    section 3).

    Args:
        frame: grain firm x year; logs.
        columns: which column is what. Value added: output is value added and the proxy no input. Gross output: the
            proxy is among the free inputs.
        degree: of the polynomials.

    Raises:
        InputError: as `production_panel`; no free input other than the proxy.

    >>> from haiguan.transforms.estimators.production.example import example_firms
    >>> columns = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
    >>> staying = example_firms(firms=800, seed=1, leave=False)
    >>> levinsohn_petrin(staying, columns).coefficients.round(1).to_dict()
    {'labour': 0.6, 'capital': 0.4}
    """
    panel = production_panel(frame, columns)
    early = [name for name in columns.free if name != columns.proxy]
    if not early:
        raise InputError(f"'{columns.proxy}' is the proxy and the only free input; name labour as a free input")
    proxied = [name for name in columns.free if name == columns.proxy]
    late = centred(panel.values(*proxied, *columns.state))
    lagged_proxy = centred(panel.values(*proxied))[panel.before]
    design = _Design(
        panel,
        np.column_stack([centred(panel.values(*early)), panel.controls]),
        late,
        polynomial.orthonormal(panel.values(*columns.state, columns.proxy), degree),
        np.column_stack([lagged_proxy, centred(panel.values(*columns.state))[panel.now]]),
        degree,
    )
    stage, criterion = _second_stage(design, np.ones(len(late)))
    solutions = markov.minimise(criterion, [np.array(start) for start in product(_GRID, repeat=late.shape[1])])
    net = centred(panel.output - stage.linear)
    naive = np.linalg.lstsq(late, net, rcond=None)[0]
    solution, warnings = choose(solutions, np.eye(late.shape[1]), naive, float(net @ net))
    coefficients = _in_order(design, stage, solution)
    shock = panel.output - stage.linear - stage.predicted
    refit = partial(_refit, design, solution.coefficients)
    statistics = {"objective": solution.objective}
    return cobb_douglas("Levinsohn-Petrin", panel, coefficients, shock, refit, statistics, warnings=warnings)


def _second_stage(design: _Design, weights: np.ndarray) -> tuple[FirstStage, markov.Criterion]:
    panel = design.panel
    stage = first_stage(panel.output, design.linear, design.basis, weights)
    net = panel.output - stage.linear
    process = productivity_process(panel, net, design.late, stage.predicted, weights, design.degree)
    return stage, markov.instrumented_innovations(process, design.instruments)


def _in_order(design: _Design, stage: FirstStage, solution: markov.Solution) -> np.ndarray:
    """Coefficients in the order of the inputs: the proxy is a free input, but is estimated with the state inputs."""
    columns = design.panel.columns
    early = [name for name in columns.free if name != columns.proxy]
    proxied = [name for name in columns.free if name == columns.proxy]
    found = dict(
        zip([*early, *proxied, *columns.state], [*stage.slopes[: len(early)], *solution.coefficients], strict=True)
    )
    return np.array([found[name] for name in columns.inputs])


def _refit(design: _Design, start: np.ndarray, weights: np.ndarray) -> np.ndarray:
    stage, criterion = _second_stage(design, weights)
    return _in_order(design, stage, markov.minimise(criterion, [start])[0])
