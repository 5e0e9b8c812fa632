"""Variables that a regression table makes from the columns it is given: named transformations, nothing evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, Tag

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.sample_filter import Condition, columns_named, rows_kept
from haiguan.transforms.estimators.tagged import Settings, by_key


class Log(Settings):
    """Natural logarithm of a column plus a number; missing where that is not positive."""

    log: str
    plus: float = 0.0


class Power(Settings):
    """A column to a power: `{power: age, exponent: 2}`."""

    power: str
    exponent: float = 2.0


class Product(Settings):
    """The product of columns."""

    product: list[str] = Field(min_length=2)


class Ratio(Settings):
    """The first column over the second; missing where the second is zero."""

    ratio: tuple[str, str]


class Difference(Settings):
    """The first column minus the second."""

    difference: tuple[str, str]


class Lag(Settings):
    """The value of a column `periods` periods before, of the same unit; missing where that period is absent."""

    lag: str
    unit: str
    period: str
    periods: int = 1


class Indicator(Settings):
    """One where a condition holds, else zero; missing where a column it reads is missing."""

    indicator: Condition


class Winsorise(Settings):
    """A column with its tails set to percentiles, `percent` and 100 - `percent`, as Stata's winsor2."""

    winsorise: str
    percent: float = Field(gt=0, lt=50)


class Standardise(Settings):
    """A column minus its mean, over its standard deviation."""

    standardise: str


class Centre(Settings):
    """A column minus its mean."""

    centre: str


class GroupMean(Settings):
    """The mean of a column by groups."""

    group_mean: str
    by: list[str]


class Dummies(Settings):
    """One 0/1 column per value but the base (by default the smallest), called `name=value`."""

    dummies: str
    base: int | float | str | None = None


Transformation = Annotated[
    Annotated[Log, Tag("log")]
    | Annotated[Power, Tag("power")]
    | Annotated[Product, Tag("product")]
    | Annotated[Ratio, Tag("ratio")]
    | Annotated[Difference, Tag("difference")]
    | Annotated[Lag, Tag("lag")]
    | Annotated[Indicator, Tag("indicator")]
    | Annotated[Winsorise, Tag("winsorise")]
    | Annotated[Standardise, Tag("standardise")]
    | Annotated[Centre, Tag("centre")]
    | Annotated[GroupMean, Tag("group_mean")]
    | Annotated[Dummies, Tag("dummies")],
    by_key(
        "log", "power", "product", "ratio", "difference", "lag", "indicator", "winsorise", "standardise", "centre",
        "group_mean", "dummies",
    ),
]  # fmt: skip


def with_variables(
    data: pd.DataFrame, variables: Mapping[str, Transformation]
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """The frame with the variables added, in the order given, and the columns that each one became.

    Means, deviations and percentiles are those of the whole frame.

    Raises:
        InputError: a column that does not exist, or a name that does.

    >>> frame, made = with_variables(pd.DataFrame({"year": [2003, 2004, 2005]}), {"t": Dummies(dummies="year")})
    >>> made, frame["t=2004"].tolist()
    ({'t': ['t=2004', 't=2005']}, [0.0, 1.0, 0.0])
    """
    frame, made = data.copy(deep=False), {}
    for name, transformation in variables.items():
        if name in frame.columns:
            raise InputError(f"Variable {name!r} has the name of a column of the data; choose another.")
        _check_read(frame, name, transformation)
        if isinstance(transformation, Dummies):
            columns = _dummies(frame[transformation.dummies], name, transformation.base)
        else:
            columns = {name: _column(frame, transformation)}
        frame = frame.assign(**columns)
        made[name] = list(columns)
    return frame, made


def _check_read(frame: pd.DataFrame, name: str, transformation: Transformation) -> None:
    unknown = [column for column in transformation_columns(transformation) if column not in frame.columns]
    if unknown:
        raise InputError(*(f"Variable {name!r}: {unknown_name('column', column, frame.columns)}" for column in unknown))


def transformation_columns(transformation: Transformation) -> list[str]:
    """The columns that a transformation reads."""
    if isinstance(transformation, Indicator):
        return columns_named(transformation.indicator)
    settings = transformation.model_dump(exclude={"base"}).values()
    single = [value for value in settings if isinstance(value, str)]
    return single + [name for value in settings if isinstance(value, list | tuple) for name in value]


def _number(frame: pd.DataFrame, name: str) -> pd.Series:
    try:
        return frame[name].astype(float)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Column {name!r} must hold numbers to be transformed, but holds {frame[name].dtype}."
        ) from error


def _column(frame: pd.DataFrame, transformation: Transformation) -> pd.Series:
    match transformation:
        case Log():
            shifted = _number(frame, transformation.log) + transformation.plus
            return np.log(shifted.where(shifted > 0))
        case Power():
            return _number(frame, transformation.power) ** transformation.exponent
        case Product():
            return pd.concat([_number(frame, name) for name in transformation.product], axis=1).prod(
                axis=1, skipna=False
            )
        case Ratio():
            above, below = (_number(frame, name) for name in transformation.ratio)
            return above / below.where(below != 0)
        case Difference():
            return _number(frame, transformation.difference[0]) - _number(frame, transformation.difference[1])
        case Lag():
            return _lagged(frame, transformation)
        case Indicator():
            read = frame[columns_named(transformation.indicator)].notna().all(axis=1)
            return rows_kept(frame, transformation.indicator).astype(float).where(read)
        case Winsorise():
            return _winsorised(_number(frame, transformation.winsorise), transformation.percent)
        case Standardise():
            column = _number(frame, transformation.standardise)
            return (column - column.mean()) / column.std()
        case Centre():
            column = _number(frame, transformation.centre)
            return column - column.mean()
        case _:
            groups = [frame[name] for name in transformation.by]  # type: ignore[union-attr]
            return _number(frame, transformation.group_mean).groupby(groups).transform("mean")  # type: ignore[union-attr]


def _winsorised(column: pd.Series, percent: float) -> pd.Series:
    present = column.dropna()
    # Stata's _pctile, which winsor2 uses, averages at exact ranks; numpy's default interpolates between ranks.
    low, high = np.percentile(present, [percent, 100 - percent], method="averaged_inverted_cdf")
    return column.clip(low, high)


def _lagged(frame: pd.DataFrame, lag: Lag) -> pd.Series:
    keys = frame[[lag.unit, lag.period]]
    if keys.duplicated().any():
        raise InputError(f"A lag needs one row per {lag.unit} and {lag.period}; some occur twice.")
    earlier = pd.Series(_number(frame, lag.lag).to_numpy(), index=pd.MultiIndex.from_frame(keys))
    wanted = pd.MultiIndex.from_arrays([frame[lag.unit], frame[lag.period] - lag.periods])
    return pd.Series(earlier.reindex(wanted).to_numpy(), index=frame.index)


def _dummies(column: pd.Series, name: str, base: int | float | str | None) -> dict[str, pd.Series]:
    values = sorted(column.dropna().unique())
    left_out = values[0] if base is None and values else base
    if left_out not in values:
        raise InputError(f"Variable {name!r}: {base!r} is no value of {column.name!r}, so it cannot be the base.")
    return {
        f"{name}={value}": (column == value).astype(float).where(column.notna())
        for value in values
        if value != left_out
    }
