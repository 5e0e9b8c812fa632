"""The commands of the analyst, and of a person in trouble: they read the lake, and none but `unlock` changes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from haiguan.jobs.analyst import display
from haiguan.jobs.analyst.catalogue import LATEST, list_tables, open_lake
from haiguan.jobs.analyst.dictionary import describe_table
from haiguan.jobs.analyst.difference import compare
from haiguan.jobs.analyst.doctor import examine
from haiguan.jobs.analyst.export import Facts, Written, check_target, export_table, write_rows
from haiguan.jobs.analyst.history import table_history
from haiguan.jobs.analyst.query import answer
from haiguan.jobs.analyst.unlock import remove_stale_claim
from haiguan.jobs.options import Assignments, Conf
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.run import read_settings
from haiguan.transforms.errors import InputError

app = typer.Typer()

Name = Annotated[str, typer.Argument(metavar="TABLE", help="Such as measure_products__concentration.")]
To = Annotated[Path, typer.Option("--to", metavar="FILE", help="File to write; .csv, .parquet or .dta.")]


def _lake(conf: Path | None, assignments: list[str] | None) -> Lake:
    return open_lake(read_settings(conf, assignments or []).lake)


@app.command("tables")
def tables_command(conf: Conf = None, assignments: Assignments = None) -> None:
    """List the published tables: rows, slices, version and last run."""
    display.screen().print(display.tables(list_tables(_lake(conf, assignments))))


@app.command("describe")
def describe_command(name: Name, conf: Conf = None, assignments: Assignments = None) -> None:
    """Tell what a table holds, column by column, and who made what is published of it."""
    location = read_settings(conf, assignments or []).lake
    try:
        lake, said = open_lake(location), ""
    except InputError as error:
        lake, said = None, str(error)
    console = display.screen()
    for part in display.description(describe_table(name, lake)):
        console.print(part)
    if said:
        console.print(display.Text(said, style="yellow"))


@app.command("sql")
def sql_command(
    query: Annotated[str, typer.Argument(help="SQL of DuckDB; every published table is a view under its name.")],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write every row to a .csv, .parquet or .dta file.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="How many rows are printed at most.")] = 100,
    conf: Conf = None,
    assignments: Assignments = None,
) -> None:
    """Query the published tables. Nothing is changed."""
    if to is not None:
        check_target(to)
    with answer(_lake(conf, assignments), query) as found:
        if to is not None:
            _say_written(to, write_rows(found, to, Facts(query, None, {"haiguan.query": query})))
            return
        fetched = found.fetchmany(rows + 1)
        numbers = [name for name, kind in zip(found.columns, found.types, strict=True) if _is_number(str(kind))]
        console = display.screen()
        printed = [["NULL" if value is None else value for value in row] for row in fetched[:rows]]
        console.print(display.grid(found.columns, printed, right=numbers))
        if len(fetched) > rows:
            console.print(f"the first {rows:,} rows; --rows N prints more, --to FILE writes all", style="yellow")


def _is_number(kind: str) -> bool:
    return kind.startswith("DECIMAL") or kind in {
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "FLOAT",
        "DOUBLE",
    }


@app.command("export")
def export_command(
    name: Name,
    to: To,
    version: Annotated[str, typer.Option(metavar="N", help="Version of the table.")] = LATEST,
    where: Annotated[str | None, typer.Option(metavar="SQL", help='Rows to keep, such as "year = 2004".')] = None,
    conf: Conf = None,
    assignments: Assignments = None,
) -> None:
    """Write a table to a file for Stata, pandas or a spreadsheet, its columns labelled."""
    check_target(to)
    _say_written(to, export_table(_lake(conf, assignments), name, to, version, where))


def _say_written(to: Path, written: Written) -> None:
    console = display.screen()
    console.print(display.Text(f"{to}: {written.rows:,} rows"))
    for note in written.notes:
        console.print(display.Text(f"  {note}", style="yellow"))


@app.command("history")
def history_command(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many versions, the newest first.")] = 20,
    conf: Conf = None,
    assignments: Assignments = None,
) -> None:
    """List the versions of a table: when, by which run, how many rows, and why."""
    display.screen().print(display.history(table_history(_lake(conf, assignments), name, limit)))


@app.command("diff")
def diff_command(
    name: Name,
    first: Annotated[str, typer.Argument(metavar="V1", help="A version number, or latest.")],
    second: Annotated[str, typer.Argument(metavar="V2", help="A version number, or latest.")],
    other_lake: Annotated[
        str | None, typer.Option("--other-lake", metavar="DIR", help="Lake that V2 is a version of.")
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 where the two differ.")] = False,
    conf: Conf = None,
    assignments: Assignments = None,
) -> None:
    """Compare two versions of a table, row for row: columns, rows, sums, and keys added, removed and changed."""
    other = open_lake(other_lake) if other_lake is not None else None
    found = compare(_lake(conf, assignments), name, first, second, other)
    console = display.screen()
    for part in display.difference(found):
        console.print(part)
    if exit_code and not found.is_equal:
        raise typer.Exit(1)


@app.command("doctor")
def doctor_command(conf: Conf = None, assignments: Assignments = None) -> None:
    """Look at Python, packages, Java, Spark, disk and lake, and say what to do where something is wrong."""
    console = display.screen()
    is_well = True
    for finding in examine(read_settings(conf, assignments or [])):
        console.print(display.finding(finding))
        is_well = is_well and finding.is_well
    if not is_well:
        raise typer.Exit(1)


@app.command("unlock")
def unlock_command(conf: Conf = None, assignments: Assignments = None) -> None:
    """Remove what a dead run has left of its claim on the lake; refused while a live run holds it."""
    lake = _lake(conf, assignments)
    holder = remove_stale_claim(lake.root)
    said = f"{lake.root}: nobody holds this lake" + (f"; removed the claim of {holder}" if holder else "")
    display.screen().print(display.Text(said))
