"""Every estimator on one panel; run as a program, it prints all numbers as JSON in hexadecimal floating point."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pandas as pd

from haiguan.transforms.estimators.correlation import correlation_table, variance_inflation
from haiguan.transforms.estimators.decomposition import mean_log_deviation, theil_by_group
from haiguan.transforms.estimators.event_study import lagged_responses
from haiguan.transforms.estimators.figures import binned_means
from haiguan.transforms.estimators.placebo import placebo
from haiguan.transforms.estimators.production.example import example_firms
from haiguan.transforms.estimators.production.levinsohn_petrin import levinsohn_petrin
from haiguan.transforms.estimators.production.markups import markups
from haiguan.transforms.estimators.production.panel import ProductionColumns
from haiguan.transforms.estimators.specification import read_table
from haiguan.transforms.estimators.table_columns import estimate_columns
from haiguan.transforms.estimators.wild_bootstrap import wild_cluster_bootstrap

PRODUCTION = {"firm": "firm", "year": "year", "free": ["labour"], "state": ["capital"], "draws": 20}
EQUATION = {"regressors": ["x", "w"], "fixed_effects": ["firm", "city^year"], "clusters": ["firm", "city"]}
INSTRUMENTED = {"regressors": ["w"], "endogenous": ["x"], "fixed_effects": ["firm", "year"], "clusters": ["firm"]}
COLUMNS: dict[str, dict[str, Any]] = {
    "least_squares": {**EQUATION, "weights": "weight"},
    "two_stage_least_squares": {**INSTRUMENTED, "instruments": ["z", "z2"]},
    "plausibly_exogenous": {**INSTRUMENTED, "instruments": ["z"], "direct_effects": {"ranges": {"z": [-0.1, 0.1]}}},
    "kinky_least_squares": {**INSTRUMENTED, "kinky": {"correlation": 0.1}},
    "probit": {"outcome": "exports_at_all", "regressors": ["x", "w"], "fixed_effects": ["year"], "clusters": ["city"]},
    "logit": {"outcome": "exports_at_all", "regressors": ["x", "w"], "report": "average marginal effects"},
    "poisson": {"outcome": "sales", "regressors": ["x"], "fixed_effects": ["firm", "year"], "clusters": ["firm"]},
    "quantile_regression": {"regressors": ["x", "w"], "quantile": 0.6, "clusters": ["city"]},
    "grouped_two_step": {"regressors": ["of_city"], "quantile": 0.5, "grouped": {"group": "city"}},
    "olley_pakes": {"outcome": "output", "production": {**PRODUCTION, "proxy": "investment", "survival": "survival"}},
    "levinsohn_petrin": {"outcome": "output", "production": {**PRODUCTION, "proxy": "materials"}},
    "ackerberg_caves_frazer": {"outcome": "output", "production": {**PRODUCTION, "proxy": "materials"}},
    "wooldridge": {"outcome": "output", "production": {**PRODUCTION, "proxy": "materials"}},
    "event_study": {"event": {"unit": "firm", "period": "year", "event_period": "opened", "window": [-2, 2]}},
    "mediation": {"regressors": ["z", "w"], "fixed_effects": ["year"], "channel": {"mediator": "x", "draws": 20}},
    "oaxaca_blinder": {"regressors": ["x", "w"], "decomposition": {"group": "west"}, "clusters": ["city"]},
    "Conley errors": {"regressors": ["x"], "covariance": {
        "conley": {"latitude": "latitude", "longitude": "longitude", "cutoff_km": 300}}},
    "Driscoll-Kraay errors": {"regressors": ["x"], "covariance": {"driscoll_kraay": {"period": "year"}}},
}  # fmt: skip


def panel() -> pd.DataFrame:
    """Firms that enter a production function, with everything that the other estimators read beside."""
    frame = example_firms(firms=150, years=7, seed=4)
    rng = np.random.default_rng(9)
    n = len(frame)
    city = frame["firm"] % 30
    frame["city"], frame["west"], frame["of_city"] = city.astype(str), city % 2, np.sin(city)
    frame["latitude"], frame["longitude"] = 25.0 + city % 6, 105.0 + city // 6
    frame["z"], frame["z2"], frame["w"], error = rng.normal(size=(4, n))
    frame["x"] = 0.7 * frame["z"] + 0.3 * frame["z2"] + 0.5 * error + rng.normal(size=n)
    frame["y"] = 0.5 * frame["x"] - 0.2 * frame["w"] + 0.3 * frame["of_city"] + 0.01 * frame["firm"] + error
    frame["exports_at_all"] = (frame["y"] > 1).astype(int)
    frame["sales"] = rng.poisson(np.exp(0.3 * frame["x"] + 0.5))
    frame["weight"] = rng.uniform(0.5, 2.0, n)
    return frame.assign(opened=np.where(frame["firm"] % 3 == 0, 2003, np.nan))


def every_estimator(frame: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Estimates, errors and statistics by estimator; of what is no estimate, its numbers."""
    columns = [
        {"title": name, "outcome": "y", **({} if " " in name else {"estimator": name}), **settings}
        for name, settings in COLUMNS.items()
    ]
    found = {
        str(column.column.title): {
            **column.estimates.terms["estimate"].add_prefix("b ").to_dict(),
            **column.estimates.terms["standard_error"].add_prefix("se ").to_dict(),
            **column.estimates.statistics,
        }
        for column in estimate_columns(read_table({"table": "every", "columns": columns}), frame)
    }
    return found | {name: table.stack().to_dict() for name, table in _tables(frame).items()}


def _tables(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    drawn = placebo(frame, "y", "x", controls=["w"], fixed_effects=["year"], strata=["city"], draws=20)
    wild = wild_cluster_bootstrap(frame, "y", ["x", "w"], "x", cluster="city", draws=99)
    responses = lagged_responses(frame, "y", "x", "firm", "year", horizons=[0, 2], fixed_effects=["firm"])
    columns = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
    sold = frame.assign(revenue=np.exp(frame["output"]), wages=np.exp(frame["labour"]))
    charged = markups(
        levinsohn_petrin(frame, columns), sold, flexible_input="labour", expenditure="wages", revenue="revenue"
    )
    positive = frame.assign(value=np.exp(frame["y"]))
    numbers = {"wild": wild.p_value, "mean log deviation": mean_log_deviation(positive["value"])}
    return {
        "numbers": pd.DataFrame([numbers]),
        "placebo": drawn.draws.assign(p=drawn.p_value),
        "lagged responses": responses.points.set_index("horizon"),
        "markups": charged.describe(),
        "Theil": theil_by_group(positive, "value", "city").groups,
        "correlations": correlation_table(frame, ["x", "w", "z"], method="spearman").set_index(["first", "second"]),
        "variance inflation": variance_inflation(frame, ["x", "w", "z"]).set_index("column"),
        "bins": binned_means(frame, "y", "x", controls=["w"], fixed_effects=["firm"], bins=5),
    }


if __name__ == "__main__":
    numbers = every_estimator(panel())
    json.dump({n: {str(k): float(v).hex() for k, v in part.items()} for n, part in numbers.items()}, sys.stdout)
