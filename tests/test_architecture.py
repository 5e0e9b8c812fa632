"""The lines that the design draws: imports go one way, names fit, every table has a suite, every setting a default."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from haiguan.expectations.suites import SUITES
from haiguan.jobs.runtime.graph import build_graph
from haiguan.jobs.runtime.stages import STAGES
from haiguan.transforms.schema import COLUMNS, TABLES
from haiguan.transforms.schema.model import MAX_LABEL, MAX_NAME

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for folder in ("jobs", "transforms", "expectations") for path in (ROOT / folder).rglob("*.py"))
MAY_IMPORT = {
    "transforms": {"transforms"},
    "expectations": {"expectations", "transforms"},
    "jobs": {"jobs", "expectations", "transforms", "conf"},
}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(path: Path) -> set[str]:
    """Modules of this project that a file imports, without the leading `haiguan.`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found |= {name.removeprefix("haiguan.") for name in names if name.startswith("haiguan.")}
    return found


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_go_one_way(path):
    folder = path.relative_to(ROOT).parts[0]
    assert {name.split(".")[0] for name in _imports(path)} <= MAY_IMPORT[folder]


def test_only_the_simulate_job_imports_the_simulation():
    importers = {
        _name(path)
        for path in MODULES
        if any(name.startswith("transforms.simulation") for name in _imports(path)) and "simulation" not in path.parts
    }
    assert importers == {"jobs/simulate.py"}


def test_the_simulation_imports_only_the_schema_and_itself():
    for path in (ROOT / "transforms" / "simulation").glob("*.py"):
        strays = {
            name
            for name in _imports(path)
            if not name.startswith(("transforms.simulation", "transforms.schema", "transforms.errors"))
        }
        assert not strays, _name(path)


@pytest.mark.parametrize("path", sorted((ROOT / "transforms").rglob("*.py")), ids=_name)
def test_no_function_is_reached_by_a_name_in_a_string(path):
    """Such a function would be missing from the hash of the code that made a table."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    called = {ast.unparse(call.func) for call in calls}
    assert not called & {"eval", "exec", "globals", "__import__", "importlib.import_module"}
    on_modules = [call for call in calls if ast.unparse(call.func) == "getattr" and "sys.modules" in ast.unparse(call)]
    assert not on_modules


@pytest.mark.parametrize("path", sorted((ROOT / "transforms").rglob("*.py")), ids=_name)
def test_no_function_is_looked_up_in_a_dictionary(path):
    """Such a function would be in the hash of every table that reaches the dictionary, or of none."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("haiguan."):
            functions |= {alias.asname or alias.name for alias in node.names}
    values = [value for node in ast.walk(tree) if isinstance(node, ast.Dict) for value in node.values]
    kept = [value for value in values if isinstance(value, ast.Name) and value.id in functions and value.id.islower()]
    assert not kept + [value for value in values if isinstance(value, ast.Lambda)]


def test_names_and_labels_fit_stata():
    for column in COLUMNS.values():
        assert column.name == column.name.lower()
        assert len(column.name) <= MAX_NAME
        assert len(column.label) <= MAX_LABEL


def test_tables_of_values_summed_up_from_declarations_say_how_these_are_valued_and_converted():
    summed = [table for table in TABLES.values() if table.merges == "core_customs__declarations"]
    panels = [table for table in TABLES.values() if table.name.startswith("panel_customs__")]
    assert len(summed) > 2
    for table in (*summed, *panels, TABLES["quarantine_customs__annual_flows"]):
        columns, has_direction = set(table.column_names), "direction" in table.key
        assert "exchange_rate_rule" in columns, table.name
        assert columns >= ({"valuation"} if has_direction else {"export_valuation", "import_valuation"}), table.name


def test_every_table_that_a_stage_publishes_has_a_suite_and_every_suite_a_table():
    graph = build_graph(STAGES)
    published = {
        name for node in graph.values() for name in (node.name, node.quarantine.name if node.quarantine else None)
    }
    assert set(SUITES) == published - {None}


def test_every_declared_table_is_published_by_a_stage_or_kept_by_the_runtime():
    graph = build_graph(STAGES)
    made = set(graph) | {node.quarantine.name for node in graph.values() if node.quarantine}
    assert set(TABLES) - made == {name for name in TABLES if name.startswith("ops_")}


def test_no_two_tables_share_a_folder():
    assert len({table.folder for table in TABLES.values()}) == len(TABLES)


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
def test_every_stage_is_a_module_that_spark_submit_can_run(stage):
    module = importlib.import_module(f"haiguan.jobs.{stage}")
    assert module.STAGE.name == stage
    assert "run_stage(STAGE.name)" in Path(module.__file__).read_text(encoding="utf-8")
