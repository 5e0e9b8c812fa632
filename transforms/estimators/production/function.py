"""The estimated production function, and the first stage that several estimators share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.production import markov, polynomial
from haiguan.transforms.estimators.production.panel import ProductionPanel
from haiguan.transforms.estimators.result import Estimates


@dataclass(frozen=True)
class ProductionFunction:
    """Point estimates of one production function; `bootstrap` gives the errors.

    Attributes:
        estimator: "Olley-Pakes", "Levinsohn-Petrin", "Ackerberg-Caves-Frazer" or "Wooldridge".
        coefficients: per term of the production function.
        rows: index of the caller's frame, complete rows only. `productivity`: log output less the inputs' contribution
            (the measure that studies call TFP; it holds the unanticipated shock and what controls and dummies shift);
            `anticipated_productivity`: the part of it that the firm knew, by the first stage; `first_stage_residual`:
            the shock that it did not; `elasticity_<input>`: output elasticity of each input.
        panel: the rows it was estimated on.
        refit: coefficients under weights per row of the panel, for the bootstrap.
        statistics: objective and, with correction for exit, mean survival probability and exits.
        warnings: one sentence each.
        estimates: where the estimator has analytic errors (Wooldridge), else None.
    """

    estimator: str
    coefficients: pd.Series
    rows: pd.DataFrame
    panel: ProductionPanel
    refit: Callable[[np.ndarray], np.ndarray]
    statistics: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    estimates: Estimates | None = None


@dataclass(frozen=True)
class FirstStage:
    """Log output split into linear part, predicted rest and residual.

    Attributes:
        slopes: coefficients of the linear columns.
        linear: contribution of the linear columns per row.
        predicted: the polynomial's part per row (phi of the literature).
    """

    slopes: np.ndarray
    linear: np.ndarray
    predicted: np.ndarray


def first_stage(output: np.ndarray, linear: np.ndarray, basis: np.ndarray, weights: np.ndarray) -> FirstStage:
    """Weighted least squares of log output on linear columns (centred) and a polynomial basis.

    Raises:
        InputError: fewer rows than columns.
    """
    design = np.column_stack([linear, basis])
    if (weights > 0).sum() <= design.shape[1]:
        raise InputError(f"{len(output)} complete rows cannot carry the {design.shape[1]} columns of the first stage")
    weighted = design * weights[:, None]
    slopes = np.linalg.lstsq(weighted.T @ design, weighted.T @ output, rcond=1e-13)[0]
    width = linear.shape[1]
    return FirstStage(slopes[:width], linear @ slopes[:width], basis @ slopes[width:])


def row_results(
    panel: ProductionPanel, stage_residual: np.ndarray, coefficients: np.ndarray, exponents: np.ndarray
) -> pd.DataFrame:
    """Productivity and output elasticities of every complete row, on the caller's index."""
    inputs = panel.values(*panel.columns.inputs)
    productivity = panel.output - polynomial.monomials(inputs, exponents) @ coefficients
    elasticities = {
        f"elasticity_{name}": polynomial.derivatives(inputs, exponents, place) @ coefficients
        for place, name in enumerate(panel.columns.inputs)
    }
    found = {
        "productivity": productivity,
        "anticipated_productivity": productivity - stage_residual,
        "first_stage_residual": stage_residual,
    }
    return pd.DataFrame(found | elasticities, panel.frame.index)


def cobb_douglas(
    estimator: str,
    panel: ProductionPanel,
    coefficients: np.ndarray,
    shock: np.ndarray,
    refit: Callable[[np.ndarray], np.ndarray],
    statistics: Mapping[str, float],
    *,
    warnings: tuple[str, ...] = (),
    estimates: Estimates | None = None,
) -> ProductionFunction:
    """A production function that is linear in logs, from its coefficients in the order of the inputs.

    Args:
        estimator: its name.
        panel: the rows.
        coefficients: one per input.
        shock: per row, what the firm did not foresee.
        refit: coefficients under weights per row.
        statistics: what else came out.
        warnings: beside those of the panel.
        estimates: where there are analytic errors.
    """
    exponents = polynomial.powers(len(panel.columns.inputs), 1, lowest=1)
    return ProductionFunction(
        estimator,
        pd.Series(coefficients, list(panel.columns.inputs)),
        row_results(panel, shock, coefficients, exponents),
        panel,
        refit,
        statistics,
        panel.warnings + warnings,
        estimates,
    )


def productivity_process(
    panel: ProductionPanel,
    current: np.ndarray,
    terms: np.ndarray,
    predicted: np.ndarray,
    weights: np.ndarray,
    degree: int,
    survival: np.ndarray | None = None,
) -> markov.MarkovProcess:
    """The second stage on the rows that have a lag, from values of every complete row.

    Args:
        panel: the rows.
        current: output, or its prediction, net of what the first stage settled.
        terms: inputs whose coefficients are sought, centred: rows x K.
        predicted: the first stage's prediction.
        weights: per row.
        degree: of the productivity process.
        survival: probability of being observed in the following year, per row.
    """
    now, before = panel.now, panel.before
    return markov.MarkovProcess(
        current[now],
        terms[now],
        centred(predicted[before]),
        terms[before],
        weights[now],
        degree,
        None if survival is None else survival[before],
    )


def centred(values: np.ndarray) -> np.ndarray:
    """Columns less their means: what a constant absorbs."""
    return values - values.mean(axis=0)
