"""National codes of eight digits from year to year: what a user's tables say of changes, and what did not change.

Such codes are given anew every January, and nobody publishes tables of their changes, as is done for the Harmonised
System. A year stands here where elsewhere an HS revision does: conversion, weights and families are those of the other
modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.products.published import (
    FIRST_YEAR_OF_HS,
    LINKS,
    Rows,
    headings_of,
    numbered,
    share_of,
)

NATIONAL_DIGITS = 8
LAST_YEAR = 2100

EXPECTED = (
    "changes of codes of eight digits, with the columns source_year, source_code, target_year, target_code and perhaps "
    "weight"
)

_COLUMNS = ("source_year", "source_code", "target_year", "target_code")
_CODE = re.compile("[0-9]{7,8}")
_BY_TIME = ["later", "later_code", "earlier", "earlier_code"]

Known = dict[str, set[str]]


def read_changes(rows: Rows, file: str) -> pd.DataFrame | None:
    """The pairs of codes of two years in a table, as columns LINKS with years for revisions; None: another table.

    A code of seven digits has lost its leading zero, which is put back.

    Args:
        rows: cells as text, blank where empty.
        file: name of the file, for messages.

    Raises:
        InputError: naming the first line whose year, code or weight cannot be.
    """
    headings = headings_of(rows)
    if not set(_COLUMNS) <= set(headings):
        return None
    parsed = [_change(dict(zip(headings, line, strict=False)), file, at) for at, line in numbered(rows)]
    return pd.DataFrame(parsed, columns=LINKS)


def _change(cells: Mapping[str, str], file: str, line: int) -> tuple:
    source, target = (_year(cells.get(name, ""), name, file, line) for name in ("source_year", "target_year"))
    if source == target:
        raise InputError(f"{file}, line {line}: both years are {source}; a change is between two years: correct one")
    codes = [cells.get(name, "").strip() for name in ("source_code", "target_code")]
    bad = [code for code in codes if not _CODE.fullmatch(code)]
    if bad:
        raise InputError(f"{file}, line {line}: `{bad[0]}` is no code of {NATIONAL_DIGITS} digits; correct it")
    has_weight = bool(cells.get("weight", "").strip())
    weight = share_of(cells["weight"], file, line) if has_weight else float("nan")
    first, second = (code.zfill(NATIONAL_DIGITS) for code in codes)
    is_padded = any(len(code) < NATIONAL_DIGITS for code in codes)
    return source, first, target, second, "weights" if has_weight else "", weight, is_padded, file


def _year(text: str, column: str, file: str, line: int) -> str:
    year = text.strip()
    if not is_year(year):
        raise InputError(
            f"{file}, line {line}: {column} `{text}` must be a year from {FIRST_YEAR_OF_HS} on; correct it"
        )
    return year


def is_year(text: str) -> bool:
    """Whether a text is a year in which there were codes of the Harmonised System."""
    return bool(re.fullmatch("[0-9]{4}", text)) and FIRST_YEAR_OF_HS <= int(text) <= LAST_YEAR


def links_over_years(changes: pd.DataFrame, used: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The links between years, of codes that changed and of those that did not; and the codes of each year.

    A code that the table of two years does not mention, on either side, is the same in both. One that it mentions needs
    all its pairs there, also the one with itself. Pairs are correlations, in both directions. A later code with one
    earlier code converts to it. A code with one target has weight one there; where some have several, the table must
    have their weights in that direction.

    Args:
        changes: what `read_changes` gives, of all files.
        used: hs_revision (the year) and product_code of the codes whose flows are to be brought to another year.

    Returns:
        Columns LINKS; and hs_revision, product_code, product_name (null), in order.

    Raises:
        InputError: several files have the same two years in the same direction.
    """
    _refuse_several_files(changes)
    by_time = _by_time(changes)
    known = _codes_of_years(by_time, used)
    pairs = pd.concat([by_time, *_unchanged(by_time, known)], ignore_index=True)
    links = pairs.rename(columns=dict(zip(_BY_TIME, _link_columns("source", "target"), strict=True)))
    is_alone = ~links.duplicated(["source_revision", "target_revision", "source_code"], keep=False)
    parts = [
        links.assign(kind="correlation", weight=np.nan),
        links[is_alone].assign(kind="conversion", weight=np.nan),
        *_weights(changes, pairs),
    ]
    codes = [(year, code, None) for year in sorted(known) for code in sorted(known[year])]
    named = pd.DataFrame(codes, columns=["hs_revision", "product_code", "product_name"])
    return pd.concat([part[LINKS] for part in parts], ignore_index=True), named


def _link_columns(first: str, second: str) -> list[str]:
    return [f"{first}_revision", f"{first}_code", f"{second}_revision", f"{second}_code"]


def _refuse_several_files(changes: pd.DataFrame) -> None:
    files = changes.groupby(["source_revision", "target_revision"]).file.unique()
    faults = [
        f"inputs.hs8_changes: {', '.join(sorted(named))}: changes from {source} to {target}: several tables say them; "
        "leave one in"
        for (source, target), named in files.items()
        if len(named) > 1
    ]
    if faults:
        raise InputError(*faults)


def _by_time(changes: pd.DataFrame) -> pd.DataFrame:
    """Each pair once, whatever its direction: later, later_code, earlier, earlier_code, is_padded, file."""
    turned = changes.source_revision < changes.target_revision
    parts = [
        part.rename(columns=dict(zip(_link_columns(*ends), _BY_TIME, strict=True)))
        for part, ends in ((changes[~turned], ("source", "target")), (changes[turned], ("target", "source")))
    ]
    pairs = pd.concat(parts, ignore_index=True).drop_duplicates(_BY_TIME)
    files = pairs.groupby(["later", "earlier"]).file.transform(lambda named: ", ".join(sorted(set(named))))
    return pairs[[*_BY_TIME, "is_padded"]].assign(file=files)


def _codes_of_years(by_time: pd.DataFrame, used: pd.DataFrame) -> Known:
    """Year -> the codes that it has: those used or mentioned, and those of other years that have not changed since."""
    known: Known = {str(year): set(codes) for year, codes in used.groupby("hs_revision").product_code}
    for year, code in ("later", "later_code"), ("earlier", "earlier_code"):
        for name, codes in by_time.groupby(year)[code]:
            known.setdefault(str(name), set()).update(codes)
    steps = [(later, earlier, mentioned) for later, earlier, mentioned, _ in _steps(by_time)]
    count = -1
    while count != (count := sum(map(len, known.values()))):
        for later, earlier, mentioned in steps:
            same = (known[later] | known[earlier]) - mentioned
            known[later] |= same
            known[earlier] |= same
    return known


def _steps(by_time: pd.DataFrame) -> Iterator[tuple[str, str, set[str], str]]:
    """Of every two years with a table: the later, the earlier, the codes that it mentions, its file."""
    for (later, earlier), rows in by_time.groupby(["later", "earlier"]):
        yield str(later), str(earlier), {*rows.later_code, *rows.earlier_code}, rows.file.iloc[0]


def _unchanged(by_time: pd.DataFrame, known: Known) -> Iterator[pd.DataFrame]:
    for later, earlier, mentioned, file in _steps(by_time):
        same = sorted((known[later] & known[earlier]) - mentioned)
        yield pd.DataFrame(
            {
                **{"later": later, "later_code": same, "earlier": earlier, "earlier_code": same},
                **{"is_padded": False, "file": file},
            }
        )


def _weights(changes: pd.DataFrame, pairs: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The weights of every two years, in each direction in which the table has some or no code has several targets."""
    given = dict(iter(changes.groupby(["source_revision", "target_revision"])))
    for (later, earlier), rows in pairs.groupby(["later", "earlier"]):
        for ends in (("source", "target"), ("target", "source")):
            both = rows.rename(columns=dict(zip(_BY_TIME, _link_columns(*ends), strict=True)))
            direction = (later, earlier) if ends[0] == "source" else (earlier, later)
            weights = _of_direction(both, given.get(direction, changes.iloc[:0]))
            if weights is not None:
                yield both.assign(kind="weights", weight=weights)


def _of_direction(pairs: pd.DataFrame, given: pd.DataFrame) -> pd.Series | None:
    """The weight of each pair: as given, one where a code is alone, else nought; None: none is given, but needed.

    Different weights of one pair are added up, so that they are told as weights that do not add up to one.
    """
    is_alone = ~pairs.source_code.duplicated(keep=False)
    if given.weight.isna().all() and not is_alone.all():
        return None
    codes = ["source_code", "target_code"]
    said = given.drop_duplicates([*codes, "weight"]).groupby(codes).weight.sum(min_count=1)
    found = said.reindex(pd.MultiIndex.from_frame(pairs[codes])).to_numpy()
    return pd.Series(found, index=pairs.index).fillna(is_alone.astype(float))
