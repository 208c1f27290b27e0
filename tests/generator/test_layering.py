"""Imports point left only (STYLE): errors <- graph <- layers <- passes <- backends <- tools <- flow <- cli."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LAYERS = (
    ("version", "errors", "assets", "names", "unique_yaml"),
    ("fixed_point", "device", "ram"),
    ("graph", "multipliers"),
    ("layers", "float_graph"),
    ("design", "config", "yaml_reader"),
    ("hardware_yaml", "frontend", "passes", "reference", "trace", "cost", "design_json", "certificate_check"),
    ("templating", "build_plan", "vectors"),
    ("backends",),
    ("tools", "report"),
    ("source", "project"),
    ("flow", "skip_table"),
    ("api", "demo"),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
MAY_IMPORT_TRAINING = {"frontend", "source", "skip_table", "api", "demo", "cli"}
TB_MAY_IMPORT = {"generator.fixed_point", "generator.reference"}


def sources(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py"))


def imports(path: Path) -> list[str]:
    """Modules that a file imports when it runs, wherever the statement stands."""
    found = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):  # breadth first: emptied before its body is reached
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def piece(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "generator" and len(parts) > 1 else None


def test_every_module_of_generator_has_its_layer() -> None:
    pieces = {piece(module_of(path)) for path in sources("generator")} - {None}
    assert pieces <= RANK.keys(), f"add to LAYERS: {sorted(pieces - RANK.keys())}"


@pytest.mark.parametrize("path", sources("generator"), ids=module_of)
def test_generator_imports_point_left(path: Path) -> None:
    own = piece(module_of(path))
    if own is None:  # generator/__init__.py names the public API
        return
    for module in imports(path):
        other = piece(module)
        if other is not None:
            assert RANK[other] <= RANK[own], f"{module_of(path)} imports {module}, which is further right"
        if module.split(".")[0] == "tailor_train":
            assert own in MAY_IMPORT_TRAINING, f"{module_of(path)} imports {module}"
        if module.split(".")[0] == "torch":
            assert own in {"frontend", "source", "skip_table", "api", "demo"}, f"{module_of(path)} imports {module}"


@pytest.mark.parametrize("path", sources("tailor_train"), ids=module_of)
def test_training_imports_nothing_of_the_generator(path: Path) -> None:
    assert [module for module in imports(path) if module.split(".")[0] in {"generator", "tb"}] == []


@pytest.mark.parametrize("path", sources("tb"), ids=module_of)
def test_benches_import_only_the_arithmetic(path: Path) -> None:
    for module in imports(path):
        if module.startswith("generator"):
            assert ".".join(module.split(".")[:2]) in TB_MAY_IMPORT, f"{path.name} imports {module}"


def test_modules_import_each_other_without_cycles() -> None:
    modules = {module_of(path): path for package in ("generator", "tailor_train") for path in sources(package)}
    known = set(modules)
    edges = {
        name: {other for text in imports(path) for other in (text, text.rpartition(".")[0]) if other in known - {name}}
        for name, path in modules.items()
    }
    for name in ("generator", "tailor_train"):  # packages whose __init__ only names the public API
        for others in edges.values():
            others.discard(name)
    assert len(tuple(TopologicalSorter(edges).static_order())) >= len(known) - 2


def test_no_print_and_no_bare_exceptions() -> None:
    for package in ("generator", "tailor_train"):
        for path in sources(package):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    assert node.func.id != "print", f"{path}:{node.lineno} prints"
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                    name = node.exc.func.id if isinstance(node.exc.func, ast.Name) else ""
                    assert name not in {"Exception", "RuntimeError"}, f"{path}:{node.lineno} raises {name}"
