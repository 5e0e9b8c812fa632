"""The panel behind every production function: checked, sorted, with each row's lag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.naming import unknown_name


@dataclass(frozen=True)
class ProductionColumns:
    """Which column is what. Output, inputs and proxy are natural logs; prices are deflated beforehand.

    Attributes:
        firm: identifier of the firm; the bootstrap draws firms.
        year: whole numbers; the lag of a row is the same firm one year earlier.
        output: log gross output, or log value added when materials are not among the inputs.
        free: inputs chosen after the productivity of the year is known (labour; materials for gross output).
        state: inputs fixed a year before (capital, age).
        proxy: investment (Olley-Pakes) or materials; named in `free` as well when materials are an input.
        controls: numeric columns that shift output linearly.
        dummies: categorical columns (year, sub-industry) that shift output.
    """

    firm: str
    year: str
    output: str
    free: tuple[str, ...]
    state: tuple[str, ...]
    proxy: str
    controls: tuple[str, ...] = ()
    dummies: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Free inputs, then state inputs: the order of the coefficients."""
        return self.free + self.state

    @property
    def numeric(self) -> tuple[str, ...]:
        """Every column that is a number, each once."""
        return tuple(dict.fromkeys((self.output, *self.inputs, self.proxy, *self.controls)))


@dataclass(frozen=True)
class ProductionPanel:
    """Complete rows of one panel, sorted by firm and year, as arrays.

    Attributes:
        columns: which column is what.
        frame: the complete rows, with the index of the frame they came from.
        firm: 0 ... firms - 1 per row.
        firms: number of firms.
        controls: controls and dummies, centred: rows x columns.
        now: positions of the rows that have a lag.
        before: positions of those lags.
        incomplete: rows left out for a missing value.
    """

    columns: ProductionColumns
    frame: pd.DataFrame
    firm: np.ndarray
    firms: int
    controls: np.ndarray
    now: np.ndarray
    before: np.ndarray
    incomplete: int

    def values(self, *names: str) -> np.ndarray:
        """The named columns as floats: rows x columns."""
        return self.frame[list(names)].to_numpy(float)

    @property
    def output(self) -> np.ndarray:
        """Log output per row."""
        return self.frame[self.columns.output].to_numpy(float)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know about the rows."""
        if not self.incomplete:
            return ()
        needed = ", ".join(self.columns.numeric)
        return (f"{self.incomplete} rows lack a value in one of {needed} and were left out",)


def production_panel(frame: pd.DataFrame, columns: ProductionColumns) -> ProductionPanel:
    """Checks a firm panel and lays it out for estimation.

    Args:
        frame: grain firm x year, in any order.
        columns: which column is what.

    Raises:
        InputError: absent or textual columns, infinite values (the log of zero), a firm-year twice, an input without
            variation, no complete row, no row with a lag; all that were found.
    """
    _refuse(_column_faults(frame, columns) or _row_faults(frame, columns))
    needed = [columns.firm, columns.year, *columns.numeric, *columns.dummies]
    complete = frame.dropna(subset=list(dict.fromkeys(needed)))
    rows = complete.sort_values([columns.firm, columns.year], kind="stable")
    _refuse(_variation_faults(rows, columns))
    firm = pd.factorize(rows[columns.firm])[0]
    year = rows[columns.year].to_numpy()
    now = np.flatnonzero((firm[1:] == firm[:-1]) & (year[1:] == year[:-1] + 1)) + 1
    if not len(now):
        raise InputError(f"no firm of column '{columns.firm}' has complete rows in two consecutive years")
    return ProductionPanel(
        columns, rows, firm, int(firm.max()) + 1, _controls(rows, columns), now, now - 1, len(frame) - len(rows)
    )


def _controls(rows: pd.DataFrame, columns: ProductionColumns) -> np.ndarray:
    blocks = [rows[list(columns.controls)].to_numpy(float)]
    blocks += [pd.get_dummies(rows[name], drop_first=True).to_numpy(float) for name in columns.dummies]
    values = np.column_stack(blocks)
    return values - values.mean(axis=0)


def _refuse(faults: list[str]) -> None:
    if faults:
        raise InputError(*faults)


def _column_faults(frame: pd.DataFrame, columns: ProductionColumns) -> list[str]:
    known = [str(name) for name in frame.columns]
    wanted = dict.fromkeys((columns.firm, columns.year, *columns.numeric, *columns.dummies))
    faults = []
    for name in wanted:
        if name not in known:
            faults.append(unknown_name("column", name, known))
        elif name in (columns.year, *columns.numeric) and not pd.api.types.is_numeric_dtype(frame[name]):
            faults.append(f"column '{name}' holds {frame[name].dtype} where a number belongs; convert it first")
    return faults


def _row_faults(frame: pd.DataFrame, columns: ProductionColumns) -> list[str]:
    faults = [
        f"column '{name}' holds {count} infinite values (the log of zero?); make them missing to leave those rows out"
        for name in columns.numeric
        if (count := int(np.isinf(frame[name].to_numpy(float, na_value=np.nan)).sum()))
    ]
    keys = [columns.firm, columns.year]
    faults += [f"column '{name}' is missing in {gaps} rows" for name in keys if (gaps := int(frame[name].isna().sum()))]
    if twice := int(frame.duplicated(keys).sum()):
        faults.append(
            f"{twice} rows repeat a pair of '{columns.firm}' and '{columns.year}'; keep one row per firm and year"
        )
    return faults


def _variation_faults(rows: pd.DataFrame, columns: ProductionColumns) -> list[str]:
    if rows.empty:
        return [f"no row is complete in {', '.join(columns.numeric)}: the sample is empty"]
    constant = [
        f"column '{name}' does not vary: it is {rows[name].iloc[0]} in all {len(rows)} complete rows"
        for name in columns.numeric
        if rows[name].nunique() == 1
    ]
    return constant or _collinear_faults(rows, columns)


def _collinear_faults(rows: pd.DataFrame, columns: ProductionColumns) -> list[str]:
    names = list(dict.fromkeys((*columns.inputs, columns.proxy)))
    values = rows[names].to_numpy(float)
    standardised = (values - values.mean(axis=0)) / values.std(axis=0)
    if np.linalg.matrix_rank(standardised, tol=1e-7 * np.sqrt(len(rows))) == len(names):
        return []
    return [f"columns {', '.join(names)} are collinear: one of them is a linear function of the others; leave it out"]
