"""Test rows of a regression table: hypotheses on its coefficients, tests by resampling, and how a column takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field, Tag

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.hypotheses import equality_test, joint_test, with_combination
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.placebo import placebo
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.tagged import Settings, by_key
from haiguan.transforms.estimators.wild_bootstrap import wild_cluster_bootstrap

P_VALUE = ", p-value"
ENDINGS = (", F", ", chi-squared", P_VALUE)


class Combination(Settings):
    """A linear combination, printed as a term with its error: `{combination: {union: 1, union:south: 1}}`."""

    combination: dict[str, float] = Field(min_length=1)


class Jointly(Settings):
    """All of these terms are zero: `{jointly: [union, married]}`; groups and variables stand for their columns."""

    jointly: tuple[str, ...] = Field(min_length=1)


class Equal(Settings):
    """These terms are the same: `{equal: [union, married]}`."""

    equal: tuple[str, ...] = Field(min_length=2)


class WildBootstrap(Settings):
    """The wild cluster bootstrap's p-value of a term (least squares): `{wild_bootstrap: union, cluster: city}`."""

    wild_bootstrap: str
    cluster: str
    draws: int = Field(default=9_999, ge=99)
    seed: int = 20_080_414
    signs: Literal["rademacher", "webb", "mammen"] = "rademacher"


class Permutation(Settings):
    """The p-value by permuting a regressor (least squares): `{permutation: access, blocks: [city]}`.

    Attributes:
        permutation: the regressor dealt out anew.
        blocks: columns whose combinations share its value.
        strata: columns within which it is exchanged.
        draws: number of permutations.
        seed: of the draws.
        by: whether draws are compared by the `estimate` or by the `statistic`.
    """

    permutation: str
    blocks: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    draws: int = Field(default=500, ge=20)
    seed: int = 0
    by: Literal["estimate", "statistic"] = "estimate"


Test = Annotated[
    Annotated[Combination, Tag("combination")]
    | Annotated[Jointly, Tag("jointly")]
    | Annotated[Equal, Tag("equal")]
    | Annotated[WildBootstrap, Tag("wild_bootstrap")]
    | Annotated[Permutation, Tag("permutation")],
    by_key("combination", "jointly", "equal", "wild_bootstrap", "permutation"),
]


@dataclass(frozen=True)
class TestedEquation:
    """What tests by resampling need to run a column's least squares again.

    Attributes:
        outcome: left-hand side.
        regressors: all of them.
        fixed_effects: absorbed.
        clusters: of the errors.
        weights: analytic weights, or None.
        is_least_squares: whether the column is one.
    """

    outcome: str
    regressors: Sequence[str]
    fixed_effects: Sequence[str]
    clusters: Sequence[str]
    weights: str | None
    is_least_squares: bool


def is_test(statistic: str) -> bool:
    """Whether the name of a statistic is one that a test row has given it.

    >>> is_test("All zero, p-value"), is_test("sargan_p_value")
    (True, False)
    """
    return statistic.endswith(ENDINGS)


def columns_of_test(test: Test) -> list[str]:
    """The columns of the data that a test reads beside its column's own."""
    if isinstance(test, WildBootstrap):
        return [test.cluster]
    return [*test.blocks, *test.strata] if isinstance(test, Permutation) else []


def terms_of_test(test: Test, expand: Callable[[Sequence[str]], list[str]]) -> list[str]:
    """The terms that a test is about."""
    match test:
        case Combination():
            return list(test.combination)
        case Jointly():
            return expand(test.jointly)
        case Equal():
            return list(test.equal)
        case WildBootstrap():
            return [test.wild_bootstrap]
        case _:
            return [test.permutation]


def with_tests(
    estimates: Estimates,
    tests: Mapping[str, Test],
    equation: TestedEquation,
    sample: pd.DataFrame,
    expand: Callable[[Sequence[str]], list[str]],
) -> Estimates:
    """The estimates with the tests that they can carry: combinations as terms, the others as statistics.

    A test about terms that this column does not have is left out; of a joint test, the terms it lacks are.

    Args:
        estimates: of the column.
        tests: by label.
        equation: what the column estimated.
        sample: the rows that it estimated on.
        expand: groups and variables to columns.

    Raises:
        InputError: a test by resampling of a column that is not least squares, or that weights cannot go with.
    """
    found = estimates
    for label, test in tests.items():
        terms = [term for term in terms_of_test(test, expand) if term in estimates.terms.index]
        if terms and (isinstance(test, Jointly) or len(terms) == len(terms_of_test(test, expand))):
            found = _with_test(found, label, test, terms, equation, sample)
    return found


def _with_test(
    estimates: Estimates, label: str, test: Test, terms: Sequence[str], equation: TestedEquation, sample: pd.DataFrame
) -> Estimates:
    match test:
        case Combination():
            return with_combination(estimates, label, test.combination)
        case Jointly() | Equal():
            wald = joint_test(estimates, terms) if isinstance(test, Jointly) else equality_test(estimates, terms)
            statistics = {f"{label}, {wald.name}": wald.statistic, label + P_VALUE: wald.p_value}
            return _with_statistics(estimates, statistics)
        case WildBootstrap():
            return _with_statistics(estimates, {label + P_VALUE: _bootstrapped(label, test, equation, sample)})
        case _:
            return _with_statistics(estimates, {label + P_VALUE: _permuted(label, test, equation, sample)})


def _with_statistics(estimates: Estimates, statistics: Mapping[str, float]) -> Estimates:
    return replace(estimates, statistics={**estimates.statistics, **statistics})


def _bootstrapped(label: str, test: WildBootstrap, equation: TestedEquation, sample: pd.DataFrame) -> float:
    _check_least_squares(label, equation)
    if equation.weights:
        raise InputError(f"tests.{label}: the wild cluster bootstrap takes no weights; leave them out of this column.")
    return wild_cluster_bootstrap(
        sample,
        equation.outcome,
        equation.regressors,
        test.wild_bootstrap,
        cluster=test.cluster,
        fixed_effects=equation.fixed_effects,
        draws=test.draws,
        seed=test.seed,
        signs=test.signs,
    ).p_value


def _permuted(label: str, test: Permutation, equation: TestedEquation, sample: pd.DataFrame) -> float:
    _check_least_squares(label, equation)
    found = placebo(
        sample,
        equation.outcome,
        test.permutation,
        controls=[name for name in equation.regressors if name != test.permutation],
        fixed_effects=equation.fixed_effects,
        clusters=equation.clusters,
        weights=equation.weights,
        blocks=test.blocks,
        strata=test.strata,
        draws=test.draws,
        seed=test.seed,
    )
    return found.p_value if test.by == "estimate" else found.p_value_statistic


def _check_least_squares(label: str, equation: TestedEquation) -> None:
    if not equation.is_least_squares:
        raise InputError(f"tests.{label}: only a column of least squares can be drawn again; leave the test out of it.")


def untested(
    tests: Mapping[str, Test], columns: Sequence[Estimates], expand: Callable[[Sequence[str]], list[str]]
) -> list[str]:
    """One sentence per test that no column of a table could carry, with the nearest term."""
    known = list(dict.fromkeys(name for estimates in columns for name in estimates.terms.index))
    carried = {name for estimates in columns for name in (*estimates.terms.index, *estimates.statistics)}
    lost = {label: test for label, test in tests.items() if not carried & {label, label + P_VALUE}}
    return [
        f"tests.{label}: {unknown_name('term', next((t for t in terms if t not in known), terms[0]), known)}"
        for label, test in lost.items()
        for terms in [terms_of_test(test, expand)]
    ]
