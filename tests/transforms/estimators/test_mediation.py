"""Mediation: identities that hold exactly, planted channels, and errors against repeated samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.mediation import mediation


def panel(seed: int, firms: int = 120, years: int = 5) -> pd.DataFrame:
    """Access raises inputs by .5, inputs raise exports by .6, access itself exports by .2."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"firm": np.repeat(np.arange(firms), years), "year": np.tile(np.arange(years), firms)})
    level = np.repeat(draw.normal(size=firms), years)
    frame["size"] = draw.normal(size=len(frame))
    frame["access"] = level + 0.3 * frame["size"] + draw.normal(size=len(frame))
    frame["inputs"] = 0.5 * frame["access"] + level + draw.normal(size=len(frame))
    exports = 0.2 * frame["access"] + 0.6 * frame["inputs"] + 0.1 * frame["size"] + level
    return frame.assign(exports=exports + draw.normal(size=len(frame)))


ASKED = {"controls": ["size"], "fixed_effects": ["firm", "year"], "clusters": ["firm"]}


def test_total_is_direct_plus_indirect_exactly():
    frame = panel(1)
    frame.loc[::7, "inputs"] = np.nan
    effects = mediation(frame, "exports", "access", "inputs", **ASKED, draws=0).effects["estimate"]
    assert effects["total"] == pytest.approx(effects["direct"] + effects["indirect"], abs=1e-9)


def test_sobels_error_is_the_formula():
    frame = panel(2)
    found = mediation(frame, "exports", "access", "inputs", **ASKED, draws=0)
    first = least_squares(frame, "inputs", ["access", "size"], fixed_effects=["firm", "year"], clusters=["firm"])
    second = least_squares(
        frame, "exports", ["access", "inputs", "size"], fixed_effects=["firm", "year"], clusters=["firm"]
    )
    a, sa = first.terms.loc["access", ["estimate", "standard_error"]]
    b, sb = second.terms.loc["inputs", ["estimate", "standard_error"]]
    row = found.effects.loc["indirect"]
    assert row["statistic"] == pytest.approx(a * b / np.sqrt(a**2 * sb**2 + b**2 * sa**2), rel=1e-10)
    assert found.indirect_share == pytest.approx(a * b / found.effects.loc["total", "estimate"], rel=1e-10)


def test_planted_channels_are_recovered_with_honest_errors():
    found = [mediation(panel(seed), "exports", "access", "inputs", **ASKED, draws=100) for seed in range(60)]
    indirect = np.array([f.effects.loc["indirect", "estimate"] for f in found])
    assert indirect.mean() == pytest.approx(0.3, abs=0.01)
    assert np.mean([f.effects.loc["direct", "estimate"] for f in found]) == pytest.approx(0.2, abs=0.02)
    for errors in (
        [f.effects.loc["indirect", "standard_error"] for f in found],
        [f.bootstrap["standard_error"] for f in found],
    ):
        assert np.mean(errors) == pytest.approx(indirect.std(ddof=1), rel=0.25)
    covered = [f.bootstrap["ci_low"] < 0.3 < f.bootstrap["ci_high"] for f in found]
    assert np.mean(covered) > 0.85


def test_order_of_rows_does_not_matter_and_scaling_scales():
    frame = panel(3)
    plain = mediation(frame, "exports", "access", "inputs", **ASKED, draws=50)
    shuffled = mediation(frame.sample(frac=1, random_state=1), "exports", "access", "inputs", **ASKED, draws=50)
    np.testing.assert_allclose(shuffled.bootstrap, plain.bootstrap, rtol=1e-6)
    scaled = mediation(frame.assign(inputs=frame["inputs"] * 1000), "exports", "access", "inputs", **ASKED, draws=0)
    np.testing.assert_allclose(scaled.effects, plain.effects, rtol=1e-7, atol=1e-12)


def test_an_absorbed_treatment_is_refused():
    frame = panel(4).assign(city=lambda f: f["firm"] % 7.0)
    with pytest.raises(InputError, match="'city' has no coefficient"):
        mediation(frame, "exports", "city", "inputs", controls=["size"], fixed_effects=["firm"], draws=0)
