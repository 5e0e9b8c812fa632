"""Which layout a file has: found by its headings and its year, and where none fits, what the nearest would need."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from haiguan.jobs.runtime.layouts import Layout
from haiguan.transforms.errors import InputError

_BOM = b"\xef\xbb\xbf"
_ENCODINGS = ("UTF-8", "GB18030", "UTF-16")
_SEPARATORS = (",", "\t", ";", "|")


class Reading(NamedTuple):
    """One way to read the headings of a file; the separator is empty where the fields are not separated by text."""

    encoding: str
    separator: str
    headings: tuple[str, ...]


class Head(Protocol):
    """The beginning of a file, whatever its container."""

    def readings(self, encodings: Sequence[str], separators: Sequence[str]) -> Iterator[Reading]:
        """The headings under each encoding and separator under which there are any."""
        ...

    @property
    def place(self) -> str:
        """Where in the file the headings stand."""
        ...


@dataclass(frozen=True)
class TextHead:
    """The first lines of a text file; the first holds the headings."""

    beginning: bytes
    place: str = ", line 1"

    @property
    def first_line(self) -> bytes:
        """The line with the headings, without its line break and without a byte order mark."""
        return self.beginning.split(b"\n", 1)[0].rstrip(b"\r").removeprefix(_BOM)

    def readings(self, encodings: Sequence[str], separators: Sequence[str]) -> Iterator[Reading]:
        """The headings under each encoding and separator; a byte order mark leaves UTF-8 alone."""
        for encoding in self._likely(encodings):
            text = decoded(self.first_line, encoding)
            for separator in separators if text is not None else ():
                yield Reading(encoding, separator, tuple(split(text or "", separator)))

    def _likely(self, encodings: Sequence[str]) -> list[str]:
        """UTF-8 first where most lines are: text of another encoding hardly ever passes for it."""
        if self.beginning.startswith(_BOM):
            return [encoding for encoding in encodings if encoding == "UTF-8"] or ["UTF-8"]
        lines = [line for line in self.beginning.split(b"\n")[:-1] if not line.isascii()]
        if not lines:
            return list(encodings)
        strange = [line for line in lines if decoded(line, "UTF-8") is None]
        return sorted(encodings, key=lambda encoding: (encoding == "UTF-8") == (2 * len(strange) > len(lines)))


@dataclass(frozen=True)
class NamesHead:
    """The variables of a table, as bytes; `encoding` where the container knows it."""

    names: tuple[bytes, ...]
    encoding: str | None = None
    place: str = ""

    def readings(self, encodings: Sequence[str], separators: Sequence[str]) -> Iterator[Reading]:
        """The names under each encoding, or under the container's own."""
        for encoding in [self.encoding] if self.encoding else encodings:
            texts = [decoded(name, encoding) for name in self.names]
            if None not in texts:
                yield Reading(encoding, "", tuple(text or "" for text in texts))


class Fit(NamedTuple):
    """The layout of a file, and how its headings were read."""

    layout: Layout
    reading: Reading


def decoded(data: bytes, encoding: str) -> str | None:
    """The text of some bytes, None where they are not in the encoding."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def split(line: str, separator: str) -> list[str]:
    """The fields of a line."""
    return next(csv.reader(io.StringIO(line), delimiter=separator), [])


def find_layout(file: str, head: Head, layouts: Sequence[Layout], names: Sequence[str] = ()) -> Fit:
    """The one layout that fits a file by its headings and the year in its name.

    Args:
        file: as messages call it.
        head: its headings.
        layouts: of the source.
        names: in which its year is looked for, one after the other; none: in `file`.

    Raises:
        InputError: none fits, or two do; the message says what the nearest would need.
    """
    names = names or (file.rsplit("/", 1)[-1],)
    found = [fit for layout in layouts for fit in [_fit(head, layout, names)] if fit is not None]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(_all_headings(head, layouts))
    if found:
        fitting = ", ".join(fit.layout.name for fit in found)
        raise InputError(
            f"{file}{head.place}: the headings ({shown}) fit several layouts ({fitting}); narrow their years or their "
            "headings"
        )
    raise InputError(_why_none(file, head, layouts, names, shown))


def fits(head: Head, layout: Layout, names: Sequence[str]) -> bool:
    """Whether a layout knows the headings and is for the year in the names."""
    return _fit(head, layout, names) is not None


def _fit(head: Head, layout: Layout, names: Sequence[str]) -> Fit | None:
    year, _ = layout.period_of(*names)
    is_of_years = layout.file_name is None or (year is not None and layout.years[0] <= year <= layout.years[1])
    for reading in head.readings(layout.encoding, layout.separator) if is_of_years else ():
        if layout.differences(reading.headings) == ([], []):
            return Fit(layout, reading)
    return None


def _all_headings(head: Head, layouts: Sequence[Layout]) -> Sequence[str]:
    """The headings as the first layout that can decode them would read them, split as finely as any does."""
    readings = [reading for layout in layouts for reading in head.readings(layout.encoding, layout.separator)]
    return max((reading.headings for reading in readings), key=len, default=())


def _why_none(file: str, head: Head, layouts: Sequence[Layout], names: Sequence[str], shown: str) -> str:
    for layout in layouts:
        for encoding in [encoding for encoding in _ENCODINGS if encoding not in layout.encoding]:
            if _fit(head, layout.model_copy(update={"encoding": (encoding,)}), names):
                ours = " or ".join(layout.encoding)
                return (
                    f"{file}{head.place}: the file is written in {encoding}, layout {layout.name} is in {ours}; "
                    f"convert the file (iconv -f {encoding} -t {layout.encoding[0]}) or add a layout with that encoding"
                )
        for separator in [separator for separator in _SEPARATORS if separator not in layout.separator]:
            if _fit(head, layout.model_copy(update={"separator": (separator,)}), names):
                ours = " or ".join(map(repr, layout.separator))
                return (
                    f"{file}{head.place}: the fields are separated by {separator!r}, layout {layout.name} has {ours}; "
                    "convert the file or add a layout with that separator"
                )
    return _nearest(file, head, layouts, names, shown)


def _nearest(file: str, head: Head, layouts: Sequence[Layout], names: Sequence[str], shown: str) -> str:
    tried = [
        (layout, reading.headings) for layout in layouts for reading in head.readings(layout.encoding, layout.separator)
    ]
    if not tried:
        encodings = sorted({encoding for layout in layouts for encoding in layout.encoding})
        return (
            f"{file}{head.place}: the headings are in none of the encodings of the layouts ({', '.join(encodings)}); "
            "say which it is in a layout of its own"
        )
    layout, headings = min(tried, key=lambda pair: sum(map(len, pair[0].differences(pair[1]))))
    unknown, lacking = layout.differences(headings)
    if not unknown and not lacking:
        return _wrong_year(file, [fit for fit, found in tried if fit.differences(found) == ([], [])], names)
    said = [f"not in the layout: {', '.join(unknown)}"] if unknown else []
    said += [f"missing in the file: {', '.join(lacking)}"] if lacking else []
    return (
        f"{file}{head.place}: no layout has these headings ({shown}); the nearest is {layout.name} "
        f"({'; '.join(said)}). Add the headings to it, under `ignored` where they are not wanted, or add a layout "
        "(CONTRIBUTING.md, 'A layout')"
    )


def _wrong_year(file: str, fitting: Sequence[Layout], names: Sequence[str]) -> str:
    told = [(layout, layout.period_of(*names)[0]) for layout in fitting]
    if all(year is None for _, year in told):
        patterns = "; ".join(f"layout {layout.name} finds it by the pattern {layout.file_name}" for layout, _ in told)
        return f"{file}: no year in the file's name; {patterns}"
    spans = ", ".join(f"{layout.name}, for {layout.years[0]} to {layout.years[1]}" for layout, _ in told)
    year = next(year for _, year in told if year is not None)
    return f"{file}: the headings are those of layout {spans}, but the file is of {year}"
