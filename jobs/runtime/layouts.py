"""Layouts of raw files: read from YAML, and found for a file by its headings and its year."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from haiguan.transforms.errors import InputError
from haiguan.transforms.schema import COLUMNS

_ENCODINGS = ("UTF-8", "GB18030", "UTF-16")
_NEEDED = {"customs": ("file_name", "period", "hs_revision")}
_SEPARATORS = (",", "\t", ";", "|")


class Layout(BaseModel):
    """How the files of one source, edition and span of years are written.

    Attributes:
        name: file name of the YAML without its ending.
        headings: heading in the file -> column of the raw table.
        ignored: headings that are known and not used.
        may_lack: headings that a file may do without.
        codings: coded field -> label -> code; a null code rejects the records that carry the label.
        file_name: pattern that finds `year` and, where it is there, `month` in the file's name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    source: str
    edition: str
    years: tuple[int, int]
    container: Literal["csv"]
    encoding: str
    separator: str
    headings: dict[str, str]
    ignored: tuple[str, ...] = ()
    may_lack: tuple[str, ...] = ()
    file_name: str | None = None
    period: Literal["yyyyMM"] | None = None
    hs_revision: str | None = None
    product_digits: int = 8
    product_is_number: bool = False
    partner_coding: Literal["labels", "customs_code"] = "labels"
    codings: dict[str, dict[str, str | None]] = {}

    def year_of(self, file_name: str) -> int | None:
        """Year of delivery, from the file's name; None where the layout or the name has none."""
        found = re.search(self.file_name, file_name) if self.file_name else None
        return int(found.group("year")) if found else None

    def differences(self, headings: Sequence[str]) -> tuple[list[str], list[str]]:
        """Headings that the layout does not know, and headings of the layout that the file lacks."""
        unknown = [heading for heading in headings if heading not in self.headings and heading not in self.ignored]
        lacking = [heading for heading in self.headings if heading not in headings and heading not in self.may_lack]
        return unknown, lacking

    def split(self, first_line: bytes, encoding: str | None = None, separator: str | None = None) -> list[str] | None:
        """The headings in a file's first line, None where it cannot be decoded."""
        try:
            text = first_line.decode(encoding or self.encoding).lstrip("\ufeff").rstrip("\r\n")
        except UnicodeDecodeError:
            return None
        return next(csv.reader(io.StringIO(text), delimiter=separator or self.separator), [])


def load_layouts(source: str, further: str | None = None) -> list[Layout]:
    """The layouts of a source that come with the package, and those in `<further>/<source>/*.yaml`.

    Raises:
        InputError: a layout has an unknown key, a wrong type or maps a heading to a column that does not exist.
    """
    folders: list[Traversable] = [files("haiguan.conf").joinpath("layouts").joinpath(source)]
    if further:
        folders.append(Path(further) / source)
    found = [
        entry for folder in folders if folder.is_dir() for entry in folder.iterdir() if entry.name.endswith(".yaml")
    ]
    return [_load(entry) for entry in sorted(found, key=lambda entry: entry.name)]


def _load(entry: Traversable) -> Layout:
    tree = yaml.safe_load(entry.read_text(encoding="utf-8"))
    try:
        layout = Layout.model_validate({"name": entry.name.removesuffix(".yaml"), **tree})
    except ValidationError as error:
        faults = [f"{entry}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise InputError(*faults) from None
    strays = sorted(set(layout.headings.values()) - set(COLUMNS))
    if strays:
        raise InputError(f"{entry}: headings lead to columns that are not declared: {', '.join(strays)}")
    lacking = [key for key in _NEEDED.get(layout.source, ()) if getattr(layout, key) is None]
    if lacking:
        raise InputError(f"{entry}: a layout of {layout.source} files needs {', '.join(lacking)}")
    return layout


def find_layout(file: str, first_line: bytes, layouts: Sequence[Layout]) -> Layout:
    """The one layout that fits a file by its headings and the year in its name.

    Raises:
        InputError: none fits, or two do; the message says what the nearest would need.
    """
    fitting = [layout for layout in layouts if _fits(file, first_line, layout)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(layout.name for layout in fitting)
        raise InputError(f"{file}, line 1: the headings fit several layouts ({names}); narrow their years or headings")
    raise InputError(_why_none(file, first_line, layouts))


def _fits(
    file: str, first_line: bytes, layout: Layout, encoding: str | None = None, separator: str | None = None
) -> bool:
    headings = layout.split(first_line, encoding, separator)
    if headings is None or layout.differences(headings) != ([], []):
        return False
    year = layout.year_of(Path(file).name)
    return layout.file_name is None or (year is not None and layout.years[0] <= year <= layout.years[1])


def _why_none(file: str, first_line: bytes, layouts: Sequence[Layout]) -> str:
    for layout in layouts:
        for encoding in _ENCODINGS:
            if encoding != layout.encoding and _fits(file, first_line, layout, encoding=encoding):
                return (
                    f"{file}, line 1: the file is written in {encoding}, layout {layout.name} is in {layout.encoding}; "
                    f"convert the file (iconv -f {encoding} -t {layout.encoding}) or add a layout with that encoding"
                )
        for separator in _SEPARATORS:
            if separator != layout.separator and _fits(file, first_line, layout, separator=separator):
                return (
                    f"{file}, line 1: the fields are separated by {separator!r}, layout {layout.name} has "
                    f"{layout.separator!r}; convert the file or add a layout with that separator"
                )
    return _nearest(file, first_line, layouts)


def _nearest(file: str, first_line: bytes, layouts: Sequence[Layout]) -> str:
    tried = [(layout, layout.split(first_line)) for layout in layouts]
    readable = [(layout, headings) for layout, headings in tried if headings is not None]
    if not readable:
        return (
            f"{file}, line 1: the headings are in none of the encodings of the layouts "
            f"({', '.join(sorted({layout.encoding for layout in layouts}))}); say which it is in a layout of its own"
        )
    layout, headings = min(readable, key=lambda pair: sum(map(len, pair[0].differences(pair[1]))))
    unknown, lacking = layout.differences(headings)
    if not unknown and not lacking:
        return _wrong_year(file, layout)
    said = [f"not in the layout: {', '.join(unknown)}"] if unknown else []
    said += [f"missing in the file: {', '.join(lacking)}"] if lacking else []
    return (
        f"{file}, line 1: no layout has these headings; the nearest is {layout.name} ({'; '.join(said)}). Add the "
        f"headings to it, under `ignored` where they are not wanted, or add a layout (CONTRIBUTING.md, 'A layout')"
    )


def _wrong_year(file: str, layout: Layout) -> str:
    year = layout.year_of(Path(file).name)
    first, last = layout.years
    if year is None:
        return f"{file}: no year in the file's name; layout {layout.name} finds it by the pattern {layout.file_name}"
    return f"{file}: the headings are those of layout {layout.name}, for {first} to {last}, but the file is of {year}"


def labels(layouts: Sequence[Layout]) -> list[Mapping[str, str | None]]:
    """layout, field, label, code: every label of every coded field, as rows."""
    return [
        {"layout": layout.name, "field": field, "label": label, "code": code}
        for layout in layouts
        for field, coding in layout.codings.items()
        for label, code in coding.items()
    ]
