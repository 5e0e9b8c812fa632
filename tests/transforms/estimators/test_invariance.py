"""No estimator depends on the order of rows, on units, on the hash seed or on the number of threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import every_estimator as program
import numpy as np
import pytest

from haiguan.transforms.estimators.specification import EstimatorName

PROGRAM = Path(program.__file__)
UNITS = 1000
OF_X = ("b x", "se x", "anderson_rubin_low", "anderson_rubin_high", "union_low", "union_high")
THREADS = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
NAMES = [*program.COLUMNS, "numbers", "placebo", "lagged responses", "markups", "Theil", "correlations",
         "variance inflation", "bins"]  # fmt: skip


def run(seed: str, threads: str) -> dict[str, dict[str, float]]:
    settings = {**os.environ, "PYTHONHASHSEED": seed, **dict.fromkeys(THREADS, threads)}
    made = subprocess.run([sys.executable, PROGRAM], env=settings, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return {name: {k: float.fromhex(v) for k, v in part.items()} for name, part in json.loads(made.stdout).items()}


@pytest.fixture(scope="module")
def plain():
    return run("0", "1")


@pytest.fixture(scope="module")
def reseeded():
    return run("2", "1")


@pytest.fixture(scope="module")
def threaded():
    return run("2", "2")


def texts(found: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {name: {str(key): float(value) for key, value in part.items()} for name, part in found.items()}


@pytest.fixture(scope="module")
def turned():
    return texts(program.every_estimator(program.panel().sample(frac=1, random_state=3)))


@pytest.fixture(scope="module")
def rescaled():
    """x in thousandths of its unit, and so all quantities of production, which are logs."""
    frame = program.panel()
    logs = {name: frame[name] + np.log(UNITS) for name in "output labour capital materials investment".split()}
    return texts(program.every_estimator(frame.assign(x=frame["x"] * UNITS, **logs)))


def test_every_estimator_is_among_them(plain):
    assert set(get_args(EstimatorName)) <= set(program.COLUMNS)
    assert list(plain) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_hash_seed_does_not_matter(name, plain, reseeded):
    assert reseeded[name] == plain[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_threads_does_not_matter(name, plain, threaded):
    agree(threaded[name], plain[name], 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_rows_does_not_matter(name, plain, turned):
    agree(turned[name], plain[name], 1e-6)


def agree(found: dict[str, float], expected: dict[str, float], tolerance: float) -> None:
    assert found.keys() == expected.keys()
    values = np.array([list(found.values()), list(expected.values())])
    np.testing.assert_allclose(values[0], values[1], rtol=tolerance, atol=1e-9, err_msg=", ".join(found))


@pytest.mark.parametrize("name", NAMES)
def test_units_do_not_matter(name, plain, rescaled):
    expected = {key: value * float(UNITS) ** power_of_unit(name, key) for key, value in plain[name].items()}
    agree(rescaled[name], expected, 1e-5)


def power_of_unit(name: str, key: str) -> int:
    """What a number is multiplied with where x is told in thousandths of its unit: that to this power."""
    if name in ("placebo", "lagged responses"):
        return -1 if any(told in key for told in ("'estimate'", "'standard_error'", "'ci_low'", "'ci_high'")) else 0
    if name == "bins":
        return 1 if "'regressor'" in key else -1 if "'slope'" in key else 0
    return -1 if key in OF_X else 0
