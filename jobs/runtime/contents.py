"""What the files of a source hold: text or tables, plain or packed, in archives and databases. Nothing is read yet."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Literal

import numpy as np

from haiguan.jobs.runtime import access
from haiguan.transforms.errors import InputError

Kind = Literal["text", "stata", "parquet", "access"]
Packing = Literal["", "zip", "gzip"]

CHUNK = 1 << 20
_STATA_FORMATS = (113, 114, 115)
_BROKEN = (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, NotImplementedError)


@dataclass(frozen=True)
class Content:
    """One table of records: a file, a member of an archive, or a table of a database.

    Attributes:
        path: where the file lies.
        name: path below the input's root, with forward slashes, and behind it the name inside the file.
        kind: what the bytes are, once unpacked.
        packing: how they are packed.
        member: name inside the archive or the database; empty where the file is all of it.
        size: in bytes; of the member where there is one.
        modified_at: time of last change of the file.
    """

    path: Path
    name: str
    kind: Kind
    packing: Packing
    member: str
    size: int
    modified_at: datetime

    @property
    def names(self) -> tuple[str, ...]:
        """In which the year is looked for: the innermost first."""
        return (self.name.rsplit("/", 1)[-1], self.path.name)

    @property
    def shown(self) -> str:
        """As messages call it."""
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The unpacked bytes.

        Raises:
            InputError: the packing is broken.
        """
        try:
            if self.packing == "zip":
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as stream:
                    yield stream
            elif self.packing == "gzip":
                with gzip.open(self.path) as stream:
                    yield stream  # type: ignore[misc]
            else:
                with self.path.open("rb") as stream:
                    yield stream
        except _BROKEN as error:
            raise _broken(self.shown, error) from None


@dataclass(frozen=True)
class Seal:
    """What reading all bytes of a content once has shown.

    Attributes:
        sha256: of the unpacked bytes, so that a packed file and its original are the same.
        lines: line breaks among them.
        tail: the last bytes.
    """

    sha256: str
    lines: int
    tail: bytes


def seal(content: Content) -> Seal:
    """Reads all bytes of a content once.

    Raises:
        InputError: the packing is broken, or cut off.
    """
    digest, lines, tail = hashlib.sha256(), 0, b""
    with content.open() as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            lines += line_breaks(chunk)
            tail = chunk if len(chunk) == CHUNK else (tail + chunk)[-CHUNK:]
    if content.kind == "access":
        digest.update(content.member.encode())
    return Seal(digest.hexdigest(), lines, tail)


def line_breaks(data: bytes) -> int:
    """How many there are; a fourth of the time that `bytes.count` takes, and other threads go on meanwhile."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == ord("\n")))


def contents_of(path: Path, name: str) -> list[Content]:
    """The tables of records in a file.

    Raises:
        InputError: the file is empty, broken, protected, or of a kind that is not read.
    """
    status = path.stat()
    if status.st_size == 0:
        raise InputError(f"{path}: the file is empty; fetch it again or take it out of the inputs")
    modified_at = datetime.fromtimestamp(status.st_mtime, timezone.utc)
    with path.open("rb") as stream:
        beginning = stream.read(64)
    if beginning.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return list(_members(path, name, modified_at))
    packing: Packing = "gzip" if beginning.startswith(b"\x1f\x8b") else ""
    whole = Content(path, name, "text", packing, "", status.st_size, modified_at)
    kind = _kind(whole)
    if kind == "access":
        _refuse_packed(whole)
        tables = access.tables(path)
        return [Content(path, f"{name}/{table}", kind, "", table, status.st_size, modified_at) for table in tables]
    return [Content(path, name, kind, packing, "", status.st_size, modified_at)]


def _members(path: Path, name: str, modified_at: datetime) -> Iterator[Content]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_hidden(entry.filename)]
    except _BROKEN as error:
        raise _broken(str(path), error) from None
    if any(entry.filename == "[Content_Types].xml" for entry in entries):
        raise InputError(f"{path}: this is an Office document, not a table; save its sheet as CSV in UTF-8")
    if not entries:
        raise InputError(f"{path}: the archive is empty; fetch it again or take it out of the inputs")
    protected = [entry.filename for entry in entries if entry.flag_bits & 1]
    if protected:
        raise InputError(
            f"{path}: {', '.join(protected)} needs a password; unpack the archive yourself and name the unpacked files"
        )
    for entry in sorted(entries, key=lambda entry: entry.filename):
        if entry.file_size == 0:
            raise InputError(f"{path}/{entry.filename}: the file is empty; fetch the archive again")
        whole = Content(path, f"{name}/{entry.filename}", "text", "zip", entry.filename, entry.file_size, modified_at)
        kind = _kind(whole)
        if kind == "access":
            _refuse_packed(whole)
        yield Content(path, whole.name, kind, "zip", entry.filename, entry.file_size, modified_at)


def _is_hidden(member: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in member.split("/"))


def _refuse_packed(content: Content) -> None:
    if content.packing:
        raise InputError(f"{content.shown}: a database inside an archive is not read; unpack the archive first")


def _kind(content: Content) -> Kind:
    """What the bytes are, by how they begin.

    Raises:
        InputError: they are an archive inside an archive, or a document.
    """
    with content.open() as stream:
        beginning = stream.read(64)
    if beginning.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        raise InputError(f"{content.shown}: an archive inside an archive is not read; unpack the outer one first")
    if beginning.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError(f"{content.shown}: this is an Office document, not a table; save its sheet as CSV in UTF-8")
    if beginning[4:19] in (b"Standard Jet DB", b"Standard ACE DB"):
        return "access"
    if beginning.startswith(b"PAR1"):
        return "parquet"
    is_old_stata = beginning[:1] and beginning[0] in _STATA_FORMATS and beginning[1:3] in (b"\x01\x01", b"\x02\x01")
    return "stata" if is_old_stata or beginning.startswith(b"<stata_dta>") else "text"


def _broken(shown: str, error: Exception) -> InputError:
    return InputError(f"{shown}: the archive is broken or cut off ({error}); fetch it again")
