"""The doctor: whether this machine, its packages and the lake are fit for a run, and what to do where they are not."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from packaging.requirements import Requirement
from packaging.version import Version

from haiguan.jobs.analyst.catalogue import data_files, is_begun, open_lake
from haiguan.jobs.analyst.unlock import is_held
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.lock import describe_holder
from haiguan.jobs.runtime.session import INSTALL_JAVA, SparkSettings, find_java, open_session
from haiguan.jobs.runtime.settings import Settings
from haiguan.transforms.errors import InputError
from haiguan.transforms.schema import TABLES

PYTHONS = ((3, 10), (3, 12))
# Delta keeps replaced files until they are vacuumed, and Spark spills: below this a run on real files may not end.
ENOUGH_BYTES = 5 * 10**9
_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Finding:
    """What one look found.

    Attributes:
        subject: what was looked at.
        is_well: whether it is as it should be.
        found: what was found.
        remedy: what to do; empty where nothing is to be done.
    """

    subject: str
    is_well: bool
    found: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Looks at everything that a run needs, one finding after the other; starts Spark once.

    Args:
        settings: of the run that is to be made fit.
    """
    yield examine_python()
    yield examine_packages(_CHECKOUT / "constraints.txt")
    java = examine_java()
    yield java
    if java.is_well:
        yield examine_spark(settings.spark, Path(settings.reports) / "logs" / "doctor.log")
    folders = [_existing(settings.lake), _scratch(settings.spark)]
    for folder in {folder.stat().st_dev: folder for folder in reversed(folders)}.values():
        yield examine_disk(folder)
    yield from examine_lake(settings.lake)


def examine_python(version: tuple[int, int] = (sys.version_info.major, sys.version_info.minor)) -> Finding:
    """Whether this Python is one that the project is tested with."""
    found = "{}.{}".format(*version)
    if PYTHONS[0] <= version <= PYTHONS[1]:
        return Finding("Python", True, f"{found} ({sys.executable})")
    wanted = " to ".join("{}.{}".format(*bound) for bound in PYTHONS)
    return Finding("Python", False, f"{found}, not {wanted}", f"make a .venv with Python {wanted}: make setup")


def examine_packages(constraints: Path) -> Finding:
    """Whether the packages that are needed are installed, at the versions they were tested with.

    Args:
        constraints: file of pinned versions; without it, as in an installed wheel, the declared bounds are checked.
    """
    needed = [r for text in metadata.requires("haiguan") or () if _applies(r := Requirement(text))]
    pinned = [r for text in _pins(constraints) if _applies(r := Requirement(text))]
    missing = [r.name for r in needed if _installed(r.name) is None]
    deviating = [
        f"{r.name} {found} instead of {r.specifier}"
        for r in pinned or needed
        if (found := _installed(r.name)) is not None and not r.specifier.contains(found, prereleases=True)
    ]
    if not missing and not deviating:
        against = "at the versions tested" if pinned else "within the declared bounds"
        return Finding("packages", True, f"{len(needed)} needed, all there, {against}")
    faults = [f"missing: {', '.join(missing)}"] * bool(missing) + deviating
    return Finding("packages", False, "; ".join(faults), "make setup installs the versions of constraints.txt")


def _pins(constraints: Path) -> list[str]:
    if not constraints.exists():
        return []
    lines = (line.strip() for line in constraints.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _installed(name: str) -> Version | None:
    try:
        return Version(metadata.version(name))
    except metadata.PackageNotFoundError:
        return None


def examine_java() -> Finding:
    """Whether the Java that Spark needs is there."""
    try:
        return Finding("Java", True, f"17 ({find_java()})")
    except InputError as error:
        return Finding("Java", False, str(error).split(";")[0], INSTALL_JAVA)


def examine_spark(settings: SparkSettings, log: Path) -> Finding:
    """Whether a session starts, and writes and reads a Delta table; fetches Delta's jars where they are not there."""
    try:
        session = open_session(settings, log)
    except Exception as error:  # whatever keeps Spark from starting is what this is to find
        reason = str(error).strip().splitlines()[0]
        return Finding(
            "Spark", False, f"does not start: {reason}", f"{log} has what it said; jars come from Maven Central"
        )
    try:
        with tempfile.TemporaryDirectory(prefix="haiguan-") as scratch:
            session.range(3).write.format("delta").save(f"{scratch}/table")
            rows = session.read.format("delta").load(f"{scratch}/table").count()
        return Finding("Spark", rows == 3, f"{session.version} on {settings.master}, writes and reads Delta")
    except Exception as error:  # as above
        return Finding(
            "Spark", False, f"cannot write a Delta table: {str(error).strip().splitlines()[0]}", f"see {log}"
        )
    finally:
        session.stop()


def _existing(location: str) -> Path:
    """The folder, or the nearest one above it that is there already."""
    folder = Path(location.removeprefix("file:")).absolute()
    return next(parent for parent in [folder, *folder.parents] if parent.exists())


def _scratch(settings: SparkSettings) -> Path:
    """Where Spark spills to."""
    return _existing(settings.conf.get("spark.local.dir", tempfile.gettempdir()).split(",")[0])


def examine_disk(folder: Path, enough: int = ENOUGH_BYTES) -> Finding:
    """Whether there is room."""
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:,.1f} GB free at {folder}"
    if free >= enough:
        return Finding("disk", True, found)
    remedy = f"free some: below {enough / 1e9:,.0f} GB a run may not end; lake= and spark.conf's spark.local.dir move"
    return Finding("disk", False, found, remedy)


def examine_lake(location: str) -> Iterator[Finding]:
    """Whether the lake can be read, which of its tables are to be rebuilt, and who holds it."""
    if not is_begun(location):
        yield Finding("lake", True, f"none at {location} yet; the first run makes it")
        return
    try:
        lake = open_lake(location)
    except InputError as error:
        yield Finding("lake", False, str(error))
        return
    broken = [f"{name}: {fault}" for name in TABLES if (fault := _fault(lake, name))]
    if broken:
        remedy = "put back these folders from a copy, or delete them: the next run makes them anew"
        yield Finding("lake", False, "; ".join(broken), remedy)
        return
    names = lake.published()
    older = [name for name in names if not lake.is_as_declared(TABLES[name])]
    rebuilt = f"; declared otherwise now, and made anew by the next run: {', '.join(older)}" if older else ""
    yield Finding("lake", True, f"{len(names)} tables at {lake.root}{rebuilt}")
    yield _holder(lake)


def _fault(lake: Lake, name: str) -> str:
    """Why a table of the lake cannot be read; empty where it can or is not there."""
    if not (lake.path(name) / "_delta_log").is_dir():
        return ""
    try:
        files = data_files(DeltaTable(str(lake.path(name))))
    except (DeltaError, OSError, ValueError) as error:
        return str(error).splitlines()[0]
    gone = [file for file in files if not file.exists()]
    return f"{len(gone)} of its {len(files)} files are gone, such as {gone[0]}" if gone else ""


def _holder(lake: Lake) -> Finding:
    try:
        held = is_held(lake.root)
    except OSError as error:
        return Finding(
            "lock", False, f"cannot be tried: {error.strerror}", f"{lake.root}/lock must be writable for a run"
        )
    if held:
        return Finding("lock", True, f"held by {describe_holder(lake.root)}", "wait, or run with --wait")
    last = f"; last held by {describe_holder(lake.root)}" if (lake.root / "lock.json").exists() else ""
    return Finding("lock", True, f"free{last}")
