"""The rules of who may know whom, in Python and in TypeScript; they hold for imports that only types need as well."""

from __future__ import annotations

import ast
import functools
import graphlib
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nbviz"
# Keras runs on others, and a trace of it has to know on which; Flax and Equinox are modules for JAX
RUNS_ON = {"keras": {"jax", "tensorflow", "torch"}, "jax": {"equinox", "flax"}, "savedmodel": {"tensorflow"}}
FRAMEWORKS = frozenset({"equinox", "flax", "haiku", "jax", "keras", "onnx", "safetensors", "tensorflow", "torch"})

# A room may import itself and the rooms named here. errors <- graph <- {metrics, wire} <- {adapters, views} <- api <- cli
GRAPH = {"errors", "shape", "columns", "graph"}
MEASURES = GRAPH | {"rows", "metrics"}
PYTHON_ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "options": {"errors"},
    "shape": {"errors"},
    "columns": {"errors", "shape"},
    "graph": GRAPH,
    "records": GRAPH,
    "preorder": set(),
    "layers": GRAPH | {"records", "preorder"},
    "builder": GRAPH | {"progress", "records", "layers"},
    "grouping": GRAPH | {"builder"},
    "invariants": GRAPH,
    "fieldtypes": GRAPH,
    "reading": GRAPH,
    "collecting": set(),
    "stack": set(),
    "progress": set(),
    "frames": set(),
    "rows": GRAPH | {"frames", "preorder"},
    "flow": GRAPH | {"frames", "rows"},
    "metrics": MEASURES | {"flow"},
    "codings": set(),
    "wire": MEASURES | {"invariants", "fieldtypes", "codings"},
    "adapters": MEASURES | {"layers", "builder", "grouping", "progress", "reading", "records", "stack", "wire"},
    "views": MEASURES | {"flow", "options", "reading", "wire", "progress"},
    "api": MEASURES | {"collecting", "options", "reading", "wire", "adapters", "views"},
    "__init__": MEASURES | {"reading", "api", "views"},
    "sources": {"errors"},
    "cli": MEASURES | {"options", "reading", "sources", "api", "views"},
    "__main__": {"cli"},
}

# wire <- store <- scene <- views <- widget; layout is a leaf, scene draws what layout placed
TYPESCRIPT_ROOMS: dict[str, set[str]] = {
    "layout": set(),
    "codings": set(),
    "steps": set(),
    "wire": {"codings", "steps"},
    "state": set(),
    "store": {"wire", "codings", "steps", "state"},
    "scene": {"wire", "codings", "steps", "state", "store", "layout"},
    "views": {"wire", "codings", "steps", "state", "store", "scene", "layout"},
}


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@functools.cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@functools.cache
def imports(module: str) -> tuple[tuple[str, ast.stmt], ...]:
    """Every module that this one imports, anywhere in its text, by absolute name."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: list[tuple[str, ast.stmt]] = []
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found += [(name.name, node) for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            # `from nbviz import graph` names a module, `from nbviz.graph import Call` a thing in one
            names = [f"{base}.{name.name}" for name in node.names]
            found += [(name if name in MODULES else base, node) for name in names]
    return tuple(found)


def room(module: str) -> str:
    """The part of the house that a module of ours is in: its name below nbviz."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@functools.cache
def statements(module: str, *, functions: bool) -> set[ast.stmt]:
    """Statements that run: those for type checkers alone left out, those in functions on demand."""
    reached: set[ast.stmt] = set()
    waiting: list[ast.AST] = [tree(module)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not functions:
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.stmt):
            reached.add(node)
        waiting.extend(ast.iter_child_nodes(node))
    return reached


def runs(module: str, node: ast.stmt) -> bool:
    return node in statements(module, functions=True)


def runs_on_import(module: str, node: ast.stmt) -> bool:
    return node in statements(module, functions=False)


@pytest.mark.parametrize("module", MODULES)
def test_python_module_imports_only_the_rooms_it_may_know(module):
    here = room(module)
    assert here in PYTHON_ROOMS, f"{module} is in no room: say in PYTHON_ROOMS what it may know"
    for name, node in imports(module):
        if name.split(".")[0] != "nbviz" or room(name) == here:
            continue
        assert room(name) in PYTHON_ROOMS[here], f"{module}:{node.lineno} imports {name}, which {here} must not know"


@pytest.mark.parametrize("module", MODULES)
def test_only_the_adapter_of_a_framework_imports_it(module):
    parts = module.split(".")
    # adapters/keras.py, adapters/keras_file.py and adapters/keras/trace.py all belong to Keras
    own = {parts[2], parts[2].split("_")[0]} if parts[1:2] == ["adapters"] and len(parts) > 2 else set()
    for name, node in imports(module):
        framework = name.split(".")[0]
        if framework not in FRAMEWORKS:
            continue
        allowed = own.union(*(RUNS_ON.get(name, set()) for name in own))
        assert framework in allowed, f"{module}:{node.lineno} imports {framework}; only nbviz/adapters/{framework} may"
        assert not runs_on_import(module, node), f"{module}:{node.lineno}: import {framework} inside a function"


@pytest.mark.parametrize("module", [name for name in MODULES if room(name) not in {"adapters", "__init__"}])
def test_nothing_outside_the_adapters_decides_by_framework(module):
    for node in ast.walk(tree(module)):
        compared = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        for part in compared:
            words = {
                leaf.value for leaf in ast.walk(part) if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
            }
            assert not words & FRAMEWORKS, f"{module}:{part.lineno} compares with {words & FRAMEWORKS}"


def test_python_imports_have_no_cycle():
    """Types may know each other both ways, code may not."""
    edges = {
        name: {target for target, node in imports(name) if target in MODULES and target != name and runs(name, node)}
        for name in MODULES
    }
    # a package's own modules may name each other through it; the package itself is the sum of them
    for name, targets in edges.items():
        targets -= {package for package in targets if name.startswith(f"{package}.")}
    graphlib.TopologicalSorter(edges).prepare()  # raises CycleError, which names the cycle


def test_importing_nbviz_loads_no_framework():
    program = "import json, sys, nbviz; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not FRAMEWORKS & set(json.loads(answer.stdout))


# TypeScript

SOURCES = ROOT / "js" / "src"
IMPORT = re.compile(
    r"""^\s*(?:import|export)\b(?P<types>\s+type\b)?[^"'`;]*?["'](?P<name>\.[^"']+)["']|\bimport\(\s*["'](?P<later>\.[^"']+)["']""",
    re.MULTILINE,
)


def typescript_sources() -> list[Path]:
    return [
        path for path in sorted(SOURCES.rglob("*.ts*")) if not path.name.endswith((".d.ts", ".test.ts", ".test.tsx"))
    ]


@functools.cache
def typescript_imports(path: Path, *, types: bool = True) -> list[Path]:
    """The files that one of ours imports by a relative name; on demand without what only types need."""
    found = []
    for match in IMPORT.finditer(path.read_text(encoding="utf-8")):
        if match["types"] and not types:
            continue
        name = (match["name"] or match["later"]).partition("?")[0]
        target = (path.parent / name).resolve()
        candidates = [target, *(Path(f"{target}{ending}") for ending in (".ts", ".tsx", "/index.ts", "/index.tsx"))]
        found += [candidate for candidate in candidates if candidate.is_file()][:1]  # tsc finds what is missing
    return found


def typescript_room(path: Path) -> str:
    return path.relative_to(SOURCES).parts[0].split(".")[0]


def reachable(path: Path) -> set[Path]:
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        for target in typescript_imports(waiting.pop()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


@pytest.mark.parametrize("path", typescript_sources(), ids=lambda path: path.relative_to(SOURCES).as_posix())
def test_typescript_module_reaches_only_the_rooms_it_may_know(path):
    """Files outside the rooms (helpers, entries) are free, but nobody gets round a rule by going through one."""
    here = typescript_room(path)
    if here not in TYPESCRIPT_ROOMS:
        return
    forbidden = set(TYPESCRIPT_ROOMS) - TYPESCRIPT_ROOMS[here] - {here}
    reached = {target for target in reachable(path) if typescript_room(target) in forbidden}
    assert not reached, f"{here} must not know {sorted(target.relative_to(SOURCES).as_posix() for target in reached)}"


def test_typescript_imports_have_no_cycle():
    sources = typescript_sources()
    edges = {str(path): {str(target) for target in typescript_imports(path, types=False)} for path in sources}
    graphlib.TopologicalSorter(edges).prepare()  # raises CycleError, which names the cycle


@pytest.mark.parametrize("package", ["preact", "@tanstack"])
def test_what_runs_without_a_page_imports_no_user_interface(package):
    for path in itertools.chain((SOURCES / "layout").rglob("*.ts"), (SOURCES / "scene").rglob("*.ts")):
        assert f'"{package}' not in path.read_text(encoding="utf-8"), f"{path} imports {package}"


# The house


def test_top_level_holds_only_what_the_architecture_names():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = {line.split("/")[0] for line in listed.stdout.splitlines()}
    files = {"pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", ".gitignore"}
    assert names <= files | {".ci", "nbviz", "js", "notebooks", "tests"}
