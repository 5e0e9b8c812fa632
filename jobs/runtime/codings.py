"""Codings of labels: said once and shared by the layouts that name them, spelled out by years for each layout."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from importlib.abc import Traversable
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from haiguan.transforms.customs.coding import bare_label
from haiguan.transforms.errors import InputError

Coding = dict[str, str | None]
"""Label -> code; None rejects the records that carry the label."""


class Label(BaseModel):
    """What a label of a coded field stands for in some years; a null code rejects the records that carry it."""

    model_config = ConfigDict(frozen=True)
    field: str
    label: str
    code: str | None
    first_year: int
    last_year: int


def shared_codings(folder: Traversable) -> Iterator[tuple[str, Coding]]:
    """Name and coding of each `<name>.yaml` (label: code) and `<name>.csv` (columns label and code) of a folder.

    Raises:
        InputError: one of them is no coding.
    """
    entries = list(folder.iterdir()) if folder.is_dir() else []
    for entry in [entry for entry in entries if entry.name.endswith((".yaml", ".csv"))]:
        text = entry.read_text(encoding="utf-8-sig")
        if entry.name.endswith(".csv"):
            coding = {row["label"]: row["code"] or None for row in csv.DictReader(io.StringIO(text))}
        else:
            coding = yaml.safe_load(text)
        yield entry.name.rsplit(".", 1)[0], _checked_coding(coding, str(entry))


def _checked_coding(coding: Any, where: str) -> Coding:
    """The coding itself.

    Raises:
        InputError: it is no mapping of strings, or two labels differ in leading zeros alone, which do not count.
    """
    if not isinstance(coding, dict):
        raise InputError(f"{where}: a coding is labels with their codes, such as `进口: import`")
    strays = [repr(part) for pair in coding.items() for part in pair if not isinstance(part, str | None)]
    if strays:
        raise InputError(f"{where}: labels and codes are texts; put {', '.join(strays)} in quotes")
    bare = [bare_label(label) for label in coding]
    repeated = sorted({label for label in coding if bare.count(bare_label(label)) > 1})
    if repeated:
        raise InputError(f"{where}: labels that differ in leading zeros alone are the same: {', '.join(repeated)}")
    return coding


def labels_of(
    field: str, parts: Any, years: tuple[int, int], shared: Mapping[str, Coding], where: str
) -> Iterator[Label]:
    """The labels of a coded field, as a layout spells them.

    Args:
        field: coded field.
        parts: the name of a shared coding, a coding, or several of those, later ones over earlier ones; one that holds
            in some years only is `{years: [first, last], coding: ...}`.
        years: first and last year of the layout.
        shared: codings by name.
        where: file of the layout.

    Raises:
        InputError: no shared coding has that name, or a coding is none.
    """
    codings = [(span, _coding(coding, shared, f"{where}: codings.{field}")) for span, coding in _by_years(parts, years)]
    spans: dict[tuple[str, str | None], list[list[int]]] = {}
    for year in range(years[0], years[1] + 1):
        for told in _merged([coding for (first, last), coding in codings if first <= year <= last]):
            of_label = spans.setdefault(told, [])
            if of_label and of_label[-1][1] == year - 1:
                of_label[-1][1] = year
            else:
                of_label.append([year, year])
    for (label, code), found in spans.items():
        for first, last in found:
            yield Label(field=field, label=label, code=code, first_year=first, last_year=last)


def _merged(codings: list[Coding]) -> list[tuple[str, str | None]]:
    """Labels and codes of several codings, later ones over earlier ones."""
    merged = {bare_label(label): (label, code) for coding in codings for label, code in coding.items()}
    return list(merged.values())


def _by_years(parts: Any, years: tuple[int, int]) -> Iterator[tuple[tuple[int, int], Any]]:
    for part in parts if isinstance(parts, list) else [parts]:
        if isinstance(part, dict) and set(part) == {"years", "coding"}:
            yield (part["years"][0], part["years"][-1]), part["coding"]
        else:
            yield years, part


def _coding(part: Any, shared: Mapping[str, Coding], where: str) -> Coding:
    if isinstance(part, str):
        if part not in shared:
            raise InputError(f"{where}: no shared coding is called {part}; there are {', '.join(sorted(shared))}")
        return shared[part]
    return _checked_coding(part, where)
