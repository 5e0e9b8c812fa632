"""The rows and columns of a binary response model: products of regressors, dummies, and what had to be left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.design import CROSSING, PRODUCT, build_design, check_lists
from haiguan.transforms.estimators.independent_columns import independent_columns
from haiguan.transforms.estimators.linear import CONSTANT as CONSTANT_NAME
from haiguan.transforms.estimators.partitioned_matrix import PartitionedMatrix, dummy_matrix
from haiguan.transforms.estimators.perfect_prediction import drop_perfectly_predicted, separating_columns

Product = tuple[str, ...]
CONSTANT: Product = ()
ROUNDING = 1e-10


def product_name(product: Product) -> str:
    """How a term is printed: the constant, a column, or columns joined by a colon."""
    return PRODUCT.join(product) if product else CONSTANT_NAME


@dataclass(frozen=True)
class ResponseDesign:
    """What a probit or logit is fitted to.

    The dense columns are held standardised (the constant apart): it keeps the information matrix well conditioned
    whatever the units. `unstandardised` maps coefficients back to them.

    Attributes:
        outcome_name: name of the outcome.
        outcome: N zeros and ones.
        columns: the regressors in their own units, N numbers each.
        products: which product of columns each dense column of the matrix is; the first is the empty one, the constant.
        matrix: N x (K + L), standardised dense terms beside dummies without their reference levels.
        centre: mean of each dense term (0 for the constant).
        scale: standard deviation of each dense term (1 for the constant).
        dummy_names: of the L dummies, "column=level".
        levels: levels present per dummy column, the reference level included.
        clusters: integer codes per cluster variable.
        weights: N sampling weights with mean one, or None.
        observations_before: rows without missing values, before perfectly predicted cells were dropped.
        singletons: of these rows, how many were alone in the cell of a dummy.
        missing: rows left out because of a missing value.
        warnings: what was dropped, by name.
    """

    outcome_name: str
    outcome: np.ndarray
    columns: Mapping[str, np.ndarray]
    products: tuple[Product, ...]
    matrix: PartitionedMatrix
    centre: np.ndarray
    scale: np.ndarray
    dummy_names: tuple[str, ...]
    levels: Mapping[str, int]
    clusters: Mapping[str, np.ndarray]
    weights: np.ndarray | None
    observations_before: int
    singletons: int
    missing: int
    warnings: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Names of the K + L columns."""
        return [*map(product_name, self.products), *self.dummy_names]

    def product(self, product: Product, assigned: Mapping[str, float], rows: slice) -> np.ndarray | float:
        """Values of a product of columns in some rows, some of the columns being set to a number."""
        values: np.ndarray | float = 1.0
        for name in product:
            values = values * (assigned[name] if name in assigned else self.columns[name][rows])
        return values

    def unstandardised(self) -> np.ndarray:
        """The matrix T that maps standardised coefficients to those in the columns' own units."""
        transform = np.diag(np.concatenate([1.0 / self.scale, np.ones(len(self.dummy_names))]))
        transform[0, : len(self.centre)] -= self.centre / self.scale
        return transform


@dataclass(frozen=True)
class _Sample:
    """The parts of a design, on the same rows: what `drop_perfectly_predicted` chooses from."""

    outcome: np.ndarray
    columns: dict[str, np.ndarray]
    terms: dict[Product, np.ndarray]
    factors: dict[str, pd.Categorical]
    clusters: dict[str, np.ndarray]
    weights: np.ndarray | None

    def rows(self, kept: np.ndarray) -> _Sample:
        return _Sample(
            self.outcome[kept],
            {name: values[kept] for name, values in self.columns.items()},
            {product: values[kept] for product, values in self.terms.items()},
            {name: values[kept].remove_unused_categories() for name, values in self.factors.items()},
            {name: pd.factorize(codes[kept])[0] for name, codes in self.clusters.items()},
            None if self.weights is None else self.weights[kept] / self.weights[kept].mean(),
        )


def response_design(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    dummies: Sequence[str],
    clusters: Sequence[str],
    weights: str | None = None,
) -> ResponseDesign:
    """Checks the columns, drops what is predicted perfectly or collinear, and lays out the rest.

    Args:
        data: one row per observation; rows that lack a value are left out and counted.
        outcome: a column of zeros and ones.
        regressors: numeric columns, or products `a:b` of them.
        dummies: columns of any type, or crossings `a^b`, whose levels enter as dummies; the first level in sorted order
            is the reference.
        clusters: columns that identify clusters.
        weights: a column of sampling weights.

    Raises:
        InputError: those of `design.build_design`; the outcome is not zero or one, does not vary, or is a regressor; a
            regressor separates its zeros from its ones; one cluster is left.
    """
    check_lists(regressors=regressors, dummies=dummies, clusters=clusters)
    if outcome in regressors or outcome in dummies:
        raise InputError(f"The outcome {outcome!r} is also a regressor.")
    products = {product_name(product): product for name in regressors for product in [tuple(name.split(PRODUCT))]}
    parts = [name for product in products.values() for name in product]
    named = [outcome, *products, *parts]
    equation = build_design(data, named, fixed_effects=dummies, clusters=clusters, weights=weights)
    values = dict(zip(equation.names, equation.matrix.T, strict=True))
    _check_outcome(values[outcome], outcome)
    sample = _Sample(
        outcome=values[outcome],
        columns={name: values[name] for name in dict.fromkeys(parts)},
        terms={product: values[name] for name, product in products.items()},
        factors={name: _levels(data, equation.rows, name) for name in dummies},
        clusters=equation.clusters,
        weights=equation.weights,
    )
    sample, warnings = _estimable(sample, outcome)
    if equation.singletons:
        alone = f"{equation.singletons:,} observations dropped: alone in a level of {' or '.join(dummies)}."
        warnings = (alone, *warnings)
    design = _laid_out(sample, outcome, equation.observations_before, equation.singletons, equation.missing)
    return _without_collinear(replace(design, warnings=(*equation.warnings, *warnings)))


def _check_outcome(values: np.ndarray, outcome: str) -> None:
    found = np.unique(values)
    if not np.isin(found, (0.0, 1.0)).all():
        other = [f"{value:g}" for value in found if value not in (0.0, 1.0)][:3]
        raise InputError(f"The outcome {outcome!r} must be 0 or 1, but {', '.join(other)} was found; recode it.")
    if len(found) < 2:
        raise InputError(f"The outcome {outcome!r} does not vary: it is {found[0]:g} in all {len(values):,} rows used.")


def is_zero_one(values: np.ndarray) -> bool:
    """Whether a column has the values 0 and 1 and no other."""
    return bool(((values == 0) | (values == 1)).all())


def _varies(values: np.ndarray) -> bool:
    return bool(np.ptp(values) > ROUNDING * np.abs(values).max())


def _levels(data: pd.DataFrame, rows: np.ndarray, name: str) -> pd.Categorical:
    """The levels of a column or crossing on some rows, in sorted order, so that the reference is always the same."""
    parts = [pd.factorize(data[part].to_numpy()[rows], sort=True) for part in name.split(CROSSING)]
    cells = np.zeros(len(rows), dtype=np.int64)
    for codes, levels in parts:
        cells = cells * len(levels) + codes
    codes, present = pd.factorize(cells, sort=True)
    labels = np.full(len(present), "", dtype=object)
    for _, levels in reversed(parts):
        present, own = np.divmod(present, len(levels))
        labels = np.asarray(levels)[own].astype(str).astype(object) + np.where(labels == "", "", CROSSING + labels)
    return pd.Categorical.from_codes(codes, categories=pd.Index(labels))


def _estimable(sample: _Sample, outcome: str) -> tuple[_Sample, tuple[str, ...]]:
    """The sample without perfectly predicted cells and constant terms, and what was dropped in words."""
    prediction = drop_perfectly_predicted(sample.outcome, _zero_one_cells(sample.terms) | sample.factors)
    if not prediction.kept.any():
        raise InputError(
            f"Nothing is left to estimate: {outcome!r} never varies within the levels of "
            f"{', '.join(prediction.cells['column'].unique())}; leave these columns out, or coarsen them."
        )
    predictors = set(prediction.cells["column"])
    sample = sample if prediction.kept.all() else sample.rows(prediction.kept)
    single = [name for name, codes in sample.clusters.items() if not codes.any()]
    if single:
        raise InputError(
            f"Once perfectly predicted observations are dropped, {', '.join(single)} has only one cluster."
        )
    varying = {product: values for product, values in sample.terms.items() if _varies(values)}
    constant = [product_name(p) for p in sample.terms if p not in varying and product_name(p) not in predictors]
    _check_separation(sample.outcome, outcome, varying)
    left_out = tuple(f"{name} was left out: it does not vary." for name in constant)
    return replace(sample, terms=varying), (*prediction.sentences(outcome), *left_out)


def _zero_one_cells(terms: Mapping[Product, np.ndarray]) -> dict[str, pd.Categorical]:
    return {
        product_name(product): pd.Categorical.from_codes(values.astype(np.int8), categories=pd.Index(["0", "1"]))
        for product, values in terms.items()
        if is_zero_one(values) and _varies(values)
    }


def _check_separation(outcome: np.ndarray, name: str, terms: Mapping[Product, np.ndarray]) -> None:
    columns = {product_name(product): values for product, values in terms.items() if not is_zero_one(values)}
    faults = [
        f"{column} predicts {name!r} perfectly: a threshold of it splits its zeros from its ones; leave it out, or "
        "look for a column that is made from the outcome."
        for column in separating_columns(outcome, columns)
    ]
    if faults:
        raise InputError(*faults)


def _laid_out(sample: _Sample, outcome: str, observations_before: int, singletons: int, missing: int) -> ResponseDesign:
    observations, terms = len(sample.outcome), sample.terms
    blocks = [dummy_matrix(f.codes.astype(np.int64) - 1, len(f.categories) - 1) for f in sample.factors.values()]
    centre = np.array([0.0, *(values.mean() for values in terms.values())])
    scale = np.array([1.0, *(values.std() for values in terms.values())])
    dense = np.ones((observations, len(terms) + 1))
    for j, values in enumerate(terms.values(), start=1):
        dense[:, j] = (values - centre[j]) / scale[j]
    return ResponseDesign(
        outcome_name=outcome,
        outcome=sample.outcome,
        columns={name: sample.columns[name] for name in dict.fromkeys(name for product in terms for name in product)},
        products=(CONSTANT, *terms),
        matrix=PartitionedMatrix(dense, csr_array(hstack([csr_array((observations, 0)), *blocks], format="csr"))),
        centre=centre,
        scale=scale,
        dummy_names=tuple(f"{name}={level}" for name, f in sample.factors.items() for level in f.categories[1:]),
        levels={name: len(factor.categories) for name, factor in sample.factors.items()},
        clusters=sample.clusters,
        weights=sample.weights,
        observations_before=observations_before,
        singletons=singletons,
        missing=missing,
        warnings=(),
    )


def _without_collinear(design: ResponseDesign) -> ResponseDesign:
    """Leaves out columns that others determine: dummies claim what they share with regressors, as fixed effects do."""
    matrix = design.matrix
    dense, size = len(design.products), matrix.shape[1]
    ones = np.ones(matrix.shape[0])
    sums = matrix.weighted_sum(ones)
    centred = matrix.gram(ones) - np.outer(sums, sums) / len(ones)
    kept = independent_columns(centred, order=[*range(dense, size), *range(1, dense)])
    kept[0] = True
    if kept.all():
        return design
    names = design.names
    regressors = [names[j] for j in range(1, dense) if not kept[j]]
    collinear_dummies = [names[j] for j in range(dense, size) if not kept[j]]
    products = tuple(product for product, keep in zip(design.products, kept, strict=False) if keep)
    return replace(
        design,
        products=products,
        columns={name: v for name, v in design.columns.items() if any(name in product for product in products)},
        matrix=matrix.select(kept),
        centre=design.centre[kept[:dense]],
        scale=design.scale[kept[:dense]],
        dummy_names=tuple(name for name, keep in zip(design.dummy_names, kept[dense:], strict=True) if keep),
        warnings=(
            *design.warnings,
            *(f"{name} was left out: the dummies and the regressors before it determine it." for name in regressors),
            *_collinear_dummies(collinear_dummies),
        ),
    )


def _collinear_dummies(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
    return (f"{len(names):,} dummies were left out, as the dummies before them determine them: {shown}.",)
