"""Wooldridge (2009): both stages in one system, with analytic errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy.linalg import block_diag, solve_triangular

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.production import markov, polynomial
from haiguan.transforms.estimators.production.function import ProductionFunction, centred, cobb_douglas, first_stage
from haiguan.transforms.estimators.production.panel import ProductionColumns, ProductionPanel, production_panel
from haiguan.transforms.estimators.result import Estimates, coefficient_table


@dataclass(frozen=True)
class _System:
    """Both equations on the m rows with a lag.

    Attributes:
        outcome: log output, m.
        shift: free inputs and controls, m x s: the same coefficients in both equations.
        state: state inputs at t and at t-1, m x k each.
        basis: polynomial in state and proxy at t and at t-1, m x p each.
        instruments: of the static and of the dynamic equation.
        firm: 0 ... firms - 1 per row.
        centre: mean and standard deviation of productivity at the starting values, which keep its powers well scaled.
        degree: of the productivity process.
    """

    outcome: np.ndarray
    shift: np.ndarray
    state: tuple[np.ndarray, np.ndarray]
    basis: tuple[np.ndarray, np.ndarray]
    instruments: tuple[np.ndarray, np.ndarray]
    firm: np.ndarray
    centre: tuple[float, float]
    degree: int


@dataclass(frozen=True)
class _Solution:
    parameters: np.ndarray
    covariance: np.ndarray
    overidentification: float
    restrictions: int


def wooldridge(frame: pd.DataFrame, columns: ProductionColumns, *, degree: int = 3) -> ProductionFunction:
    """Production function by one-step GMM (Wooldridge 2009, Economics Letters 104, 112-114, equations 2.9 to 2.11).

    Two equations for log value added on the rows with a lag, solved together: y = free b + h(state, proxy) + e,
    instrumented by its own regressors, and y = free b + state c + f(h(lags) - c lagged state) + u, where free inputs
    are instrumented by their lags, state inputs by themselves and productivity by the lagged polynomial. h and f are
    polynomials. Efficient weights, clustered by firm, in two rounds. The two equations share h: without that
    restriction capital would not be identified where it follows from last year's capital and investment alone. Like
    Levinsohn and Petrin's first stage, the first equation takes labour to move independently of the proxy.

    Args:
        frame: grain firm x year; logs.
        columns: which column is what; the proxy is materials or investment and not an input (value added).
        degree: of both polynomials.

    Returns:
        With `estimates`: analytic errors robust to heteroskedasticity and to correlation within firms; statistics
            hansen_j and
        hansen_j_degrees, the test of the over-identifying moments.

    Raises:
        InputError: as `production_panel`; the proxy among the inputs; fewer firms than moments.

    >>> from haiguan.transforms.estimators.production.example import example_firms
    >>> columns = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
    >>> function = wooldridge(example_firms(firms=800, seed=1, leave=False), columns)
    >>> function.estimates.terms["estimate"].round(1).to_dict()
    {'labour': 0.6, 'capital': 0.4}
    """
    panel = production_panel(frame, columns)
    if columns.proxy in columns.inputs:
        raise InputError(f"'{columns.proxy}' is proxy and input: estimate value added, or use Ackerberg-Caves-Frazer")
    system, start = _prepare(panel, degree)
    moments = sum(block.shape[1] for block in system.instruments)
    if panel.firms <= moments:
        raise InputError(
            f"{panel.firms} firms of column '{columns.firm}' cannot weight {moments} moments; lower the degree"
        )
    solution = _solve(system, start, np.ones(len(system.outcome)))
    coefficients = solution.parameters[_input_places(panel, system)]
    return cobb_douglas(
        "Wooldridge",
        panel,
        coefficients,
        _shock(panel, coefficients, degree),
        partial(_refit, panel, system, solution.parameters),
        {"hansen_j": solution.overidentification, "hansen_j_degrees": float(solution.restrictions)},
        estimates=_estimates(panel, system, solution),
    )


def _prepare(panel: ProductionPanel, degree: int) -> tuple[_System, np.ndarray]:
    """The system, and starting values: the first stage and the second of Olley and Pakes without exit."""
    columns, now, before = panel.columns, panel.now, panel.before
    free, state = centred(panel.values(*columns.free)), centred(panel.values(*columns.state))
    basis = polynomial.orthonormal(panel.values(*columns.state, columns.proxy), degree) * np.sqrt(len(free))
    controls = _independent(panel.controls[now])
    shift, outcome, ones = np.column_stack([free[now], controls]), panel.output[now], np.ones(len(now))
    static = first_stage(outcome, shift, basis[now], ones)
    series = np.linalg.lstsq(basis[now], static.predicted, rcond=None)[0]
    lagged = basis[before] @ series
    process = markov.MarkovProcess(outcome - static.linear, state[now], centred(lagged), state[before], ones, degree)
    slopes = markov.minimise(markov.squared_innovations(process), [np.full(state.shape[1], 0.4)])[0].coefficients
    productivity = lagged - state[before] @ slopes
    centre = (float(productivity.mean()), float(productivity.std()))
    expected = np.vander((productivity - centre[0]) / centre[1], degree + 1, increasing=True)
    transition = np.linalg.lstsq(expected, outcome - static.linear - state[now] @ slopes, rcond=None)[0]
    instruments = (
        np.column_stack([shift, basis[now]]),
        np.column_stack([free[before], controls, state[now], basis[before]]),
    )
    system = _System(
        outcome,
        shift,
        (state[now], state[before]),
        (basis[now], basis[before]),
        instruments,
        panel.firm[now],
        centre,
        degree,
    )
    return system, np.concatenate([static.slopes, slopes, series, transition])


def _independent(controls: np.ndarray) -> np.ndarray:
    """An orthogonal basis of the controls among the rows with a lag, whose first year is not among them."""
    if not controls.shape[1]:
        return controls
    left, singular, _ = np.linalg.svd(centred(controls), full_matrices=False)
    return left[:, singular > 1e-10 * singular[0]] * np.sqrt(len(controls))


def _residuals(
    system: _System, parameters: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Residuals of the static and the dynamic equation (m each), and their Jacobians (m x parameters each)."""
    (state, lagged_state), (basis, lagged_basis) = system.state, system.basis
    sizes = np.cumsum([system.shift.shape[1], state.shape[1], basis.shape[1]])
    common, slopes, series, transition = np.split(parameters, sizes)
    centre, spread = system.centre
    productivity = (lagged_basis @ series - lagged_state @ slopes - centre) / spread
    expected = np.vander(productivity, system.degree + 1, increasing=True)
    powers = np.arange(1, system.degree + 1)
    pace = (expected[:, :-1] @ (powers * transition[1:]) / spread)[:, None]
    net = system.outcome - system.shift @ common
    static = np.column_stack([-system.shift, np.zeros_like(state), -basis, np.zeros_like(expected)])
    dynamic = np.column_stack([-system.shift, pace * lagged_state - state, -pace * lagged_basis, -expected])
    return (net - basis @ series, net - state @ slopes - expected @ transition), (static, dynamic)


def _solve(system: _System, start: np.ndarray, weights: np.ndarray) -> _Solution:
    weighted = tuple(instruments * weights[:, None] for instruments in system.instruments)
    metric = block_diag(*[z.T @ plain for z, plain in zip(weighted, system.instruments, strict=True)])
    first = markov.minimise(_criterion(system, weighted, metric), [start])[0].coefficients
    criterion = _criterion(system, weighted, _moment_covariance(system, weights, first))
    parameters = markov.minimise(criterion, [first])[0].coefficients
    misfit, jacobian = criterion(parameters)
    return _Solution(
        parameters, np.linalg.inv(jacobian.T @ jacobian), float(misfit @ misfit), len(misfit) - len(parameters)
    )


def _criterion(system: _System, weighted: tuple[np.ndarray, ...], metric: np.ndarray) -> markov.Criterion:
    """Moments of both equations in a metric, and their Jacobian, as functions of the parameters."""
    root = markov.cholesky_root(metric)

    def criterion(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The scaled moments at some parameters, and their Jacobian."""
        residuals, jacobians = _residuals(system, parameters)
        level = np.concatenate([z.T @ u for z, u in zip(weighted, residuals, strict=True)])
        slope = np.vstack([z.T @ j for z, j in zip(weighted, jacobians, strict=True)])
        scaled = solve_triangular(root, np.column_stack([level, slope]), lower=True)
        return scaled[:, 0], scaled[:, 1:]

    return criterion


def _moment_covariance(system: _System, weights: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Sum over firms of the outer products of their moments; a firm of weight c counts as c independent firms."""
    residuals, _ = _residuals(system, parameters)
    scores = np.column_stack([z * u[:, None] for z, u in zip(system.instruments, residuals, strict=True)])
    starts = np.flatnonzero(np.diff(system.firm, prepend=-1))
    by_firm = np.add.reduceat(scores, starts, axis=0)
    return (by_firm * weights[starts][:, None]).T @ by_firm


def _input_places(panel: ProductionPanel, system: _System) -> np.ndarray:
    """Where the coefficients of the inputs stand among the parameters, in the order of the inputs."""
    free, shift = len(panel.columns.free), system.shift.shape[1]
    return np.r_[np.arange(free), shift + np.arange(len(panel.columns.state))]


def _shock(panel: ProductionPanel, coefficients: np.ndarray, degree: int) -> np.ndarray:
    """Output net of inputs that the polynomial in state and proxy does not predict, for every complete row."""
    basis = polynomial.orthonormal(panel.values(*panel.columns.state, panel.columns.proxy), degree)
    net = panel.output - panel.values(*panel.columns.inputs) @ coefficients
    stage = first_stage(net, panel.controls, basis, np.ones(len(net)))
    return net - stage.linear - stage.predicted


def _refit(panel: ProductionPanel, system: _System, start: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _solve(system, start, weights[panel.now]).parameters[_input_places(panel, system)]


def _estimates(panel: ProductionPanel, system: _System, solution: _Solution) -> Estimates:
    columns, places = panel.columns, _input_places(panel, system)
    names = list(columns.inputs)
    terms, covariance = coefficient_table(
        names, solution.parameters[places], solution.covariance[np.ix_(places, places)]
    )
    return Estimates(
        estimator="Wooldridge",
        outcome=columns.output,
        terms=terms,
        covariance=covariance,
        observations=len(system.outcome),
        observations_before=len(system.outcome),
        missing=panel.incomplete,
        clusters={columns.firm: len(np.unique(system.firm))},
        statistics={"hansen_j": solution.overidentification, "hansen_j_degrees": float(solution.restrictions)},
        covariance_kind=f"clustered by {columns.firm}",
        warnings=panel.warnings,
    )
