"""Ackerberg, Caves and Frazer (2015): every coefficient from the second stage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from haiguan.transforms.estimators.production import markov, polynomial
from haiguan.transforms.estimators.production.choice import choose
from haiguan.transforms.estimators.production.function import (
    FirstStage,
    ProductionFunction,
    centred,
    first_stage,
    productivity_process,
    row_results,
)
from haiguan.transforms.estimators.production.panel import ProductionColumns, ProductionPanel, production_panel

_GRID = (0.0, 0.3, 0.6, 0.9)
_SEARCHED_STARTS = 8


@dataclass(frozen=True)
class _Design:
    """What does not change between the draws of a bootstrap."""

    panel: ProductionPanel
    exponents: np.ndarray
    terms: np.ndarray
    basis: np.ndarray
    instruments: np.ndarray
    degree: int


def ackerberg_caves_frazer(
    frame: pd.DataFrame, columns: ProductionColumns, *, order: int = 1, degree: int = 3
) -> ProductionFunction:
    """Production function from second-stage moments (Ackerberg, Caves and Frazer 2015, Econometrica 83, 2411-2451).

    The first stage only predicts log output from a polynomial in all inputs and the proxy. The moments are E[xi
    (free_{t-1}, state_t)] = 0, for a translog their squares and products too. They may have several solutions: one in
    which the "productivity" is another persistent process, such as wages, is known (section 4.3; Kim, Luo and Su 2019).
    The search therefore starts from a grid and from least squares; among the solutions those with mean output
    elasticities between 0 and 1 are preferred, then the one closest to least squares, and a warning names the others.

    Gross output (materials among the free inputs) is identified only through persistent input prices (Gandhi, Navarro
    and Rivers 2020).

    Args:
        frame: grain firm x year; logs.
        columns: which column is what.
        order: 1 Cobb-Douglas, 2 translog.
        degree: of the first-stage polynomial and of the productivity process.

    Raises:
        InputError: as `production_panel`.

    >>> from haiguan.transforms.estimators.production.example import example_firms
    >>> columns = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
    >>> staying = example_firms(firms=800, seed=3, leave=False)
    >>> ackerberg_caves_frazer(staying, columns).coefficients.round(1).to_dict()
    {'labour': 0.6, 'capital': 0.4}
    """
    panel = production_panel(frame, columns)
    design = _design(panel, order, degree)
    weights = np.ones(len(design.terms))
    stage = first_stage(panel.output, panel.controls, design.basis, weights)
    criterion = _criterion(design, stage, weights)
    solutions = markov.minimise(criterion, _starts(design, criterion))
    scale = float(np.square(centred(panel.output)).sum())
    chosen, warnings = choose(solutions, _mean_slopes(design), _least_squares(design), scale)
    labels = polynomial.names(columns.inputs, design.exponents)
    return ProductionFunction(
        "Ackerberg-Caves-Frazer",
        pd.Series(chosen.coefficients, labels),
        row_results(panel, panel.output - stage.linear - stage.predicted, chosen.coefficients, design.exponents),
        panel,
        partial(_refit, design, chosen.coefficients),
        {"objective": chosen.objective},
        panel.warnings + warnings,
    )


def _design(panel: ProductionPanel, order: int, degree: int) -> _Design:
    columns = panel.columns
    exponents = polynomial.powers(len(columns.inputs), order, lowest=1)
    free, state = panel.values(*columns.free), panel.values(*columns.state)
    instruments = polynomial.monomials(np.column_stack([free[panel.before], state[panel.now]]), exponents)
    return _Design(
        panel,
        exponents,
        centred(polynomial.monomials(np.column_stack([free, state]), exponents)),
        polynomial.orthonormal(panel.values(*dict.fromkeys((*columns.inputs, columns.proxy))), degree),
        np.linalg.qr(centred(instruments))[0],
        degree,
    )


def _criterion(design: _Design, stage: FirstStage, weights: np.ndarray) -> markov.Criterion:
    process = productivity_process(design.panel, stage.predicted, design.terms, stage.predicted, weights, design.degree)
    return markov.instrumented_innovations(process, design.instruments)


def _starts(design: _Design, criterion: markov.Criterion) -> list[np.ndarray]:
    """Least squares, then the points of a grid of Cobb-Douglas coefficients where the objective is lowest."""
    linear = design.exponents.sum(axis=1) == 1
    grid = np.zeros((len(_GRID) ** int(linear.sum()), len(linear)))
    grid[:, linear] = list(product(_GRID, repeat=int(linear.sum())))
    objectives = [float(np.square(criterion(point)[0]).sum()) for point in grid]
    return [_least_squares(design), *grid[np.argsort(objectives, kind="stable")[:_SEARCHED_STARTS]]]


def _least_squares(design: _Design) -> np.ndarray:
    return np.linalg.lstsq(design.terms, centred(design.panel.output), rcond=None)[0]


def _mean_slopes(design: _Design) -> np.ndarray:
    """Mean output elasticities as a linear function of the coefficients: inputs x terms."""
    inputs = design.panel.values(*design.panel.columns.inputs)
    return np.array(
        [polynomial.derivatives(inputs, design.exponents, place).mean(axis=0) for place in range(inputs.shape[1])]
    )


def _refit(design: _Design, start: np.ndarray, weights: np.ndarray) -> np.ndarray:
    stage = first_stage(design.panel.output, design.panel.controls, design.basis, weights)
    return markov.minimise(_criterion(design, stage, weights), [start])[0].coefficients
