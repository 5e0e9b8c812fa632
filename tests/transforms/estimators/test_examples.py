"""The worked examples in the docstrings of the estimators run, and every public estimator has one."""

from __future__ import annotations

import doctest
import importlib
import inspect

import pytest

from haiguan.transforms.estimators import (
    demean,
    design,
    figures,
    instruments,
    linear,
    naming,
    regression_table,
    result,
    sample_filter,
    singletons,
    small_sample,
    specification,
    variables,
    wild_bootstrap,
)

MODULES = (
    demean, design, figures, instruments, linear, naming, regression_table, result, sample_filter, singletons,
    small_sample, specification, variables, wild_bootstrap,
)  # fmt: skip
ESTIMATORS = ("linear.least_squares", "instruments.two_stage_least_squares", "wild_bootstrap.wild_cluster_bootstrap")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_examples_run(module):
    outcome = doctest.testmod(module)
    assert outcome.failed == 0


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_has_an_example(name):
    module, _, function = name.partition(".")
    found = getattr(importlib.import_module(f"haiguan.transforms.estimators.{module}"), function)
    assert ">>> " in (inspect.getdoc(found) or "")
