"""Olley and Pakes (1996): investment as proxy, with correction for exit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.production import markov, polynomial
from haiguan.transforms.estimators.production.exit import survival_probability
from haiguan.transforms.estimators.production.function import (
    FirstStage,
    ProductionFunction,
    centred,
    cobb_douglas,
    first_stage,
    productivity_process,
)
from haiguan.transforms.estimators.production.panel import ProductionColumns, ProductionPanel, production_panel

_STARTS = (0.1, 0.4, 0.8)


@dataclass(frozen=True)
class _Design:
    """What does not change between the draws of a bootstrap."""

    panel: ProductionPanel
    linear: np.ndarray
    state: np.ndarray
    basis: np.ndarray
    lives: np.ndarray | None
    degree: int


def olley_pakes(
    frame: pd.DataFrame, columns: ProductionColumns, *, survival: str | None = None, degree: int = 3
) -> ProductionFunction:
    """Production function with investment as proxy of productivity (Olley and Pakes 1996, Econometrica 64, 1263-1297).

    Three stages: log output on free inputs, controls and a polynomial in investment and state inputs; a probit of
    survival on the same polynomial and the controls; non-linear least squares of output net of free inputs on state
    inputs and a polynomial in lagged productivity and the survival probability. The timing of exit is Olley and
    Pakes's: the probability is Pr(observed at t | t-1), estimated on all rows at t-1 whose fate is known (R's prodest
    dates it a year earlier). Name the year among the dummies: survival that differs between years is what tells the
    probability apart from a function of capital and lagged productivity.

    Args:
        frame: grain firm x year; logs. Zero investment cannot be inverted: make its log missing, and the row is left
            out.
        columns: which column is what; the proxy is log investment.
        survival: column of `exit.survival`: 1 lives in the following year, 0 exits, missing unknown. None: no
            correction.
        degree: of the polynomials, 2 to 4 in the literature.

    Raises:
        InputError: as `production_panel`; a proxy that is an input; a survival column that is absent or not 0/1, or
            without exits.

    >>> from haiguan.transforms.estimators.production.example import example_firms
    >>> firms = example_firms(firms=2000, seed=1)
    >>> inputs = {"free": ("labour",), "state": ("capital",), "proxy": "investment"}
    >>> columns = ProductionColumns("firm", "year", "output", **inputs, dummies=("year",))
    >>> olley_pakes(firms, columns, survival="survival").coefficients.round(1).to_dict()
    {'labour': 0.6, 'capital': 0.4}
    """
    panel = production_panel(frame, columns)
    if columns.proxy in columns.inputs:
        raise InputError(f"the proxy '{columns.proxy}' is an input as well; Olley-Pakes takes investment as proxy")
    state = panel.values(*columns.state)
    design = _Design(
        panel,
        np.column_stack([centred(panel.values(*columns.free)), panel.controls]),
        centred(state),
        polynomial.orthonormal(panel.values(*columns.state, columns.proxy), degree),
        None if survival is None else _fates(panel, survival),
        degree,
    )
    starts = [np.full(state.shape[1], start) for start in _STARTS]
    weights = np.ones(len(state))
    stage, solution, statistics = _fit(design, weights, starts)
    coefficients = _coefficients(design, stage, solution)
    shock = panel.output - stage.linear - stage.predicted
    refit = partial(_refit, design, solution.coefficients)
    return cobb_douglas("Olley-Pakes", panel, coefficients, shock, refit, statistics)


def _fates(panel: ProductionPanel, survival: str) -> np.ndarray:
    if survival not in panel.frame:
        raise InputError(f"column '{survival}' is not in the panel; `exit.survival` makes it")
    if not pd.api.types.is_numeric_dtype(panel.frame[survival]):
        raise InputError(f"column '{survival}' holds {panel.frame[survival].dtype} where 0, 1 or missing belongs")
    lives = panel.frame[survival].to_numpy(float, na_value=np.nan)
    if not np.isin(lives[~np.isnan(lives)], (0.0, 1.0)).all():
        raise InputError(f"column '{survival}' holds values other than 0, 1 and missing")
    return lives


def _fit(
    design: _Design, weights: np.ndarray, starts: list[np.ndarray]
) -> tuple[FirstStage, markov.Solution, dict[str, float]]:
    panel = design.panel
    stage = first_stage(panel.output, design.linear, design.basis, weights)
    chance, statistics = _survival(design, weights)
    net = panel.output - stage.linear
    process = productivity_process(panel, net, design.state, stage.predicted, weights, design.degree, chance)
    solution = markov.minimise(markov.squared_innovations(process), starts)[0]
    return stage, solution, statistics | {"objective": solution.objective}


def _survival(design: _Design, weights: np.ndarray) -> tuple[np.ndarray | None, dict[str, float]]:
    if design.lives is None:
        return None, {}
    chance = survival_probability(np.column_stack([design.basis, design.panel.controls]), design.lives, weights)
    return chance, {"exits": float((design.lives == 0).sum()), "mean_survival": float(chance.mean())}


def _coefficients(design: _Design, stage: FirstStage, solution: markov.Solution) -> np.ndarray:
    return np.concatenate([stage.slopes[: len(design.panel.columns.free)], solution.coefficients])


def _refit(design: _Design, start: np.ndarray, weights: np.ndarray) -> np.ndarray:
    stage, solution, _ = _fit(design, weights, [start])
    return _coefficients(design, stage, solution)
