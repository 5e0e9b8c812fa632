"""Every public estimator has a worked example in its docstring, and every example runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pandas as pd
import pytest

from haiguan.transforms import estimators
from haiguan.transforms.estimators import production

MODULES = [
    module.name
    for package in (estimators, production)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    if not module.ispkg
]
# What an analyst calls with a frame or with estimates; the rest of the modules serves them.
INNER = {
    "build_design", "codes_of", "values_of", "complete_rows", "response_design", "regress", "second_stage",
    "first_stages", "with_identification", "identification_statistics", "anderson_rubin", "factor_of",
    "moment_meat", "rank_statistics", "effective_f", "overidentification", "meat", "groups", "covariance_of",
    "estimates_of", "conley_meat", "driscoll_kraay_meat", "production_panel", "with_tests", "levels_of",
    "estimate_columns", "estimate_column", "estimates_as_data", "untested", "example_firms", "average_effects",
    "contribution", "cobb_douglas", "with_columns_made", "sample_of", "path_of", "instrumented_column",
    "kinky_column", "draw_figures", "plots_of", "draw_terms", "path_plot", "binned_plot", "effect_plot",
    "interval_plot", "obstacle",
}  # fmt: skip
# Their examples need a session: test_by_industry runs them.
OF_SPARK = {"coefficients_by_industry", "productivity_by_industry"}


def public_estimators() -> dict[str, str]:
    """Docstrings by name of the public functions that take a frame, a fitted model or estimates."""
    found = {}
    for name in MODULES:
        module = importlib.import_module(name)
        for function in vars(module).values():
            own = inspect.isfunction(function) and function.__module__ == name and not function.__name__.startswith("_")
            if own and function.__name__ not in INNER and _takes_data(function):
                found[f"{name.removeprefix(estimators.__name__ + '.')}.{function.__name__}"] = inspect.getdoc(function)
    return found


def _takes_data(function: object) -> bool:
    given = ("DataFrame", "Series", "Estimates", "BinaryResponse", "InstrumentedEquation", "ProductionFunction", "Path")
    annotations = {name: kind for name, kind in inspect.get_annotations(function).items() if name != "return"}
    return any(str(kind).removeprefix("pd.").startswith(given) for kind in annotations.values())


def test_there_are_estimators():
    assert pd.Series(list(public_estimators())).str.contains("least_squares|probit|olley_pakes").sum() >= 5


@pytest.mark.parametrize("name", public_estimators())
def test_every_estimator_has_an_example(name):
    assert ">>> " in (public_estimators()[name] or "")


@pytest.mark.parametrize("name", MODULES, ids=lambda name: name.rpartition(".")[2])
def test_worked_examples_hold(name):
    examples = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
    runner = doctest.DocTestRunner()
    for example in examples:
        if example.name.rpartition(".")[2] not in OF_SPARK:
            runner.run(example)
    assert runner.failures == 0
