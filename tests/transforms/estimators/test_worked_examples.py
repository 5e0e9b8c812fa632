"""The worked examples in the docstrings of production functions, channels, decompositions and permutations."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from haiguan.transforms import estimators
from haiguan.transforms.estimators import production

SINGLE = (
    "correlation", "decomposition", "event_study", "grouped_two_step", "mediation", "placebo", "poisson", "quantile",
)  # fmt: skip
MODULES = [
    *(f"{estimators.__name__}.{name}" for name in SINGLE),
    *(f"{production.__name__}.{module.name}" for module in pkgutil.iter_modules(production.__path__)),
]


@pytest.mark.parametrize("name", MODULES)
def test_worked_examples_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
