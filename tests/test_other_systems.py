"""Windows and macOS: nothing that Linux alone has is needed to import a module or to start a script."""

import ast
import subprocess
import sys

import pytest
from helpers import REPOSITORY

FILES = sorted(path for folder in ("stereo", "scripts") for path in (REPOSITORY / folder).rglob("*.py"))
FILES.append(REPOSITORY / "hubconf.py")
# Modules that Windows lacks: imported within a function, where they are needed and may be missing.
MODULES = {"resource", "fcntl", "pwd", "grp", "termios"}
# Signals and calls that Windows lacks: asked for by hasattr or getattr.
NAMES = {"SIGALRM", "alarm", "setitimer", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGCHLD", "getuid", "geteuid", "fork"}


def test_what_windows_lacks_is_not_used_without_a_guard() -> None:
    found = {}
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names} & MODULES
        used |= {str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)} & MODULES
        used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & NAMES
        if used:
            found[str(path.relative_to(REPOSITORY))] = used
    assert found == {}


@pytest.mark.slow
def test_every_module_and_script_is_imported_where_posix_is_not() -> None:
    code = f"""
import ctypes, importlib.util, os, signal, sys
import cv2, scipy.optimize, torch, torch.utils.data, tensorboard, matplotlib, multiprocessing.popen_fork
for name in {sorted(MODULES)}:
    sys.modules[name] = None
for name in {sorted(NAMES)} + ["sched_getaffinity", "sysconf", "killpg"]:
    for module in (signal, os):
        if hasattr(module, name):
            delattr(module, name)
whole = ctypes.CDLL
def library(name, *arguments, **options):
    if name is None:
        raise TypeError("argument of type 'NoneType' is not iterable")
    return whole(name, *arguments, **options)
ctypes.CDLL = library
failed = {{}}
for number, path in enumerate({[str(path) for path in FILES]}):
    specification = importlib.util.spec_from_file_location(f"file{{number}}", path)
    module = sys.modules[specification.name] = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except ImportError as error:  # of an extra that is not installed
        if error.name in sys.modules and sys.modules[error.name] is None:
            failed[path] = str(error)
from stereo.options import count_cores
from stereo.data.loader import init_worker
from stereo.device import describe_machine, peak_memory_mb, release_freed_memory
assert count_cores() >= 1
assert peak_memory_mb(torch.device("cpu")) != 0
assert describe_machine(torch.device("cpu"))
init_worker(0)
release_freed_memory(torch.device("cpu"))
print(failed)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{}\n", "")
