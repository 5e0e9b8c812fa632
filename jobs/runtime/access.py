"""Microsoft Access databases, through Debian's mdbtools: which tables there are, and one of them as CSV."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from haiguan.transforms.errors import InputError

ENCODING = "UTF-8"
SEPARATOR = ","
_LEGACY_CHARSET = "MDB_JET3_CHARSET"


def tables(path: Path) -> list[str]:
    """The names of the tables of a database.

    Raises:
        InputError: mdbtools are not installed, the database cannot be opened, or it has no table.
    """
    found = sorted(name for name in _output(path, ["mdb-tables", "-1", str(path)]).splitlines() if name)
    if not found:
        raise InputError(f"{path}: the database has no table, or needs a password; export its tables as CSV instead")
    return found


def headings(path: Path, table: str, charset: str) -> tuple[bytes, ...]:
    """The names of the columns of a table."""
    command = _export(path, table)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(charset)) as of:
        line = of.stdout.readline() if of.stdout else b""
        of.kill()
    fields = next(csv.reader([line.decode(ENCODING, "replace").rstrip("\n")]), [])
    return tuple(field.encode() for field in fields)


def export(path: Path, table: str, charset: str, target: Path) -> None:
    """Writes a table as CSV in UTF-8, dates as 2005-12-31; line breaks and the like inside a field as in C.

    Raises:
        InputError: mdbtools cannot read the table.
    """
    with target.open("wb") as stream:
        _run(path, _export(path, table), stream.fileno(), charset)


def _export(path: Path, table: str) -> list[str]:
    return ["mdb-export", "-D", "%Y-%m-%d", "-T", "%Y-%m-%d", "-e", str(path), table]


def _output(path: Path, command: Sequence[str]) -> str:
    return _run(path, command, subprocess.PIPE, ENCODING).decode(ENCODING)


def _run(path: Path, command: Sequence[str], output: int, charset: str) -> bytes:
    if shutil.which(command[0]) is None:
        raise InputError(
            f"{path}: an Access database is read through mdbtools, and {command[0]} is not installed; install it "
            "(Debian: apt-get install mdbtools) or export the tables as CSV"
        )
    done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, env=_environment(charset))
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().replace("\n", "; ")
        raise InputError(f"{path}: {command[0]} cannot read the database ({said}); export its tables as CSV instead")
    return done.stdout or b""


def _environment(charset: str) -> dict[str, str]:
    """Databases of Access 97 hold text in the code page of their machine, which they do not name."""
    return {**os.environ, _LEGACY_CHARSET: os.environ.get(_LEGACY_CHARSET, charset), "MDBICONV": ENCODING}
