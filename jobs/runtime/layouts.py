"""Layouts of raw files: read from YAML, with the codings that several of them share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import Traversable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from haiguan.jobs.runtime.codings import Coding, Label, labels_of, shared_codings
from haiguan.transforms.customs.coding import CODED_FIELDS, PERIOD_FORMATS
from haiguan.transforms.errors import InputError
from haiguan.transforms.schema import COLUMNS
from haiguan.transforms.schema.columns import HS_REVISIONS

_NEEDED = {"customs": ("file_name", "period", "hs_revision")}


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


OneOrMore = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Layout(BaseModel):
    """How the files of one source, edition and span of years are written, whatever container holds them.

    Attributes:
        name: file name of the YAML without its ending.
        encoding: of text; the first is the usual one. Containers that know their own have that.
        separator: of the fields of a text file; the headings decide between several.
        headings: heading in the file -> column of the raw table.
        constants: column of the raw table -> what it holds in every record, where the files have no such field.
        coalesced: columns that several headings fill; the first that is not blank holds.
        ignored: headings that are known and not used.
        may_lack: headings that a file may do without.
        value_labels: whether labelled variables of Stata are read as their numbers or as the labels' texts.
        file_name: pattern that finds `year` and, where it is there, `month` in the file's name.
        period: how the period is written; one of several ways where several are named.
        period_rule: which month holds where the file's name and a record disagree.
        hs_revision: of the product codes, or first year -> revision.
        firm_code: pattern of a well-formed code of a firm; None: any that is not blank.
        thousands_separator: between the digits of a number; None: there is none.
        partner_basis: which country the partner is.
        labels: of every coded field.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    source: str
    edition: str
    years: tuple[int, int]
    encoding: OneOrMore = ("UTF-8",)
    separator: OneOrMore = (",", "\t")
    headings: dict[str, str]
    constants: dict[str, str] = {}
    coalesced: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    may_lack: tuple[str, ...] = ()
    value_labels: Literal["numbers", "texts"] | None = None
    file_name: str | None = None
    period: OneOrMore = ()
    period_rule: Literal["must_agree", "file_name", "record"] = "must_agree"
    hs_revision: str | dict[int, str] | None = None
    product_digits: int = 8
    product_is_number: bool = False
    firm_code: str | None = None
    thousands_separator: Literal[",", ".", " ", "'"] | None = None
    decimal_separator: Literal[".", ","] = "."
    partner_coding: Literal["labels", "customs_code", "own"] = "labels"
    partner_basis: Literal["consignment", "origin_or_consumption", "origin_or_destination"] | None = None
    labels: tuple[Label, ...] = ()

    def period_of(self, *names: str) -> tuple[int | None, int | None]:
        """Year and month of delivery by the first of the names that tells a year; None for what none tells."""
        for name in names if self.file_name else ():
            found = re.search(self.file_name or "", name)
            if found:
                month = found.groupdict().get("month")
                return int(found["year"]), None if month is None else int(month)
        return None, None

    def differences(self, headings: Sequence[str]) -> tuple[list[str], list[str]]:
        """Headings that the layout does not know, and headings of the layout that the file lacks."""
        unknown = [heading for heading in headings if heading not in self.headings and heading not in self.ignored]
        lacking = [heading for heading in self.headings if heading not in headings and heading not in self.may_lack]
        return unknown, lacking

    def revisions(self) -> list[tuple[int, int, str | None]]:
        """First year, last year and HS revision of each span of years with one revision."""
        if not isinstance(self.hs_revision, dict):
            return [(*self.years, self.hs_revision)]
        starts = sorted(self.hs_revision)
        ends = [start - 1 for start in starts[1:]] + [self.years[1]]
        return [(start, end, self.hs_revision[start]) for start, end in zip(starts, ends, strict=True)]


def load_layouts(source: str, further: str | None = None) -> list[Layout]:
    """The layouts of a source that come with the package, and those in `<further>/<source>/*.yaml`.

    A coding that several layouts share is a file `<source>/codings/<name>.yaml`, or `.csv` with columns label and code.

    Raises:
        InputError: a layout has an unknown key, a wrong type or maps a heading to a column that does not exist.
    """
    folders: list[Traversable] = [files("haiguan.conf").joinpath("layouts").joinpath(source)]
    if further:
        folders.append(Path(further) / source)
    shared = {name: coding for folder in folders for name, coding in shared_codings(folder.joinpath("codings"))}
    entries = [entry for folder in folders if folder.is_dir() for entry in folder.iterdir()]
    written = [entry for entry in entries if entry.name.endswith(".yaml")]
    return [_load(entry, shared) for entry in sorted(written, key=lambda entry: entry.name)]


def _load(entry: Traversable, shared: Mapping[str, Coding]) -> Layout:
    tree = yaml.safe_load(entry.read_text(encoding="utf-8"))
    codings = tree.pop("codings", {})
    try:
        layout = Layout.model_validate({"name": entry.name.removesuffix(".yaml"), **tree})
    except ValidationError as error:
        faults = [f"{entry}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise InputError(*faults) from None
    faults = list(_faults(layout, codings))
    if faults:
        raise InputError(*[f"{entry}: {fault}" for fault in faults])
    labels = [
        label for field, parts in codings.items() for label in labels_of(field, parts, layout.years, shared, str(entry))
    ]
    return layout.model_copy(update={"labels": tuple(labels)})


def _faults(layout: Layout, codings: Mapping[str, Any]) -> Iterator[str]:
    leading = [*layout.headings.values(), *layout.constants]
    strays = sorted({*leading, *layout.coalesced} - set(COLUMNS))
    if strays:
        yield f"headings lead to columns that are not declared: {', '.join(strays)}"
    repeated = sorted({name for name in leading if leading.count(name) > 1} - set(layout.coalesced))
    if repeated:
        yield f"several headings lead to {', '.join(repeated)}; say under `coalesced` that the first not blank holds"
    lacking = [key for key in _NEEDED.get(layout.source, ()) if not getattr(layout, key)]
    if lacking:
        yield f"a layout of {layout.source} files needs {', '.join(lacking)}"
    unknown = [name for name in layout.period if name not in PERIOD_FORMATS]
    if unknown:
        yield f"period: {', '.join(unknown)} is none of {', '.join(PERIOD_FORMATS)}"
    revisions = [revision for _, _, revision in layout.revisions() if revision]
    if not set(revisions) <= set(HS_REVISIONS) or layout.revisions()[0][0] > layout.years[0]:
        yield f"hs_revision: one of {', '.join(HS_REVISIONS)}, or those by first year, the first {layout.years[0]}"
    if set(codings) - set(CODED_FIELDS):
        yield f"codings: {', '.join(set(codings) - set(CODED_FIELDS))} is none of {', '.join(CODED_FIELDS)}"
