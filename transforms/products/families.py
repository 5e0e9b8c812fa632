"""Families: the smallest groups of codes that no change between HS revisions leads out of.

As in Pierce and Schott's families for US codes: codes that are linked, directly or through others, form one family,
which can be followed over all years without apportioning anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from haiguan.transforms.products.translation import HarmoniseSettings
from haiguan.transforms.schema import TABLES

_LEAST_LOSS = 2  # codes by which the largest part must be smaller than the family, or every leaf would be a link
_LINK = ["source_revision", "source_code", "target_revision", "target_code"]


def core_products__families(
    core_products__concordance: pd.DataFrame, core_products__codes: pd.DataFrame, *, harmonise: HarmoniseSettings
) -> pd.DataFrame:
    """One row per code of the revisions in use: its family, how large that is, and whether the code holds it together.

    `family_code` is F, the two digits of the first revision that has a code of the family, and its lowest code there.
    `family_codes` is the largest number of codes that the family has in one revision. Without a linking code the
    family falls apart; `codes_without` is then the size, in the same measure, of the largest part.
    """
    revisions = sorted(harmonise.family_revisions)
    links = links_in_use(core_products__concordance, revisions)
    codes = core_products__codes[core_products__codes.hs_revision.isin(revisions)]
    known = set(zip(codes.hs_revision, codes.product_code, strict=True))
    return families(links, known)[list(TABLES["core_products__families"].column_names)]


def links_in_use(concordance: pd.DataFrame, revisions: list[str]) -> pd.DataFrame:
    """The correlated pairs of codes of each revision in use and the next."""
    correlated = concordance[concordance.method == "correlation"]
    next_of = dict(pairwise(sorted(revisions)))
    return correlated.loc[correlated.source_revision.map(next_of) == correlated.target_revision, _LINK]


def families(links: pd.DataFrame, codes: Iterable[tuple[str, str]] = ()) -> pd.DataFrame:
    """hs_revision, product_code, family_code, family_codes, is_linking, codes_without of every code linked or named.

    Args:
        links: source_revision, source_code, target_revision, target_code.
        codes: revision and code of further codes, each a family of its own where nothing links it.
    """
    ends = [
        *zip(links.source_revision, links.source_code, strict=True),
        *zip(links.target_revision, links.target_code, strict=True),
    ]
    nodes = sorted({*ends, *codes})
    place = {node: at for at, node in enumerate(nodes)}
    half = len(links)
    rows = np.array([place[node] for node in ends[:half]], dtype=int)
    columns = np.array([place[node] for node in ends[half:]], dtype=int)
    graph = coo_matrix((np.ones(half), (rows, columns)), shape=(len(nodes), len(nodes)))
    _, label = connected_components(graph, directed=False)
    frame = pd.DataFrame(nodes, columns=["hs_revision", "product_code"]).assign(label=label)
    frame["family_codes"] = _largest_count(frame).reindex(frame.label).to_numpy()
    first = frame.groupby("label")[["hs_revision", "product_code"]].first()
    frame["family_code"] = ("F" + first.hs_revision.str[-2:] + first.product_code).reindex(frame.label).to_numpy()
    without = _parts_without(frame, rows, columns)
    frame["is_linking"] = [at in without for at in frame.index]
    frame["codes_without"] = pd.array([without.get(at) for at in frame.index], dtype="Int64")
    return frame.drop(columns="label")


def largest_families(made: pd.DataFrame, at_least: int) -> pd.DataFrame:
    """family_code, family_codes, linked_by of the largest families, and of all that have so many codes.

    `linked_by` lists the codes that hold the family together, those first that leave the smallest parts.

    Args:
        made: core_products__families.
        at_least: codes of one revision from which a family is listed, whether it is the largest or not.
    """
    sizes = made.groupby("family_code", as_index=False).family_codes.first()
    listed = sizes[(sizes.family_codes >= at_least) | (sizes.family_codes == sizes.family_codes.max())]
    linking = made[made.is_linking].sort_values(["codes_without", "hs_revision", "product_code"])
    named = linking.assign(linked_by=linking.product_code + " of " + linking.hs_revision)
    by_family = named.groupby("family_code").linked_by.agg(list)
    ordered = listed.sort_values(["family_codes", "family_code"], ascending=[False, True], ignore_index=True)
    return ordered.assign(linked_by=[by_family.get(code, []) for code in ordered.family_code])


def _largest_count(frame: pd.DataFrame) -> pd.Series:
    """Label -> the largest number of codes that the family has in one revision."""
    return frame.groupby(["label", "hs_revision"]).size().groupby("label").max()


def _parts_without(frame: pd.DataFrame, rows: np.ndarray, columns: np.ndarray) -> dict[int, int]:
    """Code -> largest part that is left without it, for the codes that alone hold several of one revision together."""
    neighbours: dict[int, set[int]] = defaultdict(set)
    for one, other in zip(rows.tolist(), columns.tolist(), strict=True):
        neighbours[one].add(other)
        neighbours[other].add(one)
    revision = frame.hs_revision.to_list()
    found = {}
    for _, members in frame[frame.family_codes > 1].groupby("label").groups.items():
        whole = _codes(set(members), revision)
        for code in members:
            parts = _components(set(members) - {code}, neighbours)
            largest = max(_codes(part, revision) for part in parts)
            if len(parts) > 1 and largest <= whole - _LEAST_LOSS:
                found[int(code)] = largest
    return found


def _codes(members: set[int], revision: list[str]) -> int:
    counts: dict[str, int] = defaultdict(int)
    for member in members:
        counts[revision[member]] += 1
    return max(counts.values(), default=0)


def _components(members: set[int], neighbours: Mapping[int, set[int]]) -> list[set[int]]:
    left, parts = set(members), []
    while left:
        part: set[int] = set()
        waiting = [min(left)]
        while waiting:
            node = waiting.pop()
            if node not in part:
                part.add(node)
                waiting += [other for other in neighbours[node] if other in left and other not in part]
        left -= part
        parts.append(part)
    return parts
