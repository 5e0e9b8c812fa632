"""The files of a source: found, hashed, told apart from their copies, and checked before anything is read."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from haiguan.jobs.runtime import access
from haiguan.jobs.runtime.contents import CHUNK, Content, Seal, contents_of, seal
from haiguan.jobs.runtime.headings import Fit, Head, NamesHead, TextHead, decoded, find_layout, fits, split
from haiguan.jobs.runtime.layouts import Layout
from haiguan.jobs.runtime.scratch import Scratch
from haiguan.jobs.runtime.tables import BYTES, TableHead, table_head
from haiguan.transforms.errors import InputError

Result = TypeVar("Result")

_BYTES_PER_LINE = 100  # where nobody has counted the lines


@dataclass(frozen=True)
class File:
    """One table of records of a source: a file, a member of an archive, or a table of a database.

    Attributes:
        content: where it is.
        sha256: of its unpacked bytes.
        layout: by which it is read.
        encoding: of its text.
        separator: of its fields; empty where it is no text.
        headings: in the order of the file.
        records: about how many it has.
        year: of delivery; None where the layout has none.
        month: of delivery; None where the file's name tells none.
        repeats: other files of the source that have these very bytes.
        charset: of text in a database that does not name its own.
    """

    content: Content
    sha256: str
    layout: Layout
    encoding: str
    separator: str
    headings: tuple[str, ...]
    records: int = 0
    year: int | None = None
    month: int | None = None
    repeats: tuple[File, ...] = ()
    charset: str = ""

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.content.path

    @property
    def name(self) -> str:
        """Its path below the input's root, with forward slashes: the same on every machine."""
        return self.content.name

    @property
    def copies(self) -> int:
        """How many files of the source have these very bytes, itself included."""
        return 1 + len(self.repeats)

    @property
    def file_id(self) -> str:
        """First 16 hex digits of the SHA-256 of the name."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Known:
    """What an earlier run found out about a file, good as long as size and time have not changed.

    Attributes:
        size: of the file.
        modified_at: time of last change.
        sha256: of its bytes.
        encoding: of its text.
        headings: of a table, which would have to be unpacked to be asked again.
        records: how many it has.
    """

    size: int
    modified_at: datetime
    sha256: str
    encoding: str = ""
    headings: tuple[str, ...] = ()
    records: int | None = None

    def is_of(self, content: Content) -> bool:
        """Whether it still holds."""
        return (self.size, self.modified_at) == (content.size, content.modified_at)


@dataclass(frozen=True)
class Looking:
    """With what the files of a source are looked at.

    Attributes:
        layouts: those of the source.
        years: first and last year that a file may be of.
        known: name -> what is known of it; such a file is not hashed again.
        scratch: where packed tables are unpacked.
    """

    layouts: Sequence[Layout]
    years: tuple[int, int]
    known: Mapping[str, Known]
    scratch: Scratch


def take_inventory(source: str, paths: str | Sequence[str], looking: Looking) -> list[File]:
    """The files of a source in the order of their names, every distinct content once.

    Args:
        source: name under `inputs`.
        paths: file, folder or glob, or several.
        looking: layouts, years and what is known.

    Raises:
        InputError: all faults of all files: missing, empty, without a layout, cut off, of a year outside the settings.
    """
    paths_and_names, faults = _discover(source, paths)
    contents = _gathered(faults, [partial(contents_of, path, name) for path, name in paths_and_names])
    found = _gathered(faults, [partial(_examine, content, looking) for of_file in contents for content in of_file])
    distinct = _without_copies(found)
    faults += _shared_names(source, distinct)
    if faults:
        raise InputError(*faults)
    return distinct


def _gathered(faults: list[str], tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """What the tasks return, side by side; the faults of those that fail are added to `faults`."""
    done = []
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        for started in [workers.submit(task) for task in tasks]:
            try:
                done.append(started.result())
            except InputError as error:
                faults += error.faults
    return done


def _discover(source: str, paths: str | Sequence[str]) -> tuple[list[tuple[Path, str]], list[str]]:
    """Path and name of every file, sorted by name, hidden files passed over; and the paths where there is none."""
    listed = [paths] if isinstance(paths, str) else list(paths)
    found: dict[Path, str] = {}
    faults = []
    for text in listed:
        matches = [(Path(match), root) for match, root in expand(text) if not Path(match).name.startswith(".")]
        if not matches:
            faults.append(
                f"inputs.{source}: {text}: no such file, and no file in it; correct the path or set it to null"
            )
        found.update({path: path.relative_to(root).as_posix() for path, root in matches})
    return sorted(found.items(), key=lambda pair: (pair[1], str(pair[0]))), faults


def expand(text: str) -> list[tuple[Path, Path]]:
    """The files that a file, a folder or a glob names, each with the folder below which its name begins."""
    path = Path(text)
    if path.is_dir():
        return [(below, path) for below in path.rglob("*") if below.is_file()]
    if path.is_file():
        return [(path, path.parent)]
    root = Path(text.split("*")[0].split("?")[0].split("[")[0])
    root = root if root.is_dir() else root.parent
    return [(Path(match), root) for match in glob.glob(text, recursive=True) if Path(match).is_file()]


def _examine(content: Content, looking: Looking) -> File:
    known = looking.known.get(content.name)
    known = known if known is not None and known.is_of(content) else None
    table = _table_head(content, known, looking)
    head, fit, charset = _fitting(content, table, looking)
    year, month = fit.layout.period_of(*content.names)
    _refuse_other_periods(content, year, month, looking.years)
    _refuse_repeated(content, head, fit)
    _refuse_labelled(content, table, fit)
    if known is None:
        sealed = seal(content)
        records = sealed.lines if table is None else table.rows
        known = Known(content.size, content.modified_at, sealed.sha256, records=records)
        _refuse_truncated(content, sealed, fit)
    records = content.size // _BYTES_PER_LINE if known.records is None else known.records
    return File(content, known.sha256, fit.layout, *fit.reading, records, year, month, charset=charset)


def _table_head(content: Content, known: Known | None, looking: Looking) -> TableHead | None:
    """The head of a table; one that is packed is not unpacked again only to be asked for it."""
    if content.kind not in ("stata", "parquet"):
        return None
    if known is not None and known.headings and content.packing:
        names = tuple(heading.encode(known.encoding) for heading in known.headings)
        return TableHead(NamesHead(names, known.encoding), known.records or 0, {})
    return table_head(looking.scratch.place(content, ""), content.kind)


def _fitting(content: Content, table: TableHead | None, looking: Looking) -> tuple[Head, Fit, str]:
    """The headings, the layout that they fit, and the charset of text in a database that does not name its own."""
    if content.kind == "access":
        return _fitting_database(content, looking.layouts)
    head = _text_head(content) if table is None else table.head
    return head, find_layout(content.shown, head, looking.layouts, content.names), ""


def _fitting_database(content: Content, layouts: Sequence[Layout]) -> tuple[Head, Fit, str]:
    """Old databases do not name the encoding of their text: it is one under which a layout knows the headings."""
    charsets = list(dict.fromkeys(encoding for layout in layouts for encoding in layout.encoding))
    heads = [NamesHead(access.headings(content.path, content.member, charset), access.ENCODING) for charset in charsets]
    for head, charset in zip(heads, charsets, strict=True):
        if any(fits(head, layout, content.names) for layout in layouts):
            return head, find_layout(content.shown, head, layouts, content.names), charset
    return heads[0], find_layout(content.shown, heads[0], layouts, content.names), charsets[0]


def _text_head(content: Content) -> TextHead:
    with content.open() as stream:
        beginning = stream.read(CHUNK)
    head = TextHead(beginning if len(beginning) == CHUNK else beginning + b"\n")
    if head.beginning.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in head.first_line:
        raise InputError(
            f"{content.shown}: the file is written in UTF-16, or is no text; convert it: "
            "iconv -f UTF-16 -t UTF-8 FILE > NEW"
        )
    return head


def _refuse_other_periods(content: Content, year: int | None, month: int | None, years: tuple[int, int]) -> None:
    if year is not None and not years[0] <= year <= years[1]:
        raise InputError(
            f"{content.shown}: the file is of {year}, but run.years is {years[0]} to {years[1]}; widen run.years or "
            "take it out"
        )
    if month is not None and not 1 <= month <= 12:
        raise InputError(f"{content.shown}: the file's name tells month {month}; there is none, so rename the file")


def _refuse_repeated(content: Content, head: Head, fit: Fit) -> None:
    """A heading that stands twice leaves it open which field is meant, and so do two of one column."""
    leads, headings = fit.layout.headings, fit.reading.headings
    columns = [leads[heading] for heading in headings if heading in leads]
    doubled = {column for column in columns if columns.count(column) > 1 and column not in fit.layout.coalesced}
    repeated = [
        heading
        for heading in dict.fromkeys(headings)
        if heading in leads and (leads[heading] in doubled or headings.count(heading) > 1)
    ]
    if repeated:
        raise InputError(
            f"{content.shown}{head.place}: a column stands twice in the headings ({', '.join(repeated)}); take one of "
            "them out"
        )


def _refuse_labelled(content: Content, table: TableHead | None, fit: Fit) -> None:
    """The numbers of a labelled variable may mean something of their own, or nothing without their labels."""
    if table is None or fit.layout.value_labels:
        return
    shown = {
        _as_written(name, fit.reading.encoding): _as_written(labels, fit.reading.encoding)
        for name, labels in table.labelled.items()
    }
    used = [f"{name} ({labels})" for name, labels in shown.items() if name in fit.layout.headings]
    if used:
        raise InputError(
            f"{content.shown}: variables with value labels: {'; '.join(used)}; say `value_labels: numbers` or "
            f"`value_labels: texts` in layout {fit.layout.name}, whichever its codings know"
        )


def _as_written(stored: str, encoding: str) -> str:
    return stored.encode(BYTES).decode(encoding, "replace")


def _refuse_truncated(content: Content, sealed: Seal, fit: Fit) -> None:
    """A text file that ends inside a line was cut off when it was copied or fetched.

    Raises:
        InputError: no line break at the end, and fewer fields in the last line than in the heading.
    """
    if content.kind != "text" or sealed.tail.endswith(b"\n"):
        return
    text = decoded(sealed.tail[sealed.tail.rfind(b"\n") + 1 :], fit.reading.encoding)
    found, fields = len(split(text or "", fit.reading.separator)), len(fit.reading.headings)
    if text is None or found < fields:
        raise InputError(
            f"{content.shown}, line {sealed.lines + 1}: the file ends in the middle of a line ({found} of {fields} "
            "fields); fetch or unpack it again"
        )


def _shared_names(source: str, files: Sequence[File]) -> list[str]:
    """Files that only the inputs above them tell apart: a record is traced by the name below them."""
    by_name: dict[str, list[File]] = {}
    for file in files:
        by_name.setdefault(file.name, []).append(file)
    return [
        f"inputs.{source}: {' and '.join(str(file.path) for file in alike)} have the same name below their inputs; "
        "name the folder above both instead"
        for alike in by_name.values()
        if len(alike) > 1
    ]


def _without_copies(found: Sequence[File]) -> list[File]:
    """Every distinct content once, under its shortest name, with the others that have it.

    A copy has the longer name, as in `data200309(1).csv`; of names of one length the first in their order is taken.
    """
    by_content: dict[str, list[File]] = {}
    for file in sorted(found, key=lambda file: (len(file.name), file.name)):
        by_content.setdefault(file.sha256, []).append(file)
    distinct = [replace(original, repeats=tuple(copies)) for original, *copies in by_content.values()]
    return sorted(distinct, key=lambda file: file.name)
