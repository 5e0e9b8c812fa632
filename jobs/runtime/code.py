"""What a table's function is made of: a hash of all the project's code that it reaches by name."""

from __future__ import annotations

import ast
import builtins
import hashlib
import inspect
import json
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache

from haiguan.transforms.schema import TABLES

PROJECT = "haiguan."


def code_hash(function: Callable) -> str:
    """SHA-256 over the syntax trees of `function` and of every function, class and constant of this project it reaches.

    Docstrings, comments and layout do not count. A name is followed through imports; one that only a dictionary or
    getattr would reach is not seen, which is why transforms may not dispatch that way. Of `TABLES["name"]` the
    declaration of that table counts and no other, so that a new table rebuilds none of the old.
    """
    pieces: dict[str, str] = {}
    waiting = [(function.__module__, function.__name__)]
    while waiting:
        module, name = waiting.pop()
        key = f"{module}:{name}"
        if key in pieces:
            continue
        found = _piece(module, name)
        pieces[key] = found.tree
        pieces |= {f"table:{table}": _declaration(table) for table in found.tables}
        waiting += found.reached
    text = "\n".join(f"{key} {pieces[key]}" for key in sorted(pieces))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class _Piece:
    """One definition: its tree, the tables that it names, and what else of the project it mentions."""

    tree: str = ""
    tables: tuple[str, ...] = ()
    reached: tuple[tuple[str, str], ...] = ()


@cache
def _piece(module: str, name: str) -> _Piece:
    node = _definitions(module).get(name)
    if node is None:
        return _Piece()
    owner = sys.modules[module]
    return _Piece(ast.dump(_bare(node)), tuple(_tables_named(node, owner)), tuple(_reached(node, owner)))


@cache
def _definitions(module: str) -> dict[str, ast.stmt]:
    """Every name that a module of the project defines at its top level, with the statement that does."""
    found: dict[str, ast.stmt] = {}
    for statement in _statements(module):
        for name in _names_bound(statement):
            found[name] = statement
    return found


@cache
def _statements(module: str) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(sys.modules[module])).body


def _names_bound(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)]


def _bare(node: ast.stmt) -> ast.AST:
    """The tree without its docstrings, so that a better sentence rebuilds nothing."""
    copy = ast.parse(ast.unparse(node))
    for part in ast.walk(copy):
        body = getattr(part, "body", None)
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and body and _is_docstring(body[0]):
            part.body = body[1:] or [ast.Pass()]
    return copy


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(getattr(statement.value, "value", None), str)


def _reached(node: ast.AST, module: types.ModuleType) -> Iterator[tuple[str, str]]:
    """Module and name of each thing of this project that the tree mentions."""
    looked_up = {id(part.value) for part in _lookups(node, module)}
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and id(part) not in looked_up and not hasattr(builtins, part.id):
            yield from _home(module, part.id)
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            owner = getattr(module, part.value.id, None)
            if isinstance(owner, types.ModuleType) and owner.__name__.startswith(PROJECT):
                yield from _home(owner, part.attr)


def _lookups(node: ast.AST, module: types.ModuleType) -> Iterator[ast.Subscript]:
    """Every `TABLES["name"]` in the tree."""
    subscripts = (part for part in ast.walk(node) if isinstance(part, ast.Subscript))
    for part in subscripts:
        is_named = isinstance(part.value, ast.Name) and isinstance(part.slice, ast.Constant)
        if is_named and getattr(module, part.value.id, None) is TABLES:  # type: ignore[attr-defined]
            yield part


def _tables_named(node: ast.AST, module: types.ModuleType) -> list[str]:
    return [part.slice.value for part in _lookups(node, module)]  # type: ignore[attr-defined]


def _declaration(table: str) -> str:
    """Everything that is declared about a table, sets in order."""
    return json.dumps(
        asdict(TABLES[table]),
        sort_keys=True,
        default=lambda value: sorted(value) if isinstance(value, frozenset) else str(value),
    )


def _home(module: types.ModuleType, name: str) -> Iterator[tuple[str, str]]:
    """Where a name that `module` knows is defined, if that is in this project."""
    if name in _definitions(module.__name__):
        yield module.__name__, name
        return
    value = getattr(module, name, None)
    defined_in = getattr(value, "__module__", None)
    if isinstance(defined_in, str) and defined_in.startswith(PROJECT):
        yield defined_in, value.__name__  # type: ignore[union-attr]
    elif value is not None and not isinstance(value, types.ModuleType):
        yield from _imported_constant(module, name)


def _imported_constant(module: types.ModuleType, name: str) -> Iterator[tuple[str, str]]:
    """A constant knows nothing of its module; the import statement does."""
    for statement in _statements(module.__name__):
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith(PROJECT):
            for alias in statement.names:
                if (alias.asname or alias.name) == name:
                    yield from _home(sys.modules[statement.module], alias.name)  # type: ignore[index]
