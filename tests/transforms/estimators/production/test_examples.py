"""The worked examples in the docstrings of the package."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest
from haiguan.transforms.estimators import production

MODULES = [module.name for module in pkgutil.iter_modules(production.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_worked_examples_hold(name):
    assert doctest.testmod(importlib.import_module(f"{production.__name__}.{name}")).failed == 0
