"""Every case of bad input with every estimator that can meet it: a sentence that names the column, never a NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.decomposition import oaxaca_blinder
from haiguan.transforms.estimators.event_study import event_study, lagged_responses
from haiguan.transforms.estimators.grouped_two_step import grouped_two_step
from haiguan.transforms.estimators.instrumented_equation import instrumented_equation
from haiguan.transforms.estimators.instruments import two_stage_least_squares
from haiguan.transforms.estimators.kinky_least_squares import kinky_least_squares
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.mediation import mediation
from haiguan.transforms.estimators.placebo import placebo
from haiguan.transforms.estimators.plausibly_exogenous import local_to_zero
from haiguan.transforms.estimators.poisson import poisson
from haiguan.transforms.estimators.probit import logit, probit
from haiguan.transforms.estimators.quantile import quantile_regression
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.wild_bootstrap import wild_cluster_bootstrap


def panel() -> pd.DataFrame:
    draw = np.random.default_rng(11)
    frame = pd.DataFrame({"firm": np.repeat(np.arange(40), 6), "year": np.tile(np.arange(2000, 2006), 40)})
    n = len(frame)
    frame["city"], frame["west"] = frame["firm"] % 10, frame["firm"] % 2
    for name in ("x", "w", "z", "e"):
        frame[name] = draw.normal(size=n)
    frame["x"] += 0.8 * frame["z"] + 0.4 * frame["e"]
    frame["y"] = 0.5 * frame["x"] - 0.3 * frame["w"] + frame["e"]
    frame["entry"] = (frame["y"] > 0).astype(float)
    frame["trade"] = draw.poisson(np.exp(0.3 * frame["x"])).astype(float)
    frame["access"] = draw.normal(size=10)[frame["city"]]
    return frame.assign(opened=np.where(frame["firm"] < 20, 2003.0, np.nan))


@dataclass(frozen=True)
class Estimator:
    """How an estimator is called, and which columns play which part."""

    call: Callable[[pd.DataFrame], Estimates]
    outcome: str = "y"
    regressor: str = "x"
    other: str | None = "w"
    instruments: bool = False


CITY = {"clusters": ["city"]}
WITHIN = {"fixed_effects": ["firm"], **CITY}
NAMED = ("y", ["w"], ["x"], ["z"])
ESTIMATORS = {
    "least_squares": Estimator(lambda f: least_squares(f, "y", ["x", "w"], **WITHIN)),
    "two_stage_least_squares": Estimator(lambda f: two_stage_least_squares(f, *NAMED, **WITHIN), instruments=True),
    "plausibly_exogenous": Estimator(
        lambda f: local_to_zero(instrumented_equation(f, *NAMED, **WITHIN), {}, {"z": 0.01}), instruments=True
    ),
    "kinky_least_squares": Estimator(
        lambda f: kinky_least_squares(f, "y", "x", ["w"], correlations=[0.1], **CITY).at(0.1)
    ),
    "probit": Estimator(lambda f: probit(f, "entry", ["x", "w"], **CITY), outcome="entry"),
    "logit": Estimator(lambda f: logit(f, "entry", ["x", "w"], dummies=["year"], **CITY), outcome="entry"),
    "poisson": Estimator(lambda f: poisson(f, "trade", ["x", "w"], **WITHIN), outcome="trade"),
    "quantile_regression": Estimator(lambda f: quantile_regression(f, "y", ["x", "w"], **CITY)),
    "grouped_two_step": Estimator(
        lambda f: grouped_two_step(f, "y", "firm", ["access"], individual_regressors=["x"], **CITY), other=None
    ),
    "event_study": Estimator(
        lambda f: event_study(f, "y", "firm", "year", "opened", window=(-2, 2), controls=["x", "w"], **CITY).equation
    ),
    "lagged_responses": Estimator(
        lambda f: lagged_responses(f, "y", "x", "firm", "year", horizons=[1], controls=["w"], **CITY).estimates[1]
    ),
    "mediation": Estimator(lambda f: mediation(f, "y", "x", "z", controls=["w"], draws=0, **CITY).equation),
    "oaxaca_blinder": Estimator(lambda f: oaxaca_blinder(f, "y", "west", ["x", "w"], **CITY)),
    "placebo": Estimator(lambda f: placebo(f, "y", "x", controls=["w"], draws=20, **CITY).estimates),
}


def numbers(fit: Estimates) -> Iterator[float]:
    yield from fit.terms.to_numpy().ravel()
    yield from fit.covariance.to_numpy().ravel()
    yield from fit.statistics.values()
    for other in fit.related.values():
        yield from numbers(other)


def answer(estimator: Estimator, frame: pd.DataFrame) -> str:
    """The sentences that a user reads; never a NaN, never an error of another kind."""
    try:
        fit = estimator.call(frame)
    except InputError as error:
        return " ".join(error.faults)
    assert not np.isnan(list(numbers(fit))).any()
    return " ".join(fit.warnings)


@pytest.fixture(params=ESTIMATORS)
def estimator(request) -> Estimator:
    return ESTIMATORS[request.param]


def test_good_input_is_answered_without_a_word(estimator):
    assert "city" in answer(estimator, panel())  # Ten clusters are few.
    assert "left out" not in answer(estimator, panel())


@pytest.mark.parametrize("value", [np.inf, "text", np.nan])
@pytest.mark.parametrize("part", ["outcome", "regressor"])
def test_values_that_are_no_numbers(estimator, part, value):
    name = estimator.outcome if part == "outcome" else estimator.regressor
    assert repr(name) in answer(estimator, panel().assign(**{name: value}))


@pytest.mark.parametrize("part", ["outcome", "regressor"])
def test_a_column_without_variation(estimator, part):
    name = estimator.outcome if part == "outcome" else estimator.regressor
    assert name in answer(estimator, panel().assign(**{name: 1.0}))


def test_perfect_collinearity(estimator):
    if estimator.other:
        answered = answer(estimator, panel().assign(w=lambda f: 2 * f["x"] - 1))
        assert "collinear" in answered or "determine" in answered


def test_clusters_that_are_missing_are_counted(estimator):
    holed = panel().assign(city=lambda f: f["city"].astype(float).where(f["firm"] > 3))
    answered = answer(estimator, holed)
    assert "city" in answered
    assert "lack their cluster" in answered or "varies within" in answered or "4 groups" in answered


def test_one_cluster(estimator):
    answered = answer(estimator, panel().assign(city=1))
    assert "city" in answered
    assert "one cluster" in answered


def test_fewer_clusters_than_regressors(estimator):
    answered = answer(estimator, panel().assign(city=lambda f: f["west"]))
    assert "Only 2 clusters of city" in answered or "west" in answered


def test_an_empty_sample(estimator):
    assert any(text in answer(estimator, panel().head(0)) for text in ("sample is empty", "no unit has an event"))


def test_one_row(estimator):
    assert answer(estimator, panel().head(1))


@pytest.mark.parametrize("name", ["x", "city"])
def test_a_column_that_does_not_exist_or_exists_twice(estimator, name):
    renamed = panel().rename(columns={name: f"{name}{name[-1]}"})
    assert f"There is no column {name!r}; did you mean '{name}{name[-1]}'?" in answer(estimator, renamed)
    twice = pd.concat([panel(), panel()[name]], axis=1)
    assert name in answer(estimator, twice)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_extreme_sizes_give_numbers_or_a_reason(estimator, scale):
    with np.errstate(all="ignore"):
        answer(estimator, panel().assign(x=lambda f: f["x"] * scale))


@pytest.mark.parametrize("name", [name for name, estimator in ESTIMATORS.items() if estimator.instruments])
def test_instruments_that_do_not_move_anything(name):
    frame = panel()
    controls = np.column_stack([frame["w"], np.ones(len(frame)), pd.get_dummies(frame["firm"], dtype=float)])
    along = frame["z"] - controls @ np.linalg.lstsq(controls, frame["z"], rcond=None)[0]
    still = frame["x"] - along * (along @ frame["x"]) / (along @ along)
    answered = answer(ESTIMATORS[name], frame.assign(x=still))
    assert "first stage is singular" in answered or "Weak instruments" in answered
    assert "z" in answer(ESTIMATORS[name], frame.assign(z=1.0))
    assert "'z' has 240 infinite values" in answer(ESTIMATORS[name], frame.assign(z=-np.inf))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x": np.inf}, "'x' has 240 infinite values"),
        ({"x": 1.0}, "x was left out"),
        ({"city": 1}, "'city' has only one cluster"),
        ({"y": "text"}, "'y' must hold numbers"),
    ],
)
def test_the_wild_bootstrap_names_the_column(change, reason):
    with pytest.raises(InputError, match=reason):
        wild_cluster_bootstrap(panel().assign(**change), "y", ["x", "w"], "x", cluster="city", draws=99)
