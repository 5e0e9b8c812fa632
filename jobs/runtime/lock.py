"""One writer per lake: a file lock that the JVM holds, since the JVM may outlive a killed Python and write on."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

_SECONDS_BETWEEN_TRIES = 1.0


class LakeHeldError(RuntimeError):
    """Another run holds the lake (exit code 4)."""


@contextlib.contextmanager
def hold(
    session: SparkSession, lake: Path, run_id: str, wait: bool, say: Callable[[str], None] = lambda _: None
) -> Iterator[bool]:
    """Holds the lake for the length of the block, which is told whether another run had to be waited for.

    Raises:
        LakeHeldError: another run holds it, and `wait` is off. The message names the holder.
    """
    handle, locked, has_waited = _lock(session, lake / "lock", wait, say)
    try:
        (lake / "lock.json").write_text(json.dumps(_self(run_id)), encoding="utf-8")
        yield has_waited
    finally:
        (lake / "lock.json").unlink(missing_ok=True)
        locked.release()
        handle.close()


def _lock(session: SparkSession, path: Path, wait: bool, say: Callable[[str], None]) -> tuple[Any, Any, bool]:
    """The open file, its lock, and whether it had to be waited for."""
    handle = session._jvm.java.io.RandomAccessFile(str(path), "rw")  # type: ignore[union-attr]
    told = False
    while (locked := _try(handle)) is None:
        holder = describe_holder(path.parent)
        if not wait:
            handle.close()
            raise LakeHeldError(f"{path.parent}: another run holds this lake: {holder}. Use --wait to wait for it.")
        if not told:
            say(f"waiting for {holder}")
            told = True
        time.sleep(_SECONDS_BETWEEN_TRIES)
    return handle, locked, told


def _try(handle: Any) -> Any:
    """The lock, or None where it is held: by another process, or by this JVM, which Java tells apart."""
    try:
        return handle.getChannel().tryLock()
    except Py4JJavaError as error:
        if "OverlappingFileLockException" in str(error.java_exception):
            return None
        raise


def _self(run_id: str) -> dict[str, Any]:
    started = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return {
        "run": run_id,
        "user": getpass.getuser(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": started,
    }


def describe_holder(lake: Path) -> str:
    """Who took the lake last, as one phrase."""
    try:
        holder = json.loads((lake / "lock.json").read_text(encoding="utf-8"))
        return "run {run}, process {pid} of {user} on {host}, since {since}".format(**holder)
    except (OSError, ValueError, KeyError, TypeError):
        return "a run that has not yet said its name"
