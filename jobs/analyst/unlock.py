"""Unlocking: removes what a dead run has left of its claim on a lake, and never the claim of one that lives."""

from __future__ import annotations

import fcntl
from pathlib import Path

from haiguan.jobs.runtime.lock import LakeHeldError, describe_holder


def is_held(lake: Path) -> bool:
    """Whether a live process holds the lake. The JVM's file lock is a POSIX record lock, which fcntl sees."""
    try:
        with (lake / "lock").open("r+b") as handle:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except (BlockingIOError, PermissionError) as error:
        if isinstance(error, PermissionError) and error.filename:
            raise
        return True
    return False


def remove_stale_claim(lake: Path) -> str | None:
    """Removes lock.json of a lake that nobody holds; returns whose it was, None where there was none.

    Raises:
        LakeHeldError: a live process holds the lake.
    """
    if is_held(lake):
        raise LakeHeldError(f"{lake}: nothing removed, a live run holds this lake: {describe_holder(lake)}")
    claim = lake / "lock.json"
    if not claim.exists():
        return None
    holder = describe_holder(lake)
    claim.unlink(missing_ok=True)
    return holder
