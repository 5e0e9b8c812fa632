"""The files of a source: found, hashed, told apart from their copies, and checked before anything is read."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from haiguan.jobs.runtime.headings import Reading, TextHead, decoded, find_layout, split
from haiguan.jobs.runtime.layouts import Layout
from haiguan.transforms.errors import InputError

_CHUNK = 1 << 20


@dataclass(frozen=True)
class File:
    """One file of a source.

    Attributes:
        path: where it lies.
        name: its path below the input's root, with forward slashes: the same on every machine.
        size: in bytes.
        modified_at: time of last change.
        sha256: of its bytes.
        layout: by which it is read.
        encoding: of its text.
        separator: of its fields.
        headings: in the order of the file.
        year: of delivery; None where the layout has none.
        month: of delivery; None where the file's name tells none.
        copies: how many files of the source have these very bytes.
    """

    path: Path
    name: str
    size: int
    modified_at: datetime
    sha256: str
    layout: Layout
    encoding: str
    separator: str
    headings: tuple[str, ...]
    year: int | None
    month: int | None = None
    copies: int = 1

    @property
    def file_id(self) -> str:
        """First 16 hex digits of the SHA-256 of the name."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Known:
    """What an earlier run found out about a file, good as long as size and time have not changed."""

    size: int
    modified_at: datetime
    sha256: str


def take_inventory(
    source: str,
    paths: str | Sequence[str],
    layouts: Sequence[Layout],
    years: tuple[int, int],
    known: Mapping[str, Known],
) -> list[File]:
    """The files of a source in the order of their names, every distinct content once.

    Args:
        source: name under `inputs`.
        paths: file, folder or glob, or several.
        layouts: those of the source.
        years: first and last year that a file may be of.
        known: name -> what is known of it; such a file is not hashed again.

    Raises:
        InputError: all faults of all files: missing, empty, without a layout, cut off, of a year outside the settings.
    """
    paths_and_names, faults = _discover(source, paths)
    found: list[File] = []
    for path, name in paths_and_names:
        try:
            found.append(_examine(path, name, layouts, years, known.get(name)))
        except InputError as error:
            faults += error.faults
    distinct = _without_copies(found)
    faults += _shared_names(source, distinct)
    if faults:
        raise InputError(*faults)
    return distinct


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


def _examine(path: Path, name: str, layouts: Sequence[Layout], years: tuple[int, int], known: Known | None) -> File:
    _refuse_unseen_by_spark(path)
    status = path.stat()
    if status.st_size == 0:
        raise InputError(f"{path}: the file is empty; fetch it again or take it out of the inputs")
    with path.open("rb") as stream:
        head = TextHead(stream.read(_CHUNK) + (b"" if status.st_size > _CHUNK else b"\n"))
    _refuse_utf_16(path, head)
    layout, reading = find_layout(str(path), head, layouts)
    year, month = layout.period_of(path.name)
    _refuse_other_periods(path, year, month, years)
    _refuse_repeated(path, reading.headings, layout)
    _refuse_truncated(path, reading)
    modified_at = datetime.fromtimestamp(status.st_mtime, timezone.utc)
    unchanged = known is not None and (known.size, known.modified_at) == (status.st_size, modified_at)
    sha256 = known.sha256 if known is not None and unchanged else _sha256(path)
    return File(path, name, status.st_size, modified_at, sha256, layout, *reading, year, month)


def _refuse_utf_16(path: Path, head: TextHead) -> None:
    if head.beginning.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in head.first_line:
        raise InputError(f"{path}: the file is written in UTF-16; convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW")


def _refuse_other_periods(path: Path, year: int | None, month: int | None, years: tuple[int, int]) -> None:
    if year is not None and not years[0] <= year <= years[1]:
        raise InputError(
            f"{path}: the file is of {year}, but run.years is {years[0]} to {years[1]}; widen run.years or take it out"
        )
    if month is not None and not 1 <= month <= 12:
        raise InputError(f"{path}: the file's name tells month {month}; there is none, so rename the file")


def _refuse_unseen_by_spark(path: Path) -> None:
    """Spark passes over such files without a word, also where they are named one by one."""
    if (path.name.startswith("_") and "=" not in path.name) or path.name.endswith("._COPYING_"):
        raise InputError(f"{path}: Spark does not read files whose names begin with _ or end in ._COPYING_; rename it")


def _refuse_repeated(path: Path, headings: Sequence[str], layout: Layout) -> None:
    """A heading that stands twice leaves it open which field is meant, and so do two of one column."""
    columns = [layout.headings[heading] for heading in headings if heading in layout.headings]
    doubled = {column for column in columns if columns.count(column) > 1 and column not in layout.coalesced}
    repeated = [
        heading
        for heading in dict.fromkeys(headings)
        if heading in layout.headings and (layout.headings[heading] in doubled or headings.count(heading) > 1)
    ]
    if repeated:
        raise InputError(
            f"{path}, line 1: a column stands twice in the headings ({', '.join(repeated)}); take one of them out"
        )


def _refuse_truncated(path: Path, reading: Reading) -> None:
    """A file that ends inside a line was cut off when it was copied or fetched.

    Raises:
        InputError: no line break at the end, and fewer fields in the last line than in the heading.
    """
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _CHUNK))
        tail = stream.read()
    if tail.endswith(b"\n"):
        return
    last_line = tail[tail.rfind(b"\n") + 1 :]
    text = decoded(last_line, reading.encoding)
    found, fields = len(split(text or "", reading.separator)), len(reading.headings)
    if text is None or found < fields:
        lines = sum(chunk.count(b"\n") for chunk in _chunks(path)) + 1
        raise InputError(
            f"{path}, line {lines}: the file ends in the middle of a line ({found} of {fields} fields); "
            "fetch or unpack it again"
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


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
    """Every distinct content once, under its shortest name, with the number of its copies.

    A copy has the longer name, as in `data200309(1).csv`; of names of one length the first in their order is taken.
    """
    by_content: dict[str, list[File]] = {}
    for file in found:
        by_content.setdefault(file.sha256, []).append(file)
    originals = [min(files, key=lambda file: (len(file.name), file.name)) for files in by_content.values()]
    distinct = [replace(original, copies=len(by_content[original.sha256])) for original in originals]
    return sorted(distinct, key=lambda file: file.name)
