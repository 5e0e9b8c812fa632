"""The concordance: which codes of one HS revision a code of another stands for, by three methods.

Conversion gives every code of a later revision one code of an earlier one. Correlation lists all codes that have
something in common. Weights say what share of a code's trade goes to each code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from functools import reduce
from itertools import pairwise

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.products.published import KINDS
from haiguan.transforms.schema import TABLES

WHOLE = 10**9
"""Parts into which a code's weights are divided: weights have nine decimal places and add up to one exactly."""

Pair = tuple[str, str]
Direct = Mapping[Pair, pd.DataFrame]
_KEY = ["source_code", "target_code"]


def core_products__concordance(files_hs_links: pd.DataFrame) -> pd.DataFrame:
    """One row per source code, target code and method, for every two revisions that tables or chains of tables join.

    A table that joins two revisions directly is used, and no chain. Where the chain of conversions through all
    revisions between gives another code, `chain_code` has it. Correlations run both ways with equal weights; weights
    of a source code add up to one. Conversions run from a later to an earlier revision only.

    Args:
        files_hs_links: columns `published.LINKS`.

    Raises:
        InputError: two tables of one kind for the same two revisions, a conversion with several targets or towards a
            later revision, weights that do not add up to one.
    """
    return concordance(files_hs_links)


def concordance(
    links: pd.DataFrame, wanted: Collection[Pair] | None = None, setting: str = "inputs.hs_tables"
) -> pd.DataFrame:
    """The concordance of any tables of codes, whose revisions may as well be years.

    Args:
        links: columns `published.LINKS`.
        wanted: the pairs of revisions to be joined; None: every two that can be.
        setting: which names the tables, for messages.

    Raises:
        InputError: as `core_products__concordance`.
    """
    direct = {kind: _direct_tables(links, kind, setting) for kind in KINDS}
    direct["correlation"] = _both_ways(direct["correlation"], direct["weights"])
    made = [
        _rows(kind, pair, path, direct[kind], direct["correlation"])
        for kind in KINDS
        for pair, path in sorted(_paths(direct[kind]).items())
        if wanted is None or pair in wanted
    ]
    columns = list(TABLES["core_products__concordance"].column_names)
    rows = pd.concat(made, ignore_index=True)[columns] if made else pd.DataFrame(columns=columns)
    return rows.assign(chain_code=rows.chain_code.astype("object").where(rows.chain_code.notna(), None))


def _direct_tables(links: pd.DataFrame, kind: str, setting: str) -> dict[Pair, pd.DataFrame]:
    """Pair of revisions -> source_code, target_code, weight, is_padded, sorted."""
    found: dict[Pair, pd.DataFrame] = {}
    faults: list[str] = []
    for pair, rows in links[links.kind == kind].groupby(["source_revision", "target_revision"]):
        faults += _contradictions(pair, rows, kind, setting)
        table = rows[[*_KEY, "weight", "is_padded"]].drop_duplicates(_KEY).sort_values(_KEY, ignore_index=True)
        found[pair] = table
    if faults:
        raise InputError(*faults)
    return found


def _both_ways(correlations: Direct, weights: Direct) -> dict[Pair, pd.DataFrame]:
    """The correlations and their inverses; codes that weights join are correlated where no table says more."""
    found = dict(correlations)
    for pair, table in (*correlations.items(), *sorted(weights.items())):
        plain = table.assign(weight=np.nan)
        inverse = plain.rename(columns={"source_code": "target_code", "target_code": "source_code"})
        found.setdefault(pair, plain)
        found.setdefault(pair[::-1], inverse.sort_values(_KEY, ignore_index=True))
    return found


def _contradictions(pair: Pair, rows: pd.DataFrame, kind: str, setting: str) -> Iterator[str]:
    source, target = pair
    where = f"{setting}: {', '.join(sorted(rows.file.unique()))}: {kind} from {source} to {target}"
    if rows.file.nunique() > 1:
        yield f"{where}: several tables say it; leave one in"
    elif kind == "conversion" and source < target:
        yield f"{where}: conversions run from a later to an earlier revision; give weights instead"
    elif kind == "conversion" and rows.source_code.duplicated().any():
        code = rows.source_code[rows.source_code.duplicated()].min()
        yield f"{where}: {code} has several targets; a conversion has one: give weights, or leave one in"
    elif kind == "weights":
        sums = rows.groupby("source_code").weight.sum()
        off = sums[(sums - 1).abs() > 1e-6]
        if len(off):
            yield f"{where}: the weights of {off.index[0]} add up to {off.iloc[0]:.6f}; they must add up to 1"


def _paths(direct: Direct) -> dict[Pair, tuple[str, ...]]:
    """Pair of revisions -> the shortest chain of tables in one direction of time; of several, the latest revisions."""
    found: dict[Pair, tuple[str, ...]] = {pair: pair for pair in direct}
    while True:
        longer: dict[Pair, tuple[str, ...]] = {}
        for source, middle in sorted(found):
            for start, target in direct:
                is_onward = start == middle and (source < middle) == (middle < target)
                if is_onward and (source, target) not in found:
                    path = (*found[source, middle], target)
                    best = longer.get((source, target))
                    longer[source, target] = path if best is None or path > best else best
        if not longer:
            break
        found |= longer
    return found


def chained(direct: Direct, path: tuple[str, ...]) -> pd.DataFrame:
    """source_code, target_code, weight through a chain of tables: weights multiplied along it and summed up.

    A code that a table on the way lacks is not reached; its weight is lost, and `weights_of` sets that right.
    """
    tables = [direct[pair] for pair in pairwise(path)]
    return reduce(_onward, tables[1:], tables[0])


def _onward(table: pd.DataFrame, following: pd.DataFrame) -> pd.DataFrame:
    joined = table.merge(following, left_on="target_code", right_on="source_code", suffixes=("", "_next"))
    weight = joined.weight.fillna(1.0) * joined.weight_next.fillna(1.0)
    reached = pd.DataFrame(
        {
            "source_code": joined.source_code,
            "target_code": joined.target_code_next,
            "weight": weight,
            "is_padded": joined.is_padded | joined.is_padded_next,
        }
    )
    ordered = reached.sort_values([*_KEY, "weight"])
    return ordered.groupby(_KEY, as_index=False).agg({"weight": "sum", "is_padded": "max"})


def billionths(table: pd.DataFrame) -> pd.Series:
    """Weights of each source code in billionths that add up to exactly one, by largest remainder.

    Ties go to the lower target code. Rows are in the order of source and target code.
    """
    share = table.weight / table.groupby("source_code").weight.transform("sum") * WHOLE
    parts = np.floor(share).astype("int64")
    order = pd.DataFrame({"source": table.source_code, "remainder": parts - share, "target": table.target_code})
    rank = order.sort_values(["source", "remainder", "target"]).groupby("source").cumcount().reindex(table.index)
    short = WHOLE - parts.groupby(table.source_code).transform("sum")
    return parts + (rank < short).astype("int64")


def _rows(kind: str, pair: Pair, path: tuple[str, ...], direct: Direct, correlations: Direct) -> pd.DataFrame:
    table = chained(direct, path)
    if kind == "weights":
        weight = billionths(table)
    elif kind == "conversion":
        weight = pd.Series(WHOLE, index=table.index, dtype="int64")
    else:
        weight = billionths(table.assign(weight=1.0))
    kept = table.assign(billionths=weight)[weight > 0]
    decimal = kept.billionths.map(lambda parts: Decimal(parts).scaleb(-9))
    return kept.assign(
        source_revision=pair[0],
        target_revision=pair[1],
        method=kind,
        weight=decimal,
        relation=_relation(kept, correlations.get(pair)),
        is_direct=len(path) == 2,
        is_forward=pair[0] < pair[1],
        chain_code=_chain_code(kept, pair, direct) if kind == "conversion" and len(path) == 2 else None,
        flags=kept.is_padded.map(lambda padded: ["lost_leading_zero"] if padded else []),
    )


def _relation(kept: pd.DataFrame, correlation: pd.DataFrame | None) -> pd.Series:
    """1:1, n:1, 1:n or n:n: whether the target has other sources, whether the source has other targets.

    Counted in the correlation of the two revisions where there is one, otherwise in the rows themselves.
    """
    links = kept if correlation is None else correlation
    targets = kept.source_code.map(links.groupby("source_code").target_code.nunique())
    sources = kept.target_code.map(links.groupby("target_code").source_code.nunique())
    left = np.where(sources.fillna(1) > 1, "n", "1")
    right = np.where(targets.fillna(1) > 1, "n", "1")
    return pd.Series([f"{a}:{b}" for a, b in zip(left, right, strict=True)], index=kept.index)


def _chain_code(kept: pd.DataFrame, pair: Pair, direct: Direct) -> pd.Series:
    """The code that the chain through every revision between gives, where it gives another one."""
    between = sorted({source for source, _ in direct if pair[1] < source < pair[0]}, reverse=True)
    path = (pair[0], *between, pair[1])
    if not between or any(step not in direct for step in pairwise(path)):
        return pd.Series(None, index=kept.index, dtype="object")
    by_chain = kept.source_code.map(chained(direct, path).set_index("source_code").target_code)
    return by_chain.astype("object").where(by_chain.notna() & (by_chain != kept.target_code), None)
