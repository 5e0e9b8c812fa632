"""The worked examples in the docstrings of the estimators."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from haiguan.transforms import estimators

MODULES = [module.name for module in pkgutil.walk_packages(estimators.__path__, f"{estimators.__name__}.")]


@pytest.mark.parametrize("name", MODULES)
def test_worked_examples_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
