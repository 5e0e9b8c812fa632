"""What the documents show exists: commands and their options, settings, tables, paths, links, examples."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
import yaml

from haiguan.expectations import suites
from haiguan.expectations.declared import Bounds
from haiguan.jobs import measure
from haiguan.jobs.analyst.dictionary_page import data_dictionary, makers_of
from haiguan.jobs.cli import app
from haiguan.jobs.runtime.graph import build_graph, sections
from haiguan.jobs.runtime.headings import TextHead, find_layout
from haiguan.jobs.runtime.layouts import load_layouts
from haiguan.jobs.runtime.settings import load_settings, settings_model, valid_keys
from haiguan.jobs.runtime.stages import STAGES
from haiguan.jobs.simulate import SimulateSettings, embedded_tables, world_of
from haiguan.transforms.customs.coding import CODED_FIELDS
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.specification import columns_read, read_table
from haiguan.transforms.schema import COLUMNS, TABLES
from haiguan.transforms.simulation import pages
from haiguan.transforms.simulation.firms import PLANTED_B
from haiguan.transforms.simulation.rules import (
    FLAGS,
    IDENTICAL_ROW,
    REJECTING,
    REPEATED_BLOCK,
    RULES,
    SPECIAL_USE,
    UNMAPPED,
)
from haiguan.transforms.simulation.truth import repeated, totals
from haiguan.transforms.studies.estimates import specification_of

ROOT = Path(__file__).parents[1]
PAGES = ["docs/design.md", "docs/harmonise.md", "docs/customs.md", "docs/simulation.md"]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *PAGES]
EXAMPLE_TABLE = "measure_countries__exports"
EXAMPLE_PATHS = {"transforms/measures/countries.py", "tests/transforms/measures/test_countries.py"}
GRAPH = build_graph(STAGES)
MODEL = settings_model({**sections(GRAPH), "simulate": SimulateSettings})
COMMAND = typer.main.get_command(app)

_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, without the indentation that a list gives them."""
    return [
        re.sub(rf"^{indentation}", "", body, flags=re.MULTILINE)
        for indentation, found, body in _FENCE.findall(text)
        if found == language
    ]


def section(document: str, heading: str) -> str:
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text_of(document), re.MULTILINE | re.DOTALL).group(1)


def shown_commands(program: str) -> list[list[str]]:
    lines = [line for document in DOCUMENTS for block in blocks(text_of(document), "sh") for line in block.splitlines()]
    spans = [span for document in DOCUMENTS for span in code_spans(document)]
    split = [shlex.split(text) for text in [*lines, *spans] if text.split()[:1] == [program]]
    return [words for words in split if len(words) > 1]


def code_spans(document: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", _FENCE.sub("", text_of(document)))


def subcommand(words: list[str]):
    parent = COMMAND.make_context("haiguan", words[:1])
    found = COMMAND.get_command(parent, words[0])
    assert found is not None, f"haiguan {words[0]}: there is no such command"
    return found, parent


def options_of(words: list[str]) -> dict:
    found, parent = subcommand(words)
    return found.make_context(words[0], words[1:], parent=parent).params


WHOLE = [words for words in shown_commands("haiguan") if len(words) > 2]


def test_commands_are_shown_at_all():
    assert {words[1] for words in WHOLE} >= {"run", "tables", "describe", "sql", "export", "diff", "history"}


@pytest.mark.parametrize("words", WHOLE, ids=" ".join)
def test_every_command_shown_exists_with_its_options(words):
    options_of(words[1:])


@pytest.mark.parametrize("words", [w for w in shown_commands("haiguan") if len(w) == 2], ids=" ".join)
def test_every_command_named_exists(words):
    if not words[1].startswith("--"):
        subcommand(words[1:])


def test_an_option_that_does_not_exist_is_found():
    with pytest.raises(Exception, match=r"(?i)no such option"):
        options_of(["run", "--to", "clean", "--fast"])


@pytest.mark.parametrize("words", [w for w in WHOLE if w[1] == "run"], ids=" ".join)
def test_settings_and_targets_of_a_run_exist(words):
    params = options_of(words[1:])
    targets = {name for node in GRAPH.values() for name in (node.name, node.stage)} | {"TABLE"}
    assert set(params.get("to") or []) <= targets
    keys = {assignment.split("=", 1)[0] for assignment in params.get("assignments") or []} - {"KEY"}
    assert keys <= set(valid_keys(MODEL))
    conf = params.get("conf")
    assert conf is None or (ROOT / conf).is_file() or f"here `{conf}`" in text_of("README.md")


def test_options_named_in_the_text_exist():
    known = {name for command in COMMAND.commands.values() for option in command.params for name in option.opts}
    spans = [span for document in DOCUMENTS for span in code_spans(document)]
    named = {word for span in spans for word in re.findall(r"(?<![\w-])--[a-z-]+", span)}
    assert "--dry-run" in named
    assert named - known - {"--py-files"} == set()


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    shown = {word for words in shown_commands("make") for word in words[1:]}
    assert {"demo", "test", "check"} <= shown <= targets


def test_python_commands_exist():
    for words in [*shown_commands("python"), *shown_commands(".venv/bin/python")]:
        if words[1] == "-m":
            assert importlib.util.find_spec(words[2]), words
            assert words[2] != "pytest" or all((ROOT / path).exists() for path in words[3:]), words
        else:
            assert (ROOT / words[1]).is_file(), words


@pytest.mark.parametrize("document", [*DOCUMENTS, "docs/data_dictionary.md"])
def test_every_table_named_is_declared(document):
    layers = "|".join(sorted({table.layer for table in TABLES.values()}))
    named = set(re.findall(rf"\b(?:{layers})_[a-z]+__[a-z_]*[a-z]", text_of(document)))
    assert named
    assert named - TABLES.keys() - {EXAMPLE_TABLE} == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_named_exists(document):
    folders = "jobs|transforms|expectations|conf|docs|tests|benchmarks"
    named = {span for span in code_spans(document) if re.fullmatch(rf"(?:{folders})/[\w./-]*", span)}
    missing = {path for path in named if not (ROOT / path).exists()}
    assert missing - EXAMPLE_PATHS - {"conf/studies/exports/table_2.yaml"} == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_setting_named_exists(document):
    top = "|".join(key for key in valid_keys(MODEL) if "." not in key)
    named = {span for span in code_spans(document) if re.fullmatch(rf"(?:{top})\.[a-z_]+(?:\.[a-z_]+)*", span)}
    assert named <= set(valid_keys(MODEL))


@pytest.mark.parametrize(
    "document", [*DOCUMENTS, "docs/data_dictionary.md", "docs/estimators.md", "docs/performance.md"]
)
def test_every_link_resolves(document):
    for target in re.findall(r"\]\(([^)]+)\)", text_of(document)):
        path, _, anchor = target.partition("#")
        linked = (ROOT / document).parent / path if path else ROOT / document
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def anchors(document: Path) -> Iterator[str]:
    for heading in re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.fixture(scope="module")
def demo():
    """The world of `make demo` as the simulator draws it, before any file is written."""
    settings = load_settings(MODEL, ROOT / "conf" / "demo.yaml").simulate
    declarations = int(re.search(r"^DECLARATIONS \?= (\d+)$", text_of("Makefile"), re.MULTILINE).group(1))
    return world_of(settings.model_copy(update={"declarations": declarations}), embedded_tables())


@pytest.fixture(scope="module")
def demo_records(demo):
    """Number and dollars of the records under each rule, and of those that none holds back, by its arrays."""
    rules, dollars, published, cents = Counter(), Counter(), 0, 0
    for index in range(len(demo.plan.years)):
        for _, _, records in pages.blocks(demo, index):
            for rule, amount in zip(records.rule.tolist(), records.cents.tolist(), strict=True):
                if rule >= 0:
                    rules[RULES[rule]] += 1
                    dollars[RULES[rule]] += amount
            published += int(records.is_published.sum())
            cents += int(records.cents[records.is_published].sum())
    return rules, {rule: Decimal(amount) / 100 for rule, amount in dollars.items()}, published, Decimal(cents) / 100


def test_the_counts_of_the_readme_are_those_of_the_demo(demo, demo_records):
    told = section("README.md", "What the demo shows")
    demo_rules, dollars_under, published, dollars = demo_records
    assert published == totals(demo.plan).records.sum() + demo_rules[REPEATED_BLOCK]
    defective = {rule: demo_rules[rule] for rule in REJECTING if demo_rules[rule]}
    pieces = [piece for index in range(len(demo.plan.years)) for piece in demo.pieces(index)]
    assert f"| Declarations published | {published:,} | {dollars:,} |" in told
    unmapped = dollars_under[UNMAPPED]
    assert f"| Annual flows: the declarations summed up | | {dollars - unmapped:,} |" in told
    assert f"no target in HS1996 | {demo_rules[UNMAPPED]} summed up | {unmapped:,} |" in told
    assert f"{len(defective)} kinds of defects | {sum(defective.values())} |" in told
    assert f"| Lines in {len(pieces)} files | {published + sum(defective.values()):,} |" in told
    flagged = sum(demo_rules[flag] for flag in FLAGS if flag not in (IDENTICAL_ROW, SPECIAL_USE, UNMAPPED))
    assert f"- {flagged:,} of the published records carry a flag" in told
    assert f"- {demo_rules[SPECIAL_USE]} have products of chapters 98 and 99" in told
    assert f"{demo_rules[IDENTICAL_ROW]} agree with another of their file" in told
    assert f"{demo_rules[REPEATED_BLOCK]} of one file of 2007 stand in another" in told
    assert len(repeated(tuple(pieces))) == 2
    assert "- Two more files are copies" in told


def test_the_regression_of_the_readme_is_that_of_the_demo(demo):
    firms = [demo.plan.block(number, len(demo.plan.years)) for number in range(demo.plan.blocks)]
    imports = np.concatenate([block.import_cents for block in firms])
    exports = np.concatenate([block.export_cents for block in firms])
    codes = np.stack([np.array([c for f in firms for c in f.codes(demo.plan.draws, year)]) for year in demo.plan.years])
    told = " ".join(section("README.md", "What the demo shows").split())
    firm, year = np.nonzero((imports > 0) & (exports > 0))
    panel = pd.DataFrame({"firm": codes[year, firm], "year": year})
    panel["ln_imports"] = np.log(imports[firm, year] / 100)
    panel["ln_exports"] = np.log(exports[firm, year] / 100)
    fit = least_squares(panel, "ln_exports", ["ln_imports"], fixed_effects=["firm", "year"], clusters=["firm"])
    term = fit.terms.loc["ln_imports"]
    assert term.ci_low < PLANTED_B < term.ci_high
    assert f"| Firms and years with exports and imports | {len(panel):,} |" in told
    assert f"was set to {PLANTED_B} when" in told
    assert f"gives {term.estimate:.3f}, with a 95 % interval from {term.ci_low:.3f} to {term.ci_high:.3f}" in told
    assert f"from {fit.observations:,} observations; {fit.singletons} more were singletons" in told


def test_the_settings_of_the_readme_are_valid(tmp_path):
    (block,) = blocks(text_of("README.md"), "yaml")
    (tmp_path / "archive.yaml").write_text(block, encoding="utf-8")
    settings = load_settings(MODEL, tmp_path / "archive.yaml")
    assert settings.inputs.customs == "archive/files"


def test_the_tables_read_by_the_readme_lie_where_it_says():
    lake = "build/demo/lake/"
    read = set(re.findall(rf"{lake}([\w/]+)", text_of("README.md")))
    assert read
    assert read <= {table.folder for table in TABLES.values()}


def test_the_exit_codes_of_the_readme_are_all():
    codes = re.findall(r"^\| (\d+) \|", section("README.md", "When something is wrong"), re.MULTILINE)
    assert codes == ["0", "1", "2", "3", "4", "130"]


def test_the_picture_is_small():
    assert (ROOT / "docs/report.png").stat().st_size < 300_000


def test_the_layout_of_the_example_reads_its_files(tmp_path):
    (block,) = blocks(section("CONTRIBUTING.md", "A layout"), "yaml")
    (tmp_path / "customs").mkdir()
    (tmp_path / "customs" / "provincial_2005.yaml").write_text(block, encoding="utf-8")
    layouts = load_layouts("customs", str(tmp_path))
    written = next(layout for layout in layouts if layout.name == "provincial_2005")
    first_line = written.separator[0].join([*written.headings, *written.ignored]).encode(written.encoding[0]) + b"\n"
    assert find_layout("Zhejiang_2005.csv", TextHead(first_line), layouts).layout is written
    assert set(written.headings.values()) <= set(TABLES["raw_customs__declarations"].column_names)
    assert {label.field for label in written.labels} <= set(CODED_FIELDS)


def test_the_message_about_unknown_headings_points_to_a_section_that_is_there():
    (heading,) = re.findall(r"CONTRIBUTING\.md, '([^']+)'", text_of("jobs/runtime/headings.py"))
    assert blocks(section("CONTRIBUTING.md", heading), "yaml")


def test_the_codes_of_the_example_layout_are_declared():
    (block,) = blocks(section("CONTRIBUTING.md", "A layout"), "yaml")
    codings = yaml.safe_load(block)["codings"]
    for field in ("direction", "regime"):
        assert set(codings[field].values()) - {None} <= set(COLUMNS[field].values)


@pytest.fixture
def example_table(monkeypatch, tmp_path):
    """The example of CONTRIBUTING.md put in place, block by block; returns the stage with the new table."""
    column, table, module, stage, _ = blocks(section("CONTRIBUTING.md", "A table"), "python")
    schema = sys.modules["haiguan.transforms.schema.tables"]
    (declared_column,) = eval(column, vars(sys.modules["haiguan.transforms.schema.columns"]))
    monkeypatch.setitem(COLUMNS, declared_column.name, declared_column)
    (declared_table,) = eval(table, vars(schema))
    monkeypatch.setitem(TABLES, declared_table.name, declared_table)
    (tmp_path / "countries.py").write_text(module, encoding="utf-8")
    name = "haiguan.transforms.measures.countries"
    spec = importlib.util.spec_from_file_location(name, tmp_path / "countries.py")
    loaded = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, loaded)
    spec.loader.exec_module(loaded)
    built: dict = {}
    exec(stage, built)
    return built["STAGE"]


def test_the_table_of_the_example_takes_its_place_in_the_graph(example_table):
    others = [stage for stage in STAGES if stage.name != "measure"]
    node = build_graph([*others, example_table])[EXAMPLE_TABLE]
    assert (node.stage, node.inputs) == ("measure", ("core_trade__flows",))
    kept = {function.__name__ for function in measure.STAGE.publishes}
    assert kept < {function.__name__ for function in example_table.publishes}


def test_the_suite_of_the_example_expects_more_than_the_declaration(example_table):
    (suite,) = blocks(section("CONTRIBUTING.md", "A suite"), "python")
    names = dict(vars(suites))
    exec(suite, names)
    bounds = Bounds(None, Decimal(0), 0, 0.05, 1000)
    expected = names[EXAMPLE_TABLE](bounds)
    assert len(expected) == len(suites.declared(TABLES[EXAMPLE_TABLE], bounds)) + 1


def test_the_test_of_the_example_is_of_its_function(example_table):
    test = blocks(section("CONTRIBUTING.md", "A table"), "python")[-1]
    names: dict = {}
    exec(test, names)
    assert EXAMPLE_TABLE in names


def test_the_study_of_the_example_can_be_read():
    estimates, figure = map(yaml.safe_load, blocks(section("CONTRIBUTING.md", "A study's table or figure"), "yaml"))
    table = read_table(specification_of("table_2", estimates), "table_2.yaml")
    assert set(columns_read(table)) <= set(TABLES[estimates["panel"]].column_names)
    assert figure["series"] in TABLES["measure_products__concentration"].column_names
    shown = yaml.safe_load(text_of("conf/studies/concentration/figure_3.yaml"))
    assert figure.keys() == shown.keys()


def test_the_data_dictionary_is_up_to_date():
    written = text_of("docs/data_dictionary.md")
    made = data_dictionary(TABLES.values(), makers_of(GRAPH))
    assert written == made, "run: .venv/bin/python -m haiguan.jobs.analyst.dictionary_page > docs/data_dictionary.md"


def test_the_data_dictionary_has_every_column_of_every_table():
    page = text_of("docs/data_dictionary.md")
    for table in TABLES.values():
        entry = page.split(f"### {table.name}\n", 1)[1].split("\n### ", 1)[0]
        rows = re.findall(r"^\| (\w+) \| (?!Type)", entry, re.MULTILINE)
        assert tuple(rows) == table.column_names
