"""A regression table as data: what a YAML file may say, and how its columns inherit.

table: union_wage_premium
data columns are named in: outcome, regressors, fixed_effects, clusters, weights, sample
columns: one entry per column of the table, each inheriting what it does not say
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, Tag, ValidationError, field_validator

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.cluster_ladder import Ladder
from haiguan.transforms.estimators.estimator_settings import (
    Channel,
    Decomposition,
    DirectEffects,
    Event,
    Grouped,
    Kinky,
    Production,
)
from haiguan.transforms.estimators.inference import Covariance
from haiguan.transforms.estimators.inference import columns_read as covariance_columns
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.sample_filter import AllOf, Condition, columns_named
from haiguan.transforms.estimators.small_sample import Convention
from haiguan.transforms.estimators.spatial import Conley, DriscollKraay
from haiguan.transforms.estimators.table_figures import FigureSettings, columns_of_figure
from haiguan.transforms.estimators.table_tests import Test, columns_of_test
from haiguan.transforms.estimators.tagged import Settings, by_key, input_error, models_by_tag
from haiguan.transforms.estimators.variables import Transformation, transformation_columns

EstimatorName = Literal[
    "least_squares", "two_stage_least_squares", "plausibly_exogenous", "kinky_least_squares", "probit", "logit",
    "poisson", "quantile_regression", "grouped_two_step", "olley_pakes", "levinsohn_petrin", "ackerberg_caves_frazer",
    "wooldridge", "event_study", "mediation", "oaxaca_blinder",
]  # fmt: skip


FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class ConleySettings(Settings):
    """Conley errors: `{conley: {latitude: lat, longitude: lon, cutoff_km: 100}}`."""

    conley: Conley


class DriscollKraaySettings(Settings):
    """Driscoll-Kraay errors: `{driscoll_kraay: {period: year}}`."""

    driscoll_kraay: DriscollKraay


class Equation(Settings):
    """What one column of a table estimates; a key that is not given is inherited.

    Attributes:
        estimator: which estimator.
        outcome: left-hand side.
        regressors: columns, products `a:b`, variables or groups (with endogenous ones: the exogenous; in an event
            study the controls; in a mediation the treatment, then the controls).
        endogenous: regressors that are instrumented; in kinky least squares the one that is not.
        instruments: excluded instruments.
        fixed_effects: absorbed columns or crossings `a^b`; dummies in a probit or logit.
        clusters: cluster variables or crossings.
        covariance: `iid`, `robust`, `clustered`, Conley or Driscoll-Kraay settings, or `parametric` (kinky least
            squares).
        weights: analytic weights; sampling weights in a probit, logit or Poisson.
        sample: which rows; conditions that are inherited hold too.
        small_sample: the convention of the small-sample factor.
        constant: whether the constant is reported.
        quantile: of a quantile regression or a grouped two-step estimator.
        direct_effects: of plausibly exogenous instruments: ranges, or variances and means.
        kinky: the postulated correlation of kinky least squares.
        production: columns of a production function.
        event: unit, period and window of an event study.
        grouped: the first step of a grouped two-step estimator.
        channel: the mediator of a mediation.
        decomposition: groups of an Oaxaca-Blinder decomposition.
        tests: rows that test hypotheses, by the label printed.
        report: an equation estimated on the way to print instead: `first stage of <endogenous>`, `reduced form`,
            `average marginal effects`, `interaction effects`.
    """

    estimator: EstimatorName = "least_squares"
    outcome: str | None = None
    regressors: tuple[str, ...] = ()
    endogenous: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    fixed_effects: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    covariance: (
        Literal["iid", "robust", "clustered", "parametric"]
        | Annotated[
            Annotated[ConleySettings, Tag("conley")] | Annotated[DriscollKraaySettings, Tag("driscoll_kraay")],
            by_key("conley", "driscoll_kraay"),
        ]
        | None
    ) = None
    weights: str | None = None
    sample: Condition | None = None
    small_sample: Convention = "reghdfe"
    constant: bool | None = None
    quantile: float | None = Field(default=None, gt=0, lt=1)
    direct_effects: DirectEffects | None = None
    kinky: Kinky | None = None
    production: Production | None = None
    event: Event | None = None
    grouped: Grouped | None = None
    channel: Channel | None = None
    decomposition: Decomposition | None = None
    tests: dict[str, Test] = Field(default={})
    report: str | None = None

    def errors(self) -> Covariance | Literal["parametric"] | None:
        """The covariance as the estimators take it."""
        if isinstance(self.covariance, ConleySettings):
            return self.covariance.conley
        return self.covariance.driscoll_kraay if isinstance(self.covariance, DriscollKraaySettings) else self.covariance

    def columns_of_sections(self) -> list[str]:
        """The columns of the data that the sections of single estimators read."""
        sections = (self.kinky, self.production, self.event, self.grouped, self.channel, self.decomposition)
        named = [name for section in sections if section is not None for name in section.columns()]
        return named + [name for test in self.tests.values() for name in columns_of_test(test)]


class Column(Equation):
    """One column: an equation, its title, and the name of another column that it inherits from."""

    name: str | None = None
    title: str | None = None
    inherits: str | None = None


class Printing(Settings):
    """What the table shows and how.

    Attributes:
        stars: mark and the p-value below which it is set; empty for none.
        brackets: what stands below an estimate.
        decimals: of estimates and what stands below them.
        terms: the terms shown, in order; by default all, in order of appearance.
        omit: terms or groups not shown; a group left out gets a yes/no row.
        labels: printed names of terms, outcomes, cluster variables, statistics, and of effects ("year", or the whole
            row as "year effects").
        statistics: rows below the estimates, in order; by default those that the columns have.
    """

    stars: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default={"*": 0.10, "**": 0.05, "***": 0.01})
    brackets: Literal["standard_error", "statistic", "p_value", "interval", "none"] = "standard_error"
    decimals: int = Field(default=3, ge=0, le=12)
    terms: tuple[str, ...] | None = None
    omit: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default={})
    statistics: tuple[str, ...] | None = None

    def label_of(self, name: str) -> str:
        """The printed name of a term, outcome or effect; the parts of a product each by its own.

        >>> Printing(labels={"tariff": "Tariff"}).label_of("tariff:post")
        'Tariff × post'
        """
        # A colon between columns is a product; one before a space tells parts of a decomposition apart.
        product = " × ".join(self.labels.get(part, part) for part in re.split(r":(?! )", name))
        return self.labels.get(name, product)


class Table(Equation):
    """A regression table: defaults for all columns, the columns, and how it is printed.

    Attributes:
        table: name of the files written.
        title: printed above.
        notes: printed below, before the notes that are made.
        variables: made from the data, in order.
        groups: names for lists of regressors.
        columns: left to right.
        print: how it is printed.
        figures: drawn from the columns, by the name that the file gets after that of the table.
        ladder: the first regressor's error at several levels of clustering, below the table.
    """

    table: FileName
    title: str = ""
    notes: tuple[str, ...] = ()
    variables: dict[str, Transformation] = Field(default={})
    groups: dict[str, tuple[str, ...]] = Field(default={})
    columns: tuple[Column, ...] = Field(min_length=1)
    print: Printing = Printing()
    ladder: Ladder = Ladder()
    figures: dict[FileName, FigureSettings] = Field(default={})

    @field_validator("columns")
    @classmethod
    def _named_apart(cls, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        names = [column.name for column in columns if column.name]
        if len(set(names)) < len(names):
            raise ValueError("two columns have the same name")
        return columns


SECTIONS: dict[str, type[BaseModel]] = {
    "": Table,
    "columns": Column,
    "print": Printing,
    "ladder": Ladder,
    "kinky": Kinky,
    "production": Production,
    "event": Event,
    "grouped": Grouped,
    "channel": Channel,
    "decomposition": Decomposition,
    **models_by_tag(DirectEffects),
    **models_by_tag(Test),
    **models_by_tag(FigureSettings),
    **models_by_tag(Condition),
    **models_by_tag(Transformation),
}


def read_table(settings: Mapping[str, Any], where: str = "specification") -> Table:
    """A table from the mapping that a YAML file holds.

    Raises:
        InputError: every unknown key (with the nearest name), missing or wrong value, at once.

    >>> table = read_table({"table": "t", "outcome": "y", "columns": [{"regressors": ["x"]}]})
    >>> resolved_columns(table)[0].outcome
    'y'
    >>> read_table({"table": "t", "outcom": "y", "columns": [{"regressors": ["x"]}]}, "t.yaml")
    Traceback (most recent call last):
    haiguan.transforms.errors.InputError: t.yaml: There is no key 'outcom'; did you mean 'outcome'?
    """
    try:
        return Table.model_validate(settings)
    except ValidationError as error:
        raise input_error(error, where, SECTIONS) from error


def resolved_columns(table: Table) -> list[Column]:
    """The columns with everything that they inherit: from the table, then from the column named, then their own.

    Conditions on the sample add up; everything else replaces what is inherited.

    Raises:
        InputError: a column inherits from one that does not exist, or from itself.
    """
    named = {column.name: column for column in table.columns if column.name}
    base = {key: getattr(table, key) for key in Equation.model_fields if key in table.model_fields_set}
    return [_resolved(column, base, named, ()) for column in table.columns]


def _resolved(column: Column, base: dict[str, Any], named: dict[str, Column], heirs: tuple[str, ...]) -> Column:
    if column.inherits is not None:
        base = _inherited(column.inherits, base, named, heirs)
    own = {key: getattr(column, key) for key in column.model_fields_set}
    if base.get("sample") and own.get("sample"):
        own["sample"] = AllOf(all=[base["sample"], own["sample"]])
    return Column.model_validate({**base, **own})


def _inherited(name: str, base: dict[str, Any], named: dict[str, Column], heirs: tuple[str, ...]) -> dict[str, Any]:
    if name not in named:
        raise InputError(unknown_name("column to inherit from called", name, named))
    if name in heirs:
        raise InputError(f"Columns inherit in a circle: {' from '.join((*heirs, name))}.")
    parent = _resolved(named[name], base, named, (*heirs, name))
    return {key: getattr(parent, key) for key in Equation.model_fields if key in parent.model_fields_set}


def columns_read(table: Table) -> set[str]:
    """The columns of the data that a specification reads: what it makes itself, variables and groups, left out."""
    names = {name for transformation in table.variables.values() for name in transformation_columns(transformation)}
    names.update(table.ladder.columns())
    names.update(name for figure in table.figures.values() for name in columns_of_figure(figure))
    regressors: set[str] = set()
    for column in resolved_columns(table):
        regressors.update(column.regressors, column.endogenous, column.instruments)
        names.update(column.fixed_effects, column.clusters, column.columns_of_sections())
        names.update(name for name in (column.outcome, column.weights) if name)
        names.update(columns_named(column.sample) if column.sample else [], covariance_columns(column.errors()))
    grouped = {name for group in regressors & set(table.groups) for name in table.groups[group]}
    parts = {part for name in names | regressors | grouped for part in re.split(r"[:^]", name)}
    made = {*table.variables, *table.groups}
    return {name for name in parts if name not in made and name.split("=")[0] not in made}
