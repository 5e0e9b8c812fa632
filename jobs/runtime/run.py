"""A run: a walk of the graph that builds what is due and leaves an account of it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from haiguan.expectations.gate import Gate
from haiguan.jobs.report import PAGE, write_report
from haiguan.jobs.runtime.build import GateError, carry_out
from haiguan.jobs.runtime.graph import Node, build_graph, fed_by, needed, sections
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.lock import LakeHeldError, hold
from haiguan.jobs.runtime.manifest import Manifest, slice_id
from haiguan.jobs.runtime.plan import State, TablePlan, Tables, plan_table, without_unavailable
from haiguan.jobs.runtime.progress import Progress
from haiguan.jobs.runtime.session import open_session
from haiguan.jobs.runtime.settings import Settings, load_settings, printable, settings_model
from haiguan.jobs.runtime.sources import Source, is_available, open_source
from haiguan.jobs.runtime.stages import STAGES
from haiguan.jobs.runtime.workshop import Workshop
from haiguan.jobs.simulate import SimulateSettings
from haiguan.transforms.errors import InputError

_NOTHING = "nothing to do: every table is up to date with its input, its settings and the code"


@dataclass(frozen=True)
class Request:
    """What a person asked for.

    Attributes:
        command: as typed, for the manifest.
        targets: tables or stages to build; none: everything that the inputs allow.
        only: one stage whose tables alone are built, from what is published.
        years: first and last year slice that may be published.
        wait: whether to wait for a lake that another run holds.
        verify: whether to hash files again whose size and time have not changed.
    """

    command: str
    targets: tuple[str, ...] = ()
    only: str | None = None
    years: tuple[int, int] | None = None
    wait: bool = False
    verify: bool = False


@dataclass(frozen=True)
class Work:
    """The tables of a run: which can be built, and what the others lack."""

    graph: Mapping[str, Node]
    order: Sequence[str]
    lacking: Mapping[str, str]


def read_settings(conf: Path | None, assignments: Sequence[str]) -> Settings:
    """The settings of a run, checked against all that the tables read.

    Raises:
        InputError: all faults of the settings.
    """
    model = settings_model({**sections(build_graph(STAGES)), "simulate": SimulateSettings})
    return load_settings(model, conf, assignments)


def work_of(request: Request, settings: Settings) -> Work:
    """The tables that the request asks for and the settings allow.

    Raises:
        InputError: an unknown target, or nothing can be built.
    """
    graph = build_graph(STAGES)
    try:
        wanted = needed(graph, request.targets or ([request.only] if request.only else list(graph)))
    except KeyError as error:
        names = sorted({node.stage for node in graph.values()}) + list(graph)
        raise InputError(f"--to {error.args[0]}: neither a stage nor a table; there are {', '.join(names)}") from None
    sources = {source for name in wanted for source in graph[name].sources}
    buildable, lacking = without_unavailable(wanted, graph, [s for s in sources if is_available(s, settings)])
    order = fed_by(graph, buildable, {name for name, paths in settings.inputs if paths is not None})
    if not order:
        raise InputError(
            "no input is named, so there is nothing to build; name one, such as --set inputs.customs=FOLDER, or see it "
            "work on made data first: make demo"
        )
    if request.only:
        order = [name for name in order if graph[name].stage == request.only]
    return Work(graph, order, lacking)


def run(request: Request, settings: Settings, console: Console) -> None:
    """Builds what is due, writes the report, and says where lake, report and log are.

    Raises:
        InputError: bad input or settings (exit code 2).
        GateError: a gate stopped the run (exit code 3).
        LakeHeldError: another run holds the lake (exit code 4).
    """
    run_id = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{uuid.uuid4().hex[:6]}"
    progress, work, lake = Progress(console), work_of(request, settings), Lake(settings.lake)
    # Faults of the files are told before Spark takes its seconds to start.
    state = open_sources(work, settings, Manifest(lake, run_id), request.verify)
    log = Path(settings.reports) / "logs" / f"{run_id}.log"
    session = open_session(settings.spark, log)
    lake.make()
    with hold(session, lake.root, run_id, request.wait, progress.say) as has_waited:
        lake.clear_leftovers()
        manifest = Manifest(lake, run_id)
        if has_waited:
            state = open_sources(work, settings, manifest, request.verify)
        gates = settings.gates
        gate = Gate(run_id, Path(settings.reports) / "data_docs", gates.failing_rows, gates.show_identifiers)
        shop = Workshop(session, lake, manifest, gate, settings, state, progress, run_id, request.years)
        try:
            with _recorded(request, shop):
                _walk(work, shop)
        finally:
            progress.say(f"lake: {lake.root}   report: {Path(settings.reports) / PAGE}   log: {log}")


@contextlib.contextmanager
def _recorded(request: Request, shop: Workshop) -> Iterator[None]:
    """Writes into the manifest that the run started and how it ended, and the report of either."""
    started, exit_code = time.monotonic(), 1
    facts = {"command": request.command, "code_revision": code_revision()}
    shop.manifest.record_run("started", **facts, details=json.dumps(printable(shop.settings), default=str))
    try:
        yield
        exit_code = 0
    except BaseException as error:
        exit_code = exit_code_of(error)
        raise
    finally:
        shop.manifest.record_run("ended", **facts, exit_code=exit_code, seconds=time.monotonic() - started)
        shop.gate.build_docs()
        write_report(shop.lake, shop.run_id, Path(shop.settings.reports), shop.settings)


def open_sources(work: Work, settings: Settings, manifest: Manifest, verify: bool) -> State:
    """The sources of the tables to build, looked through; all faults of all files at once."""
    names = sorted({source for name in work.order for source in work.graph[name].sources})
    opened: dict[str, Source] = {}
    faults: list[str] = []
    for name in names:
        try:
            opened[name] = open_source(name, settings, {} if verify else manifest.known_files(name))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(*faults)
    return State(sources=opened)


def _look_inside(shop: Workshop) -> None:
    """Says what there is to know of the files, and writes down which they are once nothing is wrong with them.

    Raises:
        InputError: all that only reading the files shows to be wrong.
    """
    sources = shop.state.sources
    for note in [note for source in sources.values() for note in source.notes]:
        shop.progress.say(note)
    faults = [fault for source in sources.values() for fault in source.faults(shop.session)]
    if faults:
        raise InputError(*faults)
    for name, source in sources.items():
        shop.manifest.record_files(name, source.files)


def _published_elsewhere(work: Work, manifest: Manifest) -> Tables:
    """Tables that this run reads and does not build, as they were published.

    Raises:
        InputError: one that it cannot do without was never published.
    """
    nodes = [work.graph[name] for name in work.order]
    outside = {name for node in nodes for name in node.inputs} - set(work.order)
    required = {name for node in nodes for name in node.inputs if name not in node.optional}
    absent = [name for name in sorted(outside & required) if not manifest.slices(name)]
    if absent:
        raise InputError(
            *[
                f"{name} is not published yet; run stage {work.graph[name].stage} first, or haiguan run"
                for name in absent
            ]
        )
    return {
        name: {text: (entry.slice, entry.fingerprint.digest) for text, entry in manifest.slices(name).items()}
        for name in sorted(outside)
        if manifest.slices(name)
    }


def _walk(work: Work, shop: Workshop) -> None:
    plans = _plan(work, shop.state, shop.manifest, shop.settings, shop.lake, shop.years)
    shop.progress.expect(sum(plan.has_work for plan in plans))
    _say_lacking(work, shop.progress)
    if not any(plan.has_work for plan in plans):
        shop.progress.say(_NOTHING)
        return
    _look_inside(shop)
    shop.state.tables = _published_elsewhere(work, shop.manifest)
    for name in work.order:
        plan = plan_table(work.graph[name], shop.state, shop.manifest, shop.settings, shop.lake, shop.years)
        carry_out(plan, shop)
        if plan.left_stale:
            stale = ", ".join(map(slice_id, plan.left_stale))
            shop.progress.say(f"{name}: left as they were, outside --years: {stale}")


def _plan(
    work: Work, state: State, manifest: Manifest, settings: Settings, lake: Lake, years: tuple[int, int] | None
) -> list[TablePlan]:
    """The plan of every table, as far as it can be known before anything is built."""
    state.tables = _published_elsewhere(work, manifest)
    return [plan_table(work.graph[name], state, manifest, settings, lake, years) for name in work.order]


def _say_lacking(work: Work, progress: Progress) -> None:
    by_input: dict[str, list[str]] = {}
    for table, missing in work.lacking.items():
        by_input.setdefault(missing, []).append(table)
    for missing, tables in sorted(by_input.items()):
        progress.say(f"not built, since {missing} names nothing: {', '.join(tables)}")


def dry_run(request: Request, settings: Settings, console: Console) -> list[TablePlan]:
    """Prints what a run would build, slice by slice, and why; changes nothing."""
    work = work_of(request, settings)
    progress = Progress(console)
    lake = Lake(settings.lake)
    manifest = Manifest(lake, "dry-run")
    state = open_sources(work, settings, manifest, request.verify)
    plans = _plan(work, state, manifest, settings, lake, request.years)
    _say_lacking(work, progress)
    for plan in plans:
        for line in describe_plan(plan):
            progress.say(line)
    if not any(plan.has_work for plan in plans):
        progress.say(_NOTHING)
    return plans


def describe_plan(plan: TablePlan) -> list[str]:
    """The lines of a dry run about one table."""
    name = f"{plan.node.stage:<10} {plan.node.name:<36}"
    lines = [f"{name} {slice_id(due.slice or {}) or 'whole table'}: {due.reason}" for due in plan.due]
    lines += [f"{name} {slice_id(values) or 'whole table'}: suite changed, gated again" for values in plan.regate]
    lines += [f"{name} {slice_id(values)}: its input is gone, to be removed" for values in plan.gone]
    lines += [f"{name} {slice_id(values)}: due, but outside --years" for values in plan.left_stale]
    if plan.awaits:
        lines.append(f"{name} after {plan.awaits}: its slices are known when that is built")
    return lines


def code_revision() -> str:
    """Git revision of the checkout, with + where it has changes; else the version of the package."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
        return found.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return f"version {version('haiguan')}"


def exit_code_of(error: BaseException) -> int:
    """0 done, 1 a fault of ours or of the machine, 2 bad input, 3 a gate, 4 a held lake, 130 interrupted."""
    codes = {InputError: 2, GateError: 3, LakeHeldError: 4, KeyboardInterrupt: 130}
    return next((code for kind, code in codes.items() if isinstance(error, kind)), 1)
