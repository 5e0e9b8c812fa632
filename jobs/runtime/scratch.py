"""Local scratch: where packed tables and databases are unpacked for as long as a run needs them."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

from haiguan.jobs.runtime import access
from haiguan.jobs.runtime.contents import Content
from haiguan.transforms.errors import InputError


class Scratch:
    """A folder that is made when it is first needed and is gone when nothing refers to it any more."""

    def __init__(self, parent: str | None) -> None:
        """Nothing is made yet.

        Args:
            parent: the folder in which it is made; None: the system's for temporary files.
        """
        self._parent = parent
        self._folder: tempfile.TemporaryDirectory | None = None
        self._placed: dict[str, Path] = {}
        self._one_at_a_time = threading.Lock()

    @property
    def where(self) -> str:
        """The folder, as people are told of it."""
        return self._parent or tempfile.gettempdir()

    @staticmethod
    def unpacks(content: Content) -> bool:
        """Whether a content cannot be read where it lies; text that is packed by gzip is unpacked as it is read."""
        is_read_packed = content.packing == "gzip" and content.kind == "text"
        return content.kind == "access" or (bool(content.packing) and not is_read_packed)

    def place(self, content: Content, charset: str) -> Path:
        """Where the records of a content can be read by name: its own file, or a copy that is unpacked here.

        Args:
            content: to read.
            charset: of text in databases that do not name theirs.

        Raises:
            InputError: it cannot be unpacked.
        """
        if not self.unpacks(content):
            return content.path
        with self._one_at_a_time:
            if content.name not in self._placed:
                self._placed[content.name] = self._unpacked(content, charset)
            return self._placed[content.name]

    def _unpacked(self, content: Content, charset: str) -> Path:
        if self._folder is None:
            if self._parent:
                Path(self._parent).mkdir(parents=True, exist_ok=True)
            self._folder = tempfile.TemporaryDirectory(prefix="haiguan-", dir=self._parent)
        target = Path(self._folder.name) / f"{len(self._placed)}-{_ending(content)}"
        if content.kind == "access":
            access.export(content.path, content.member, charset, target)
            return target
        try:
            with content.open() as stream, target.open("wb") as copy:
                shutil.copyfileobj(stream, copy, 1 << 20)
        except OSError as error:
            raise InputError(
                f"{content.shown}: cannot be unpacked to {self._folder.name} ({error.strerror}); name a folder with "
                "more room with --set run.scratch=DIR"
            ) from None
        return target


def _ending(content: Content) -> str:
    return {"stata": "table.dta", "parquet": "table.parquet", "access": "table.csv", "text": "table.txt"}[content.kind]
