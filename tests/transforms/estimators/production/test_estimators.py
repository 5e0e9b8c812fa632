"""The four estimators of production functions on planted truth, and what must not change them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.production.ackerberg_caves_frazer import ackerberg_caves_frazer
from haiguan.transforms.estimators.production.bootstrap import bootstrap
from haiguan.transforms.estimators.production.example import example_firms
from haiguan.transforms.estimators.production.levinsohn_petrin import levinsohn_petrin
from haiguan.transforms.estimators.production.olley_pakes import olley_pakes
from haiguan.transforms.estimators.production.panel import ProductionColumns
from haiguan.transforms.estimators.production.wooldridge import wooldridge

MATERIALS = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
INVESTMENT = replace(MATERIALS, proxy="investment")
BY_YEAR = replace(INVESTMENT, dummies=("year",))
ALL = [
    pytest.param(lambda frame: olley_pakes(frame, INVESTMENT), id="Olley-Pakes"),
    pytest.param(lambda frame: levinsohn_petrin(frame, MATERIALS), id="Levinsohn-Petrin"),
    pytest.param(lambda frame: ackerberg_caves_frazer(frame, MATERIALS), id="Ackerberg-Caves-Frazer"),
    pytest.param(lambda frame: wooldridge(frame, MATERIALS), id="Wooldridge"),
]


@pytest.fixture(scope="module")
def staying() -> pd.DataFrame:
    return example_firms(firms=1000, years=8, seed=3, leave=False)


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    return example_firms(firms=150, years=6, seed=5, leave=False)


@pytest.mark.parametrize("estimate", ALL)
def test_the_planted_coefficients_and_productivity_are_recovered(estimate, staying):
    function = estimate(staying)
    assert function.coefficients["labour"] == pytest.approx(0.6, abs=0.09)
    assert function.coefficients["capital"] == pytest.approx(0.4, abs=0.06)
    assert function.rows["anticipated_productivity"].corr(staying["productivity"]) > 0.98
    assert function.rows["first_stage_residual"].std() == pytest.approx(0.1, rel=0.05)


def test_firms_that_leave_bias_capital_down_unless_exit_is_corrected_for():
    corrected, uncorrected = [], []
    for seed in range(3):
        firms = example_firms(firms=2000, seed=seed)
        corrected.append(olley_pakes(firms, BY_YEAR, survival="survival").coefficients["capital"])
        uncorrected.append(olley_pakes(firms, BY_YEAR).coefficients["capital"])
    assert np.mean(corrected) == pytest.approx(0.4, abs=0.03)
    assert max(uncorrected) < 0.32


def test_the_spurious_solution_is_named_and_not_taken(staying):
    # Labour is .6 omega + .3 capital - wage: at .6 + 1/.6 and .4 - .5 the "productivity" is the wage.
    function = ackerberg_caves_frazer(staying, MATERIALS)
    (warning,) = [text for text in function.warnings if "solutions" in text]
    others = [
        [float(value) for value in pair.split(", ")] for pair in warning.split(" are ")[1].split(" (")[0].split("; ")
    ]
    assert any(abs(labour - 2.267) < 0.4 and abs(capital + 0.1) < 0.2 for labour, capital in others)


def test_a_planted_translog_is_recovered(staying):
    labour, capital = staying["labour"], staying["capital"]
    bend = 0.04 * labour**2 - 0.05 * labour * capital + 0.03 * capital**2
    function = ackerberg_caves_frazer(staying.assign(output=staying["output"] + bend), MATERIALS, order=2)
    assert list(function.coefficients.index) == ["labour", "capital", "labour^2", "labour:capital", "capital^2"]
    planted = 0.4 - 0.05 * labour + 0.06 * capital
    assert (function.rows["elasticity_capital"] - planted).abs().mean() < 0.08
    assert function.rows["elasticity_labour"].mean() == pytest.approx(
        (0.6 + 0.08 * labour - 0.05 * capital).mean(), abs=0.12
    )


def gross_output_firms(firms: int = 3000, years: int = 8) -> pd.DataFrame:
    """Materials are an input and have a persistent price of their own, which alone identifies their coefficient."""
    draw = np.random.default_rng(11)
    frame = example_firms(firms=firms, years=years, seed=4, leave=False)
    price = np.empty(len(frame))
    shocks = draw.normal(0, 0.5, (firms, years))
    for year in range(years):
        shocks[:, year] += 0.8 * shocks[:, year - 1] if year else 0
    price[:] = shocks.ravel()
    materials = 3 + 0.4 * frame["capital"] + frame["productivity"] - price
    output = 0.25 * frame["labour"] + 0.2 * frame["capital"] + 0.5 * materials + frame["productivity"]
    return frame.assign(materials=materials, price=price, output=output + draw.normal(0, 0.1, len(frame)))


def test_materials_as_an_input_are_estimated_in_the_second_stage():
    columns = ProductionColumns("firm", "year", "output", ("labour", "materials"), ("capital",), "investment")
    found = ackerberg_caves_frazer(gross_output_firms(), columns).coefficients
    assert found.to_dict() == pytest.approx({"labour": 0.25, "materials": 0.5, "capital": 0.2}, abs=0.1)


def test_levinsohn_and_petrin_with_materials_as_input_keep_the_order_of_the_inputs(staying):
    # Materials that follow productivity and capital exactly: lagged materials are their only instrument.
    gross = staying.assign(output=staying["output"] + 0.3 * staying["materials"])
    columns = replace(MATERIALS, free=("materials", "labour"))
    function = levinsohn_petrin(gross, columns)
    assert list(function.coefficients.index) == ["materials", "labour", "capital"]
    assert function.coefficients["labour"] == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize("estimate", ALL)
def test_the_order_of_rows_and_the_names_of_firms_change_nothing(estimate, small):
    plain = estimate(small)
    renamed = small.assign(firm="f" + small["firm"].astype(str)).sample(frac=1, random_state=1)
    other = estimate(renamed)
    np.testing.assert_allclose(other.coefficients, plain.coefficients, rtol=1e-6)
    np.testing.assert_allclose(
        other.rows["productivity"].reindex(small.index), plain.rows["productivity"], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("estimate", ALL)
def test_units_change_nothing_but_the_level_of_productivity(estimate, small):
    scaled = small.assign(
        output=small["output"] + np.log(1000), capital=small["capital"] - np.log(10), materials=small["materials"] + 7
    )
    np.testing.assert_allclose(estimate(scaled).coefficients, estimate(small).coefficients, rtol=1e-5)


@pytest.mark.parametrize("estimate", ALL)
def test_a_firm_of_weight_two_is_two_firms(estimate, small):
    counts = np.random.default_rng(2).multinomial(150, np.full(150, 1 / 150))
    copies = [
        small[small["firm"] == firm].assign(firm=f"{firm}-{copy}")
        for firm, count in enumerate(counts)
        for copy in range(count)
    ]
    weighted = estimate(small).refit(counts[small["firm"]].astype(float))
    np.testing.assert_allclose(estimate(pd.concat(copies)).coefficients, weighted, rtol=1e-4, atol=1e-5)


def test_exit_correction_weighs_firms_too():
    firms = example_firms(firms=300, seed=8)
    counts = np.random.default_rng(2).integers(0, 3, 300)
    copies = [firms[firms["firm"] == f].assign(firm=f"{f}-{c}") for f, count in enumerate(counts) for c in range(count)]
    weighted = olley_pakes(firms, BY_YEAR, survival="survival").refit(counts[firms["firm"]].astype(float))
    copied = olley_pakes(pd.concat(copies), BY_YEAR, survival="survival")
    np.testing.assert_allclose(copied.coefficients, weighted, rtol=1e-4)


def test_year_effects_on_output_are_taken_out_by_dummies(small):
    shifted = small.assign(output=small["output"] + 0.5 * (small["year"] % 3))
    for estimate, columns in ((levinsohn_petrin, MATERIALS), (olley_pakes, INVESTMENT), (wooldridge, MATERIALS)):
        with_dummies = replace(columns, dummies=("year",))
        plain, other = estimate(small, with_dummies), estimate(shifted, with_dummies)
        np.testing.assert_allclose(other.coefficients, plain.coefficients, rtol=1e-5)


def test_bootstrap_errors_are_those_of_repeated_samples():
    estimates = [
        levinsohn_petrin(example_firms(firms=200, years=6, seed=seed, leave=False), MATERIALS).coefficients
        for seed in range(80)
    ]
    samples = [example_firms(firms=200, years=6, seed=seed, leave=False) for seed in range(100, 104)]
    errors = [
        bootstrap(levinsohn_petrin(sample, MATERIALS), draws=60).estimates.terms["standard_error"] for sample in samples
    ]
    np.testing.assert_allclose(np.mean(errors, axis=0), pd.DataFrame(estimates).std(), rtol=0.3)


def test_wooldridges_analytic_errors_are_those_of_repeated_samples():
    functions = [
        wooldridge(example_firms(firms=200, years=6, seed=seed, leave=False), MATERIALS, degree=2) for seed in range(80)
    ]
    spread = pd.DataFrame([function.coefficients for function in functions]).std()
    errors = pd.DataFrame([function.estimates.terms["standard_error"] for function in functions]).mean()
    np.testing.assert_allclose(errors, spread, rtol=0.25)
    j = np.array([function.statistics["hansen_j"] for function in functions])
    assert j.mean() == pytest.approx(functions[0].statistics["hansen_j_degrees"], rel=0.4)


def test_a_bootstrap_is_repeatable_and_complete(small):
    function = ackerberg_caves_frazer(small, MATERIALS)
    first, again = bootstrap(function, draws=20, seed=7), bootstrap(function, draws=20, seed=7)
    pd.testing.assert_frame_equal(first.draws, again.draws)
    assert not first.estimates.terms.isna().any(axis=None)
    assert first.estimates.clusters == {"firm": 150}
    np.testing.assert_allclose(first.draws.cov(), first.estimates.covariance)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda f: f.rename(columns={"labour": "labor"}), "no column 'labour'; did you mean 'labor'"),
        (lambda f: f.assign(labour=f["labour"].astype(str)), "column 'labour' holds .* where a number belongs"),
        (lambda f: f.assign(labour=f["labour"].where(f.index > 2, -np.inf)), "'labour' holds 3 infinite values"),
        (lambda f: pd.concat([f, f.head(2)]), "2 rows repeat a pair of 'firm' and 'year'"),
        (lambda f: f.assign(capital=1.5), "'capital' does not vary"),
        (lambda f: f.assign(output=1.5), "'output' does not vary"),
        (lambda f: f.assign(capital=2 * f["labour"] - 1), "labour, capital.* are collinear"),
        (lambda f: f.assign(capital=np.nan), "the sample is empty"),
        (lambda f: f.head(0), "the sample is empty"),
        (lambda f: f.head(1), "does not vary"),
        (lambda f: f[f["firm"] == f["firm"].iloc[0]], "cannot|does not vary|collinear"),
        (lambda f: f[f["year"] % 2 == 0], "two consecutive years"),
        (lambda f: f.assign(firm=f["firm"].where(f.index > 0)), "'firm' is missing in 1 rows"),
    ],
)
@pytest.mark.parametrize("estimate", ALL)
def test_bad_panels_are_refused_by_name(estimate, small, spoil, complaint):
    columns = {"labour", "capital", "firm"}
    assert columns <= set(small)
    with pytest.raises(InputError, match=complaint):
        estimate(spoil(small))


def test_rows_with_missing_values_are_left_out_and_counted(small):
    function = levinsohn_petrin(small.assign(labour=small["labour"].where(small.index >= 10)), MATERIALS)
    assert function.panel.incomplete == 10
    assert "10 rows lack a value" in function.warnings[0]
    assert len(function.rows) == len(small) - 10


def test_misused_proxies_and_fates_are_refused(small):
    with pytest.raises(InputError, match="is an input as well"):
        olley_pakes(small, replace(MATERIALS, free=("labour", "materials")))
    with pytest.raises(InputError, match="proxy and input"):
        wooldridge(small, replace(MATERIALS, free=("labour", "materials")))
    with pytest.raises(InputError, match="only free input"):
        levinsohn_petrin(small, replace(MATERIALS, free=("materials",)))
    with pytest.raises(InputError, match="no exit"):
        olley_pakes(small.assign(survival=1.0), INVESTMENT, survival="survival")
    with pytest.raises(InputError, match="other than 0, 1"):
        olley_pakes(small.assign(survival=2.0), INVESTMENT, survival="survival")
    with pytest.raises(InputError, match="cannot weight"):
        wooldridge(small[small["firm"] < 10], MATERIALS)
    with pytest.raises(InputError, match="at least 20 draws"):
        bootstrap(levinsohn_petrin(small, MATERIALS), draws=5)
