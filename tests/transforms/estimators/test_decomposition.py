"""Theil's indices on published and hand-made numbers, Oaxaca and Blinder against statsmodels and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.oaxaca import OaxacaBlinder

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.decomposition import mean_log_deviation, oaxaca_blinder, theil, theil_by_group

FIVE = pd.Series([1, 2, 3, 4, 10], name="exports")


def test_the_indices_of_five_numbers():
    assert theil(FIVE) == pytest.approx(0.2763636190, abs=1e-10)
    assert mean_log_deviation(FIVE) == pytest.approx(0.2901665765, abs=1e-10)


def test_one_owner_of_all_has_the_largest_index():
    assert theil(pd.Series([0.0, 0, 0, 7])) == pytest.approx(np.log(4))
    assert theil(pd.Series([3.0, 3.0])) == 0


@given(
    st.lists(
        st.tuples(st.floats(0, 1e6).map(lambda v: round(v, 2)), st.integers(0, 3)), min_size=2, max_size=30
    ).filter(lambda rows: any(value > 0 for value, _ in rows)),
    st.floats(1e-3, 1e3),
)
def test_within_and_between_add_up_and_units_do_not_matter(rows, unit):
    data = pd.DataFrame(rows, columns=["value", "group"])
    found = theil_by_group(data, "value", "group")
    assert found.within + found.between == pytest.approx(found.total, abs=1e-9)
    assert found.between >= -1e-12
    scaled = theil_by_group(data.assign(value=data["value"] * unit).iloc[::-1], "value", "group")
    assert (scaled.total, scaled.within) == pytest.approx((found.total, found.within), abs=1e-9)


def test_unusable_values_are_refused_by_name():
    with pytest.raises(InputError, match="'exports' has 2 missing, infinite or negative"):
        theil(pd.Series([1.0, np.nan, -1.0], name="exports"))
    with pytest.raises(InputError, match="has 1 zeros"):
        mean_log_deviation(pd.Series([0.0, 1.0], name="exports"))
    with pytest.raises(InputError, match="no value above zero"):
        theil(pd.Series([0.0, 0.0], name="exports"))
    with pytest.raises(InputError, match="must hold numbers"):
        theil(pd.Series(["a"], name="exports"))
    with pytest.raises(InputError, match="missing in 1 rows"):
        theil_by_group(pd.DataFrame({"v": [1.0, 2.0], "g": ["a", None]}), "v", "g")


def two_groups(seed: int, n: int = 400) -> pd.DataFrame:
    """Gap 1.7: .8 x 1 by size, .5 of it by its coefficient (mean size 1 in the first group), .4 by the constant."""
    draw = np.random.default_rng(seed)
    second = draw.integers(0, 2, n)
    size = 1 - second + draw.normal(size=n)
    age = draw.normal(size=n)
    exports = 0.4 * (1 - second) + (0.8 + 0.5 * (1 - second)) * size + 0.3 * age + draw.normal(size=n)
    return pd.DataFrame({"west": second, "size": size, "age": age, "exports": exports})


@pytest.mark.parametrize(("reference", "kind"), [("pooled", "pooled"), ("first", 0), ("second", 1)])
def test_the_parts_are_those_of_statsmodels(reference, kind):
    frame = two_groups(3)
    found = oaxaca_blinder(frame, "exports", "west", ["size", "age"], reference=reference).terms["estimate"]
    model = OaxacaBlinder(frame["exports"], frame[["west", "size", "age"]], "west", hasconst=False, swap=False)
    if kind == "pooled":
        unexplained, explained, gap = model.two_fold(two_fold_type="pooled").params
    else:
        weight = 1.0 - kind
        unexplained, explained, gap = model.two_fold(two_fold_type="self_submitted", submitted_weight=weight).params
    expected = {"difference": gap, "explained": explained, "unexplained": unexplained}
    assert found[list(expected)].to_dict() == pytest.approx(expected, abs=1e-8)


def test_parts_by_regressor_add_up():
    found = oaxaca_blinder(two_groups(4), "exports", "west", ["size", "age"]).terms["estimate"]
    for part in ("explained", "unexplained"):
        detail = found[[f"{part}: {name}" for name in ("size", "age", "constant")]]
        assert detail.sum() == pytest.approx(found[part])
    assert found["explained"] + found["unexplained"] == pytest.approx(found["difference"])


@pytest.mark.parametrize("reference", ["pooled", "second"])
def test_errors_are_those_of_repeated_samples(reference):
    found = [
        oaxaca_blinder(two_groups(s), "exports", "west", ["size", "age"], reference=reference).terms for s in range(150)
    ]
    estimates = np.array([terms["estimate"] for terms in found])
    errors = np.mean([terms["standard_error"] for terms in found], axis=0)
    # The unexplained part of age is a product of two zeros, where linearisation fails: only the terms before it.
    np.testing.assert_allclose(errors[:5], estimates.std(axis=0)[:5], rtol=0.25)
    if reference == "second":
        np.testing.assert_allclose(estimates[:, :3].mean(axis=0), [1.7, 0.8, 0.9], atol=0.05)


def test_clusters_sum_the_influence_and_rows_may_come_in_any_order():
    doubled = pd.concat([two_groups(5).assign(firm=range(400))] * 2)
    single = oaxaca_blinder(two_groups(5).assign(firm=range(400)), "exports", "west", ["size"], clusters=["firm"]).terms
    clustered = oaxaca_blinder(
        doubled.sample(frac=1, random_state=1), "exports", "west", ["size"], clusters=["firm"]
    ).terms
    pd.testing.assert_frame_equal(clustered, single, rtol=1e-9)


def test_bad_groups_are_refused():
    frame = two_groups(6)
    with pytest.raises(InputError, match="has 1 values"):
        oaxaca_blinder(frame.assign(west=1), "exports", "west", ["size"])
    with pytest.raises(InputError, match="does not vary within one of the groups"):
        oaxaca_blinder(frame.assign(size=frame["west"]), "exports", "west", ["size"])
