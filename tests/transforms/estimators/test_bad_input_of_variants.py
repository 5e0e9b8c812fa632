"""Bad input with what estimators offer beside their defaults: other errors, more instruments, draws, correlations."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.correlation import correlation_table, variance_inflation
from haiguan.transforms.estimators.grouped_two_step import grouped_two_step
from haiguan.transforms.estimators.instrumented_equation import instrumented_equation
from haiguan.transforms.estimators.instruments import two_stage_least_squares
from haiguan.transforms.estimators.kinky_least_squares import kinky_least_squares
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.mediation import mediation
from haiguan.transforms.estimators.plausibly_exogenous import sensitivity_curve, with_union_of_intervals
from haiguan.transforms.estimators.probit import probit
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.spatial import Conley, DriscollKraay
from haiguan.transforms.estimators.wild_bootstrap import BootstrapTest, wild_cluster_bootstrap


def panel() -> pd.DataFrame:
    draw = np.random.default_rng(13)
    frame = pd.DataFrame({"firm": np.repeat(np.arange(40), 6), "year": np.tile(np.arange(2000, 2006), 40)})
    frame["city"], frame["west"] = frame["firm"] % 10, frame["firm"] % 2
    for name in ("x", "w", "z", "second", "e"):
        frame[name] = draw.normal(size=len(frame))
    frame["x"] += 0.8 * frame["z"] + 0.4 * frame["second"] + 0.4 * frame["e"]
    frame["y"] = 0.5 * frame["x"] - 0.3 * frame["w"] + frame["e"]
    frame["entry"] = (frame["y"] > 0).astype(float)
    frame["access"] = draw.normal(size=10)[frame["city"]]
    return frame.assign(latitude=30 + 0.5 * frame["city"], longitude=110.0 + frame["city"], weight=1.0 + frame["west"])


def instrumented(frame: pd.DataFrame):
    return instrumented_equation(frame, "y", ["w"], ["x"], ["z"], fixed_effects=["firm"], clusters=["city"])


Answer = Estimates | BootstrapTest | pd.DataFrame
PLACES = Conley("latitude", "longitude", 100)
CITY = {"clusters": ["city"]}
VARIANTS: dict[str, Callable[[pd.DataFrame], Answer]] = {
    "Conley": lambda f: least_squares(f, "y", ["x", "w"], covariance=PLACES),
    "Driscoll-Kraay": lambda f: least_squares(f, "y", ["x", "w"], covariance=DriscollKraay("year")),
    "two-way": lambda f: least_squares(f, "y", ["x", "w"], clusters=["city", "year"]),
    "weighted": lambda f: least_squares(f, "y", ["x", "w"], weights="weight", **CITY),
    "two instruments": lambda f: two_stage_least_squares(f, "y", ["w"], ["x"], ["z", "second"], **CITY),
    "union of intervals": lambda f: with_union_of_intervals(instrumented(f), {"z": (-0.1, 0.1)}),
    "sensitivity": lambda f: sensitivity_curve(instrumented(f), "x", [0.0, 0.1]),
    "wild bootstrap": lambda f: wild_cluster_bootstrap(f, "y", ["x", "w"], "x", cluster="city", draws=99),
    "grouped quantile": lambda f: grouped_two_step(f, "y", "firm", ["access"], quantile=0.5, **CITY),
    "grouped quantile of x": lambda f: grouped_two_step(
        f, "y", "city", ["access"], individual_regressors=["x"], quantile=0.5
    ),
    "correlation": lambda f: correlation_table(f, ["y", "x", "w"]),
    "rank correlation": lambda f: correlation_table(f, ["y", "x", "w"], method="spearman"),
    "variance inflation": lambda f: variance_inflation(f, ["y", "x", "w"]),
    "parametric kinky": lambda f: kinky_least_squares(
        f, "y", "x", ["w"], correlations=[0.1], covariance="parametric"
    ).at(0.1),
    "probit with a product": lambda f: probit(f, "entry", ["x", "w", "x:w"], dummies=["year"], **CITY),
    "mediation with draws": lambda f: mediation(f, "y", "x", "z", controls=["w"], draws=20, **CITY).equation,
}
CASES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "infinite": lambda f: f.assign(x=np.inf),
    "text": lambda f: f.assign(x="text"),
    "missing": lambda f: f.assign(x=np.nan),
    "no variation": lambda f: f.assign(x=1.0),
    "outcome without variation": lambda f: f.assign(y=1.0, entry=1.0),
    "collinear": lambda f: f.assign(w=2 * f["x"] - 1),
    "outcome is the regressor": lambda f: f.assign(y=f["x"]),
    "regressors determine the outcome": lambda f: f.assign(y=f["x"] + f["w"]),
    "groups missing": lambda f: f.assign(**f[["city", "year", "latitude"]].where(f["firm"] > 3)),
    "one cluster": lambda f: f.assign(city=1, latitude=30.0, longitude=110.0),
    "one period": lambda f: f[f["year"] == 2000],
    "two clusters": lambda f: f.assign(city=f["west"]),
    "empty": lambda f: f.head(0),
    "one row": lambda f: f.head(1),
    "three rows": lambda f: f.iloc[[0, 1, 7]],
    "coordinates in words": lambda f: f.assign(latitude="north"),
    "coordinates without end": lambda f: f.assign(latitude=np.inf),
    "negative weights": lambda f: f.assign(weight=-1.0),
    "no weights": lambda f: f.assign(weight=0.0),
    "instrument without variation": lambda f: f.assign(z=1.0),
    "instruments that are copies": lambda f: f.assign(second=2 * f["z"]),
}


def numbers(answer: Answer) -> Iterator[float]:
    if isinstance(answer, BootstrapTest):
        yield from (answer.statistic, answer.p_value)
    elif isinstance(answer, pd.DataFrame):
        yield from answer.select_dtypes("number").to_numpy().ravel()
    else:
        yield from answer.terms.to_numpy().ravel()
        yield from answer.covariance.to_numpy().ravel()
        yield from answer.statistics.values()
        for other in answer.related.values():
            yield from numbers(other)


def answered(variant: str, frame: pd.DataFrame) -> str:
    """The sentences that a user reads; never a NaN, never an error of another kind."""
    with np.errstate(all="ignore"):
        try:
            answer = VARIANTS[variant](frame)
        except InputError as error:
            return " ".join(error.faults)
    assert not np.isnan(list(numbers(answer))).any()
    return " ".join(getattr(answer, "warnings", ()))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_case_ends_in_numbers_or_a_sentence(variant, case):
    answered(variant, CASES[case](panel()))


@pytest.mark.parametrize(
    ("variant", "case", "sentence"),
    [
        ("Conley", "groups missing", "Conley errors need 'latitude' and 'longitude', in degrees"),
        ("Conley", "coordinates in words", "Conley errors need 'latitude' and 'longitude', in degrees"),
        ("Conley", "coordinates without end", "Conley errors need 'latitude' and 'longitude', in degrees"),
        ("Driscoll-Kraay", "groups missing", "need whole numbers in 'year'"),
        ("Driscoll-Kraay", "one period", "'year' has one in the sample"),
        ("two-way", "one period", "'year' has only one cluster"),
        ("weighted", "negative weights", "'weight' are negative"),
        ("two instruments", "two clusters", "Only 2 clusters for 2 instruments"),
        ("two instruments", "outcome is the regressor", "determine the outcome exactly"),
        ("two instruments", "instruments that are copies", "second was left out: it is collinear"),
        ("union of intervals", "outcome is the regressor", "determine the outcome exactly"),
        ("wild bootstrap", "three rows", "3 observations cannot carry 3 parameters"),
        ("wild bootstrap", "one cluster", "'city' has only one cluster"),
        ("correlation", "infinite", "'x'"),
        ("rank correlation", "no variation", "'x'"),
        ("variance inflation", "text", "'x'"),
        ("parametric kinky", "regressors determine the outcome", "determine 'y' exactly"),
    ],
)
def test_the_sentence_names_column_and_reason(variant, case, sentence):
    assert sentence in answered(variant, CASES[case](panel()))


@pytest.mark.parametrize("variant", VARIANTS)
def test_good_input_gives_numbers(variant):
    assert "left out" not in answered(variant, panel())
    assert "cannot" not in answered(variant, panel())
