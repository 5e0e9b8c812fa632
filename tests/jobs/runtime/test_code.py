"""The hash of a function's code sees what it reaches, and not how it is written down."""

from __future__ import annotations

import importlib
import sys
import textwrap
from dataclasses import replace

import pytest

from haiguan.jobs.runtime import code

_MAIN = '''
from haiguan.fake_other import helper, LIMIT

FACTOR = 2

def table(frame):
    """What it does."""
    return inner(frame) * FACTOR + helper(LIMIT)

def inner(frame):
    return frame

def unrelated():
    return 1
'''
_OTHER = """
LIMIT = 10

def helper(value):
    return value + deeper()

def deeper():
    return 1
"""


def _forget() -> None:
    for remembered in (code._statements, code._definitions, code._piece):
        remembered.cache_clear()


@pytest.fixture
def hash_of(tmp_path, monkeypatch):
    """Hashes `table` of two modules given as text."""
    counter = iter(range(100))

    def hashed(main: str = _MAIN, other: str = _OTHER) -> str:
        folder = tmp_path / str(next(counter))
        folder.mkdir()
        (folder / "fake_other.py").write_text(textwrap.dedent(other))
        (folder / "fake_main.py").write_text(textwrap.dedent(main))
        package = importlib.import_module("haiguan")
        monkeypatch.setattr(package, "__path__", [str(folder), *package.__path__])
        for name in ("haiguan.fake_main", "haiguan.fake_other"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        _forget()
        return code.code_hash(importlib.import_module("haiguan.fake_main").table)

    yield hashed
    _forget()
    for name in ("haiguan.fake_main", "haiguan.fake_other"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("before", "after"),
    [("FACTOR = 2", "FACTOR = 3"), ("return frame\n", "return frame + 1\n")],
    ids=["a constant", "a function it calls"],
)
def test_changes_that_count(hash_of, before, after):
    assert hash_of() != hash_of(main=_MAIN.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [("LIMIT = 10", "LIMIT = 11"), ("return 1\n", "return 2\n")],
    ids=["an imported constant", "a function behind an imported one"],
)
def test_changes_elsewhere_that_count(hash_of, before, after):
    assert hash_of() != hash_of(other=_OTHER.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [("What it does.", "Something else."), ("return frame\n", "return frame  # why\n"), ("return 1\n", "return 7\n")],
    ids=["a docstring", "a comment", "a function it does not reach"],
)
def test_changes_that_do_not_count(hash_of, before, after):
    assert hash_of() == hash_of(main=_MAIN.replace(before, after))


_READS_A_TABLE = """
from haiguan.transforms.schema import TABLES

def table(frame):
    return TABLES["core_products__codes"].key
"""


def test_of_the_declared_tables_only_those_named_count(hash_of, monkeypatch):
    before = hash_of(main=_READS_A_TABLE)
    other = replace(code.TABLES["core_countries__codes"], grain="something else")
    monkeypatch.setitem(code.TABLES, "core_countries__codes", other)
    assert hash_of(main=_READS_A_TABLE) == before
    named = replace(code.TABLES["core_products__codes"], key=("product_code",))
    monkeypatch.setitem(code.TABLES, "core_products__codes", named)
    assert hash_of(main=_READS_A_TABLE) != before
