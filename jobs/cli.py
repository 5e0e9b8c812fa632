"""The `haiguan` command."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table as Grid

from haiguan.jobs.analyst.commands import app as analyst
from haiguan.jobs.estimation import run_specification
from haiguan.jobs.harmonisation import harmonise_flows
from haiguan.jobs.options import Assignments, Conf
from haiguan.jobs.runtime.build import GateError
from haiguan.jobs.runtime.lock import LakeHeldError
from haiguan.jobs.runtime.progress import describe
from haiguan.jobs.runtime.run import Request, code_revision, dry_run, exit_code_of, read_settings, run
from haiguan.jobs.runtime.session import open_session
from haiguan.jobs.runtime.settings import Settings
from haiguan.jobs.runtime.sources import packaged_rows
from haiguan.jobs.simulate import CodeTables, SimulateSettings, embedded_tables, is_simulated, simulate
from haiguan.transforms.errors import InputError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()
errors = Console(stderr=True)


def main() -> None:
    """Entry point: runs a command and turns what went wrong into a sentence and an exit code."""
    sys.exit(guarded(lambda: app(standalone_mode=False)))


def run_stage(stage: str) -> None:
    """Entry point of `spark-submit jobs/<stage>.py`: builds the tables of that stage alone, from what is published."""
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @single.command()
    def only(conf: Conf = None, assignments: Assignments = None, years: str | None = None, wait: bool = False) -> None:
        """Build the tables of this stage, from what is published."""
        request = Request(" ".join(sys.argv), only=stage, years=_years(years), wait=wait)
        run(request, read_settings(conf, assignments or []), console)

    sys.exit(guarded(lambda: single(standalone_mode=False)))


def guarded(command: Callable[[], object]) -> int:
    """Runs a command; says what went wrong, if anything, and returns the exit code."""
    try:
        returned = command()
        return returned if isinstance(returned, int) else 0
    except SystemExit:
        raise
    except BaseException as error:
        stopped = KeyboardInterrupt() if isinstance(error, typer.Abort) else error
        _explain(stopped)
        # An error of usage, such as an unknown option, brings its own exit code.
        return getattr(stopped, "exit_code", None) or exit_code_of(stopped)


def _explain(error: BaseException) -> None:
    if isinstance(error, InputError):
        for fault in error.faults:
            errors.print(fault, style="red", highlight=False, markup=False, soft_wrap=True)
    elif isinstance(error, GateError):
        _explain_gate(error)
    elif isinstance(error, LakeHeldError | KeyboardInterrupt) or type(error).__module__.startswith(("click", "typer")):
        said = (
            "interrupted; every table is at its last good version"
            if isinstance(error, KeyboardInterrupt)
            else str(error)
        )
        errors.print(said, style="red", highlight=False, markup=False, soft_wrap=True)
    else:
        _explain_fault(error)


def _explain_fault(error: BaseException) -> None:
    text = "".join(traceback.format_exception(error))
    if "No space left on device" in text:
        errors.print(
            "the disk is full; every table is at its last good version. Free some space and run again.", style="red"
        )
        return
    errors.print(text, highlight=False, markup=False, soft_wrap=True)
    errors.print("this is a fault of haiguan or of the machine; every table is at its last good version", style="red")


def _explain_gate(error: GateError) -> None:
    errors.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
    for verdict in error.verdicts:
        errors.print(f"  {describe(verdict)}", style="red", highlight=False, markup=False, soft_wrap=True)
        if verdict.failing_rows:
            grid = Grid(*verdict.failing_rows[0], box=None, header_style="dim")
            for row in verdict.failing_rows:
                grid.add_row(*[str(value) for value in row.values()])
            errors.print(grid)


def _years(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, last = text.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError:
        raise InputError(f"--years {text}: write a year or a span of years, such as 2003-2007") from None


@app.callback()
def haiguan() -> None:
    """From customs declarations and public trade data to Delta tables, and to the tables and figures of studies."""


@app.command("run")
def run_command(
    conf: Conf = None,
    assignments: Assignments = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="STAGE|TABLE", help="What to build; may be repeated.")
    ] = None,
    years: Annotated[str | None, typer.Option(help="Year slices that may be published, such as 2003-2007.")] = None,
    dry_run_: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be built, and why; change nothing.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a lake that another run holds.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Hash every file again.")] = False,
) -> None:
    """Build every table that the named inputs allow, and the report."""
    settings = read_settings(conf, assignments or [])
    request = Request(" ".join(["haiguan", *sys.argv[1:]]), tuple(to or ()), None, _years(years), wait, verify)
    if dry_run_:
        dry_run(request, settings, console)
    else:
        run(request, settings, console)


@app.command("simulate")
def simulate_command(
    out: Annotated[Path, typer.Option(help="Folder for the files; new, empty, or an earlier simulation.")],
    conf: Conf = None,
    assignments: Assignments = None,
    world: Annotated[str | None, typer.Option(help="Which synthetic world.")] = None,
    declarations: Annotated[int | None, typer.Option(help="How many customs declarations.")] = None,
    years: Annotated[str | None, typer.Option(help="Years, such as 2003-2007.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same bytes.")] = None,
    container: Annotated[str | None, typer.Option(help="files; or parquet: coded declarations alone.")] = None,
) -> None:
    """Write raw files in the real yearly layouts, and the truth beside them."""
    given = {"world": world, "declarations": declarations, "years": _years(years), "seed": seed, "container": container}
    chosen = [f"simulate.{key}={_as_yaml(value)}" for key, value in given.items() if value is not None]
    settings = read_settings(conf, [*(assignments or []), *chosen])
    chosen_world: SimulateSettings = settings.simulate  # type: ignore[attr-defined]
    tables = _code_tables(settings)
    if is_simulated(out, chosen_world, tables):
        console.print(f"{out} already holds this simulation", highlight=False, soft_wrap=True)
        return
    console.print(f"simulating {chosen_world.declarations:,} declarations into {out}", highlight=False, soft_wrap=True)
    session = open_session(settings.spark, Path(settings.reports) / "logs" / "simulate.log")
    simulate(session, out, chosen_world, tables)


def _code_tables(settings: Settings) -> CodeTables:
    """The code tables that the settings name, or else those that come with haiguan."""
    embedded = embedded_tables()
    products = pd.DataFrame(packaged_rows("products", settings), columns=embedded.products.columns).fillna("")
    divisions = pd.DataFrame(packaged_rows("places", settings), columns=embedded.divisions.columns)
    return CodeTables(products, embedded.countries, divisions)


@app.command("estimate")
def estimate_command(
    specification: Annotated[Path, typer.Argument(metavar="SPEC", help="YAML file of one regression table.")],
    data: Annotated[Path, typer.Option(help="The panel: CSV, Parquet, Stata .dta or a Delta folder.")],
    out: Annotated[Path, typer.Option(help="Folder for the files of the table.")],
    conf: Conf = None,
    assignments: Assignments = None,
) -> None:
    """Estimate one regression table on any panel, and write it as CSV, LaTeX, HTML, JSON and Markdown."""
    read_settings(conf, assignments or [])
    for path in run_specification(specification, data, out, {"code": code_revision()}):
        console.print(str(path), highlight=False, soft_wrap=True)


@app.command("harmonise")
def harmonise_command(
    flows: Annotated[Path, typer.Argument(metavar="FLOWS", help="CSV, Parquet, Stata .dta or a Delta folder.")],
    to: Annotated[str, typer.Option(metavar="REVISION", help="HS revision of the result, or a year for eight digits.")],
    out: Annotated[Path, typer.Option(help="The result, by its ending; what is unmapped goes beside it.")],
    method: Annotated[str | None, typer.Option(help="conversion, weights or families.")] = None,
    conf: Conf = None,
    assignments: Assignments = None,
) -> None:
    """Bring the product codes of any table of flows (product_code, year or revision, value_usd) to one HS revision.

    Codes of eight digits are brought to those of a year, by your tables of their changes (inputs.hs8_changes).
    """
    settings = read_settings(conf, assignments or [])
    log = Path(settings.reports) / "logs" / "harmonise.log"
    harmonise_flows(
        flows,
        out,
        to,
        method,
        settings,
        start=lambda: open_session(settings.spark, log),
        say=lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True),
    )


def _as_yaml(value: object) -> str:
    return f"[{value[0]}, {value[1]}]" if isinstance(value, tuple) else str(value)


app.add_typer(analyst)

if __name__ == "__main__":
    main()
