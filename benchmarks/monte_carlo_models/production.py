"""Production functions: firms that choose inputs by their productivity, with elasticities of .6 and .4."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.monte_carlo_models.worlds import Interval, Model, around
from haiguan.transforms.estimators.production.ackerberg_caves_frazer import ackerberg_caves_frazer
from haiguan.transforms.estimators.production.bootstrap import bootstrap
from haiguan.transforms.estimators.production.example import CAPITAL, LABOUR, example_firms
from haiguan.transforms.estimators.production.levinsohn_petrin import levinsohn_petrin
from haiguan.transforms.estimators.production.olley_pakes import olley_pakes
from haiguan.transforms.estimators.production.panel import ProductionColumns
from haiguan.transforms.estimators.production.wooldridge import wooldridge

FIRMS, YEARS, BOOTSTRAP = 500, 8, 50
INPUTS: dict[str, Any] = {"free": ("labour",), "state": ("capital",)}


def production(estimator: Callable, proxy: str, *, leave: bool = False, survival: str | None = None) -> Model:
    """Both elasticities by one estimator, errors by the firm bootstrap or, where it has them, its own."""
    years = ("year",) if leave else ()
    columns = ProductionColumns("firm", "year", "output", **INPUTS, proxy=proxy, dummies=years)
    asked = {"survival": survival} if survival else {}

    def model(rng: np.random.Generator) -> tuple[Interval, ...]:
        firms = example_firms(FIRMS, YEARS, seed=int(rng.integers(1 << 30)), leave=leave)
        found = estimator(firms, columns, **asked)
        fit = found.estimates or bootstrap(found, draws=BOOTSTRAP).estimates
        return around(fit, "labour", LABOUR), around(fit, "capital", CAPITAL)

    return model


LINES: dict[Model, tuple[str, ...]] = {
    production(estimator, proxy, **asked): (f"{name}, labour", f"{name}, capital")
    for name, estimator, proxy, asked in (
        ("Olley-Pakes with exit", olley_pakes, "investment", {"leave": True, "survival": "survival"}),
        ("Olley-Pakes, exit ignored", olley_pakes, "investment", {"leave": True}),
        ("Levinsohn-Petrin", levinsohn_petrin, "materials", {}),
        ("Ackerberg-Caves-Frazer", ackerberg_caves_frazer, "materials", {}),
        ("Wooldridge", wooldridge, "materials", {}),
    )
}
