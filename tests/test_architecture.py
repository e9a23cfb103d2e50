"""The arrows of the house: who may import whom. See docs/architecture.md."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import REPOSITORY

# Lower layers know nothing of higher ones. A module may import from its own layer and from those before it.
LAYERS: list[set[str]] = [
    {"errors", "foreign", "files", "locks"},
    {"output", "device", "config", "seeds", "data.sample", "torch_file", "quiet", "signals"}
    | {"interruption", "standard_streams", "children"},
    {"data.formats", "processes", "launch", "cli", "options", "__main__"},
    {"data", "model", "camera", "geometry", "evaluation.metrics", "evaluation.protocols"}
    | {"visualize", "contact_sheet", "cloud_view"},
    {"checkpoint", "methods", "export", "video"},
    {"evaluation"},
    {"page"},
    {"training"},
    {"benchmark"},
    {"ablation"},
]
# What a script may import before it has looked at its arguments, without waiting for PyTorch.
LIGHT = ("stereo", "stereo.errors", "stereo.config", "stereo.cli", "stereo.options", "stereo.output")


def layer_of(module: str) -> int:
    """Of `stereo.data.families.kitti` the layer of the longest name that is listed."""
    name = module.removeprefix("stereo").removeprefix(".")
    while name:
        for number, layer in enumerate(LAYERS):
            if name in layer:
                return number
        name = name.rpartition(".")[0]
    raise AssertionError(f"{module} stands in no layer of tests/test_architecture.py")


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted((REPOSITORY / "stereo").rglob("*.py")):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> set[str]:
    """The modules of ours that a file imports, inside functions too."""
    known = modules()
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in known else node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return {name for name in found if name == "stereo" or name.startswith("stereo.")}


@pytest.mark.parametrize(("module", "path"), sorted(modules().items()))
def test_imports_go_one_way(module: str, path: Path) -> None:
    if module in ("stereo", "stereo.data", "stereo.model"):
        return  # public names: they may reach down to everything
    for imported in imports(path):
        assert imported != "stereo", f"{module} imports the public names"
        assert layer_of(imported) <= layer_of(module), f"{module} must not import {imported}"


@pytest.mark.parametrize(("one", "other"), [("data", "model"), ("model", "data")])
def test_data_and_model_do_not_know_each_other(one: str, other: str) -> None:
    for module, path in modules().items():
        if module.startswith(f"stereo.{one}"):
            assert not [name for name in imports(path) if name.startswith(f"stereo.{other}")], module


def test_only_training_checkpoints_and_benchmarks_see_the_whole_configuration() -> None:
    allowed = ("stereo.training.", "stereo.checkpoint", "stereo.config", "stereo.benchmark.")
    for module, path in modules().items():
        if module == "stereo" or module.startswith(allowed):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "stereo.config":
                assert "Config" not in {alias.name for alias in node.names}, module


def test_no_path_edits_and_no_hard_coded_device() -> None:
    for path in [*modules().values(), *(REPOSITORY / "scripts").glob("*.py"), *(REPOSITORY / "tests").rglob("*.py")]:
        if path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8")
        assert "sys.path" not in text, path
        assert ".cuda()" not in text, path


def test_files_are_looked_for_by_what_does_not_raise() -> None:
    """`Path.exists`, `is_file` and `is_dir` raise for names that are too long and in folders without rights.

    `Path.expanduser` raises for a user that there is not.
    """
    for path in [*modules().values(), *(REPOSITORY / "scripts").glob("*.py")]:
        if path.parent.name == "training":  # it looks into the run folder, which it has made itself
            continue
        found = re.findall(r"[\w)\]]+\.(?:exists|is_file|is_dir|expanduser)\(\)", path.read_text(encoding="utf-8"))
        assert not [call for call in found if not call.startswith("entry.")], path  # of os.scandir


def test_no_circles() -> None:
    """Not within a layer either: of two modules that import each other none can be read alone."""
    arrows = {module: imports(path) - {module} for module, path in modules().items()}
    while True:
        leaves = {module for module, targets in arrows.items() if not targets & arrows.keys()}
        if not leaves:
            break
        arrows = {module: targets for module, targets in arrows.items() if module not in leaves}
    assert not arrows, f"these import each other, or import such: {sorted(arrows)}"


def test_importing_starts_nothing() -> None:
    """No thread, no output; and nothing heavy where it is not asked for."""
    code = f"""
import importlib, sys, threading
importlib.import_module("stereo")
assert not {{"torch", "numpy", "cv2", "omegaconf"}} & sys.modules.keys()
for name in {LIGHT}:
    importlib.import_module(name)
assert not {{"torch", "cv2", "tensorboard", "matplotlib", "PIL"}} & sys.modules.keys()
assert threading.active_count() == 1
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_files_that_the_code_speaks_of_are_there() -> None:
    named = re.compile(r"(?<![\w/.])(?:tests|scripts|stereo|configs|docs)/[\w/.-]+\.(?:py|md|yaml|jpg|png|ipynb)\b")
    gone = {
        f"{path.relative_to(REPOSITORY)}: {name}"
        for folder in ("stereo", "scripts", "configs")
        for path in (REPOSITORY / folder).rglob("*")
        if path.suffix in (".py", ".yaml")
        for name in named.findall(path.read_text(encoding="utf-8"))
        if not (REPOSITORY / name).exists()
    }
    assert gone == set()
