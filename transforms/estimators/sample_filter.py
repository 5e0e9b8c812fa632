"""Which rows are in a sample, as data: comparisons of a column with a value, joined by all, any and not."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, Tag, model_validator

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.tagged import Settings, by_key

Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "between", "missing", "not missing"]
Scalar = bool | int | float | str


class Comparison(Settings):
    """A column compared with a value: `{column: year, comparison: between, value: [2000, 2007]}`."""

    column: str
    comparison: Operator
    value: Scalar | list[Scalar] | None = None

    @model_validator(mode="after")
    def _value_fits(self) -> Comparison:
        many, none = self.comparison in ("in", "not in", "between"), self.comparison in ("missing", "not missing")
        if none != (self.value is None) or many != isinstance(self.value, list):
            wanted = "no value" if none else "a list of values" if many else "a single value"
            raise ValueError(f"the comparison {self.comparison!r} takes {wanted}")
        if self.comparison == "between" and len(self.value) != 2:  # type: ignore[arg-type]
            raise ValueError("the comparison 'between' takes two values, the lowest and the highest kept")
        return self


class AllOf(Settings):
    """Rows that meet every condition."""

    all: list[Condition]


class AnyOf(Settings):
    """Rows that meet at least one condition."""

    any: list[Condition]


class Not(Settings):
    """Rows that do not meet the condition."""

    not_: Condition = Field(alias="not")


Condition = Annotated[
    Annotated[Comparison, Tag("column")]
    | Annotated[AllOf, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")],
    by_key("column", "all", "any", "not"),
]

for _model in (AllOf, AnyOf, Not):
    _model.model_rebuild()


def rows_kept(data: pd.DataFrame, condition: Condition) -> pd.Series:
    """Which rows meet a condition. A missing value meets no comparison but `missing`, `!=` and `not in` included.

    (Stata takes a missing value as larger than any number, so `x > 5` keeps it there and not here.)

    Raises:
        InputError: unknown columns, or a value of another type than its column.

    >>> frame = pd.DataFrame({"year": [1999, 2003, 2008], "city": ["a", "b", None]})
    >>> both = AllOf(all=[{"column": "year", "comparison": ">=", "value": 2000},
    ...                   {"column": "city", "comparison": "not missing"}])
    >>> rows_kept(frame, both).tolist()
    [False, True, False]
    """
    if isinstance(condition, AllOf):
        return _joined(data, condition.all, np.logical_and)
    if isinstance(condition, AnyOf):
        return _joined(data, condition.any, np.logical_or)
    if isinstance(condition, Not):
        return ~rows_kept(data, condition.not_)
    return _compare(data, condition)


def columns_named(condition: Condition) -> list[str]:
    """The columns that a condition reads."""
    if isinstance(condition, Comparison):
        return [condition.column]
    if isinstance(condition, Not):
        return columns_named(condition.not_)
    parts = condition.all if isinstance(condition, AllOf) else condition.any
    return [name for part in parts for name in columns_named(part)]


def describe_condition(condition: Condition) -> str:
    """The condition as a reader writes it.

    >>> describe_condition(Not(not_={"any": [{"column": "city", "comparison": "missing"},
    ...                                      {"column": "year", "comparison": "<", "value": 2000}]}))
    'not (city missing or year < 2000)'
    """
    if isinstance(condition, Not):
        return f"not {describe_condition(condition.not_)}"
    if isinstance(condition, Comparison):
        value = "" if condition.value is None else f" {condition.value}"
        return f"{condition.column} {condition.comparison}{value}"
    parts = condition.all if isinstance(condition, AllOf) else condition.any
    return f"({(' and ' if isinstance(condition, AllOf) else ' or ').join(map(describe_condition, parts))})"


def _joined(data: pd.DataFrame, conditions: list[Any], join: np.ufunc) -> pd.Series:
    return pd.Series(join.reduce([rows_kept(data, part).to_numpy() for part in conditions]), index=data.index)


def _compare(data: pd.DataFrame, condition: Comparison) -> pd.Series:
    if condition.column not in data.columns:
        raise InputError(unknown_name("column", condition.column, data.columns))
    column, present = data[condition.column], data[condition.column].notna()
    if condition.comparison in ("missing", "not missing"):
        return ~present if condition.comparison == "missing" else present
    _check_type(column, condition.value)
    return _met(column, condition.comparison, condition.value).fillna(False).astype(bool) & present


def _met(column: pd.Series, comparison: str, value: Any) -> pd.Series:
    match comparison:
        case "==":
            return column == value
        case "!=":
            return column != value
        case "<":
            return column < value
        case "<=":
            return column <= value
        case ">":
            return column > value
        case ">=":
            return column >= value
        case "in":
            return column.isin(value)
        case "not in":
            return ~column.isin(value)
        case _:
            return column.between(*value)


def _check_type(column: pd.Series, value: Any) -> None:
    numeric = pd.api.types.is_numeric_dtype(column) or pd.api.types.infer_dtype(column, skipna=True) == "decimal"
    wrong = [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str) == numeric]
    if wrong:
        held, given = ("numbers", "text") if numeric else ("text", "a number")
        raise InputError(
            f"Column {column.name!r} holds {held} but is compared with {given}, {wrong[0]!r}; "
            f"{'leave out' if numeric else 'put'} the quotes."
        )
