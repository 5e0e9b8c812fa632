"""The wild cluster bootstrap: its statistic, and effects partialled out or as dummies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.wild_bootstrap import DRAWS_AT_ONCE, _wild_bootstrap, wild_cluster_bootstrap


def clustered(seed: int, effect: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"city": np.repeat(np.arange(12), 20), "year": np.tile(np.arange(10), 24)})
    frame["firm"] = np.arange(240) // 5
    frame["x"] = rng.normal(size=12)[frame["city"]] + rng.normal(size=240)
    frame["y"] = effect * frame["x"] + rng.normal(size=12)[frame["city"]] + rng.normal(size=240)
    return frame


def test_statistic_is_the_clustered_t():
    frame = clustered(1)
    test = wild_cluster_bootstrap(frame, "y", ["x"], "x", cluster="city", draws=99)
    fit = least_squares(frame, "y", ["x"], clusters=["city"])
    assert test.statistic == pytest.approx(fit.terms.loc["x", "statistic"], rel=1e-9)


def test_nested_effects_partialled_out_are_dummies():
    frame = clustered(2, effect=0.2)
    dummies = pd.get_dummies(frame["firm"], prefix="d", dtype=float).iloc[:, 1:]
    arguments = {"cluster": "city", "draws": 999, "seed": 1, "signs": "webb"}
    absorbed = wild_cluster_bootstrap(frame, "y", ["x"], "x", fixed_effects=["firm", "year"], **arguments)
    wide = pd.concat([frame, dummies], axis=1)
    explicit = wild_cluster_bootstrap(wide, "y", ["x", *dummies.columns], "x", fixed_effects=["year"], **arguments)
    assert absorbed.p_value == explicit.p_value


def test_an_effect_is_found_and_none_is_not():
    strong = wild_cluster_bootstrap(clustered(3, effect=1.0), "y", ["x"], "x", cluster="city", draws=999)
    none = wild_cluster_bootstrap(clustered(3), "y", ["x"], "x", cluster="city", draws=999)
    assert strong.p_value < 0.01 < 0.05 < none.p_value


def test_variances_of_the_draws_are_the_librarys():
    frame = clustered(4)
    matrix = np.column_stack([np.ones(len(frame)), frame[["x", "year"]]])
    boot = _wild_bootstrap(frame["y"].to_numpy(), matrix, 1, frame["city"].to_numpy(), 2 * DRAWS_AT_ONCE, 1, "webb")
    ours = boot.denom
    boot.get_denom()
    np.testing.assert_allclose(ours, boot.denom, rtol=1e-12)


def test_same_seed_same_answer():
    tests = [wild_cluster_bootstrap(clustered(5), "y", ["x"], "x", cluster="city", draws=499) for _ in range(2)]
    assert tests[0] == tests[1]


def test_unknown_term_is_named():
    with pytest.raises(InputError, match="no regressor 'z'"):
        wild_cluster_bootstrap(clustered(1), "y", ["x"], "z", cluster="city")


def test_too_many_dummies_are_refused():
    frame = pd.concat([clustered(seed).assign(block=seed) for seed in range(10)]).reset_index(drop=True)
    frame["pair"] = np.arange(len(frame)) % 1201
    with pytest.raises(InputError, match=r"1,199 dummies"):
        wild_cluster_bootstrap(frame, "y", ["x"], "x", cluster="city", fixed_effects=["pair"])
