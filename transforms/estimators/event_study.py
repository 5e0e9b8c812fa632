"""Effects by distance in time: around an event, or after a regressor moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.hypotheses import joint_test
from haiguan.transforms.estimators.inference import Covariance
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.plot import Plot, draw_plot, layer
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.small_sample import Convention


@dataclass(frozen=True)
class Path:
    """Effects by horizon, ready to be drawn, and the equations behind them.

    Attributes:
        points: grain horizon, ascending: horizon, estimate, standard_error, ci_low, ci_high, observations (of the
            equation).
        estimates: the equation behind each horizon; an event study has one for all.
        statistics: pre_trend_f and pre_trend_p where there are horizons before an event.
        warnings: one sentence each.
    """

    points: pd.DataFrame
    estimates: Mapping[int, Estimates]
    statistics: Mapping[str, float]
    warnings: tuple[str, ...] = ()

    @property
    def equation(self) -> Estimates:
        """The one equation of an event study, with the test of what went before the event among its statistics."""
        estimates = next(iter(self.estimates.values()))
        statistics = {**estimates.statistics, **self.statistics}
        return replace(estimates, estimator="event study", statistics=statistics, warnings=self.warnings)


def event_study(
    data: pd.DataFrame,
    outcome: str,
    unit: str,
    period: str,
    event_period: str,
    *,
    window: tuple[int, int] = (-5, 5),
    reference: int = -1,
    controls: Sequence[str] = (),
    fixed_effects: Sequence[str] = (),
    clusters: Sequence[str] = (),
) -> Path:
    """Two-way fixed effects with dummies of the distance to an event.

    y_it = sum_k b_k 1{t - e_i = k} + a_i + d_t + e, b at the reference zero, both ends of the window holding everything
    beyond them. Where units are treated at different times and effects differ between them, the coefficients mix
    effects of other horizons (Sun and Abraham 2021), and a warning says so.

    Args:
        data: grain unit x period.
        outcome: numeric column.
        unit: column of the unit, whose effect is absorbed.
        period: column of the period, whole numbers, whose effect is absorbed.
        event_period: column of the period of the unit's event; missing for units that have none.
        window: lowest and highest distance.
        reference: the distance left out.
        controls: numeric columns.
        fixed_effects: further columns to absorb, or crossings.
        clusters: cluster variables; the unit where none is named.

    Returns:
        A path whose statistics test that all coefficients before the reference are zero.

    Raises:
        InputError: as `least_squares`; a window without the reference; an event that moves within a unit; no event.

    >>> firms = pd.DataFrame({"firm": [f for f in range(6) for _ in range(6)], "year": list(range(6)) * 6})
    >>> firms["opened"] = [3.0 if f < 3 else None for f in firms["firm"]]
    >>> noise = [((7 * i) % 5 - 2) / 100 for i in range(36)]
    >>> firms["exports"] = firms["firm"] + 0.1 * firms["year"] + 2.0 * (firms["year"] >= firms["opened"]) + noise
    >>> path = event_study(firms, "exports", "firm", "year", "opened", window=(-3, 2))
    >>> path.points["estimate"].round(1).tolist()
    [-0.0, 0.0, 0.0, 2.0, 2.0, 2.0]
    """
    sample = _with_distances(data, unit, period, event_period)
    dummies = _dummies(sample["distance"], window, reference)
    estimates = least_squares(
        data.assign(**dummies),
        outcome,
        [*dummies, *controls],
        fixed_effects=list(dict.fromkeys([unit, period, *fixed_effects])),
        clusters=clusters or [unit],
    )
    return replace(path_of(estimates, window, reference), warnings=_timing_warnings(sample, estimates))


def path_of(estimates: Estimates, window: tuple[int, int], reference: int) -> Path:
    """The path that the equation of an event study holds, the reference at zero.

    Raises:
        InputError: the equation has no distance to an event.
    """
    kept = _kept(estimates, window)
    points = pd.concat([_points(estimates, kept), _reference_point(reference, estimates)]).sort_values("horizon")
    statistics = _joint_test(estimates, [_dummy(k) for k in kept if k < reference])
    return Path(points.reset_index(drop=True), dict.fromkeys(kept, estimates), statistics, estimates.warnings)


def lagged_responses(
    data: pd.DataFrame,
    outcome: str,
    regressor: str,
    unit: str,
    period: str,
    *,
    horizons: Sequence[int] = (0, 1, 2, 3, 4, 5),
    controls: Sequence[str] = (),
    fixed_effects: Sequence[str] = (),
    clusters: Sequence[str] = (),
    weights: str | None = None,
    covariance: Covariance | None = None,
    small_sample: Convention = "reghdfe",
) -> Path:
    """The outcome h periods later on a regressor and controls now, one equation per horizon.

    The lead is the same unit exactly h periods later: gaps in the panel shorten the sample of the horizons that span
    them, which `observations` shows. A negative horizon is a placebo.

    Args:
        data: grain unit x period.
        outcome: numeric column.
        regressor: numeric column.
        unit: column of the unit.
        period: column of the period, whole numbers.
        horizons: distances in periods.
        controls: numeric columns, at the time of the regressor.
        fixed_effects: columns to absorb, or crossings, at the time of the regressor.
        clusters: cluster variables.
        weights: a column of analytic weights, at the time of the regressor.
        covariance: as `least_squares`.
        small_sample: as `least_squares`.

    Raises:
        InputError: as `least_squares`, naming the horizon; a unit-period twice.

    >>> firms = pd.DataFrame({"firm": [1] * 6 + [2] * 6, "year": list(range(6)) * 2})
    >>> firms["access"] = [0.0, 1, 0, 2, 1, 0, 3, 1, 2, 0, 1, 2]
    >>> firms["exports"] = firms.groupby("firm")["access"].shift(1).fillna(0.0) + [0.01, 0, -0.01] * 4
    >>> lagged_responses(firms, "exports", "access", "firm", "year", horizons=[1]).points["estimate"].round(1).tolist()
    [1.0]
    """
    _check_keys(data, unit, period)
    if not horizons:
        raise InputError("No horizon was named; ask for some distances in periods, such as 0 to 5.")
    settings: dict[str, Any] = {
        "fixed_effects": fixed_effects, "clusters": clusters, "weights": weights, "covariance": covariance,
        "small_sample": small_sample,
    }  # fmt: skip
    estimates = {}
    for horizon in sorted(set(horizons)):
        led = data.assign(**{outcome: _lead(data, outcome, unit, period, horizon)})
        try:
            estimates[horizon] = least_squares(led, outcome, [regressor, *controls], **settings)
        except InputError as error:
            raise InputError(*(f"Horizon {horizon}: {fault}" for fault in error.faults)) from error
    absent = [f"Horizon {h}: {' '.join(e.warnings)}" for h, e in estimates.items() if regressor not in e.terms.index]
    if absent:
        raise InputError(*absent)
    points = pd.concat([_point(equation, regressor, horizon) for horizon, equation in estimates.items()])
    warnings = tuple(f"Horizon {h}: {text}" for h, equation in estimates.items() for text in equation.warnings)
    return Path(points.reset_index(drop=True), estimates, {}, warnings)


def plot_path(path: Path, *, title: str = "", baseline: float | None = None) -> Figure:
    """Estimates with 95 % intervals by horizon, a line at zero, and one at a baseline estimate where given.

    >>> points = pd.DataFrame({"horizon": [1], "estimate": [0.1], "ci_low": [0.0], "ci_high": [0.2]})
    >>> len(plot_path(Path(points, {}, {})).axes)
    1
    """
    return draw_plot(path_plot(path, "periods", "estimate, 95 % interval", title=title, baseline=baseline))


def path_plot(path: Path, across: str, upright: str, *, title: str = "", baseline: float | None = None) -> Plot:
    """A path as layers: an interval per horizon, and a dashed line at a baseline estimate where given."""
    points = path.points
    intervals = layer("intervals", points["horizon"], points["estimate"], points["ci_low"], points["ci_high"])
    dashed = () if baseline is None else (layer("level", [np.nan], [baseline], label="baseline"),)
    return Plot(across, upright, (intervals, *dashed), title)


def _dummy(horizon: int) -> str:
    return f"distance {horizon:+d}"


def _dummies(distance: pd.Series, window: tuple[int, int], reference: int) -> dict[str, pd.Series]:
    """Dummies of the distances that occur, without the reference; the ends of the window hold what lies beyond."""
    low, high = window
    if not low <= reference <= high or low == high:
        raise InputError(f"The window {window} must hold the reference {reference} and another distance.")
    binned = distance.clip(low, high)
    found = {_dummy(k): (binned == k).astype(float) for k in range(low, high + 1) if k != reference}
    return {name: dummy for name, dummy in found.items() if dummy.any()}


def _with_distances(data: pd.DataFrame, unit: str, period: str, event_period: str) -> pd.DataFrame:
    unknown = [unknown_name("column", name, data.columns) for name in (unit, period, event_period) if name not in data]
    if unknown:
        raise InputError(*unknown)
    moving = data.groupby(unit)[event_period].nunique(dropna=False) > 1
    if moving.any():
        raise InputError(
            f"Column {event_period!r} changes within {int(moving.sum())} units of {unit!r}; name one event each."
        )
    if data[event_period].isna().all():
        raise InputError(f"Column {event_period!r} is missing everywhere: no unit has an event.")
    event = pd.to_numeric(data[event_period], errors="coerce").astype(float)
    return pd.DataFrame({"event": event, "distance": data[period] - event})


def _timing_warnings(sample: pd.DataFrame, estimates: Estimates) -> tuple[str, ...]:
    if sample["event"].nunique() == 1:
        return estimates.warnings
    return (
        *estimates.warnings,
        f"Events lie in {sample['event'].nunique()} periods: if their effects differ, the coefficients mix horizons.",
    )


def _kept(estimates: Estimates, window: tuple[int, int]) -> list[int]:
    """Distances that have a coefficient, ascending."""
    kept = [k for k in range(window[0], window[1] + 1) if _dummy(k) in estimates.terms.index]
    if not kept:
        raise InputError(f"No distance to the event can be told apart: {' '.join(estimates.warnings)}")
    return kept


def _points(estimates: Estimates, horizons: Sequence[int]) -> pd.DataFrame:
    return pd.concat([_point(estimates, _dummy(horizon), horizon) for horizon in horizons])


def _point(estimates: Estimates, term: str, horizon: int) -> pd.DataFrame:
    columns = ["estimate", "standard_error", "ci_low", "ci_high"]
    row = estimates.terms.loc[[term], columns].reset_index(drop=True)
    row.insert(0, "horizon", horizon)
    return row.assign(observations=estimates.observations)


def _reference_point(reference: int, estimates: Estimates) -> pd.DataFrame:
    zeros = dict.fromkeys(["estimate", "standard_error", "ci_low", "ci_high"], 0.0)
    return pd.DataFrame([{"horizon": reference, **zeros, "observations": estimates.observations}])


def _joint_test(estimates: Estimates, terms: Sequence[str]) -> dict[str, float]:
    """The test that all of these are zero, where the covariance has the rank for it."""
    try:
        test = joint_test(estimates, terms)
    except InputError:
        return {}
    return {"pre_trend_f": test.statistic, "pre_trend_p": test.p_value}


def _check_keys(data: pd.DataFrame, unit: str, period: str) -> None:
    unknown = [unknown_name("column", name, data.columns) for name in (unit, period) if name not in data]
    if unknown:
        raise InputError(*unknown)
    if twice := int(data.duplicated([unit, period]).sum()):
        raise InputError(f"{twice} rows repeat a pair of {unit!r} and {period!r}; keep one row per unit and period.")


def _lead(data: pd.DataFrame, outcome: str, unit: str, period: str, horizon: int) -> np.ndarray:
    if outcome not in data:
        raise InputError(unknown_name("column", outcome, data.columns))
    later = data[[unit, period, outcome]].assign(**{period: data[period] - horizon})
    return data[[unit, period]].merge(later, on=[unit, period], how="left", validate="one_to_one")[outcome].to_numpy()
