"""The command `stereo`: `stereo infer …` does what `python scripts/infer.py …` does, wherever the package is installed.

`python -m stereo infer …` is the same, and needs no installed command.
"""

import ast
import importlib.util
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import NoReturn

from stereo import cli
from stereo.config import choose
from stereo.errors import StereoError

_PACKAGE = Path(__file__).resolve().parent
# Where the scripts lie: in an installed package, and in a clone of the repository.
_FOLDERS = (_PACKAGE / "scripts", _PACKAGE.parent / "scripts")
# Scripts that measure or show the project itself, and need a clone.
_OF_A_CLONE = ("ablate", "benchmark_*", "demo", "plot_*")


def main() -> NoReturn:
    """Run the command that the command line names; without one, list the commands."""
    cli.run(lambda: run_command(sys.argv[1:] or ["--help"]))


def run_command(words: list[str]) -> int:
    """Run the command that the first word names with the others; return the exit code.

    Raises: StereoError for an unknown command, or where there are none; what the command raises.
    """
    scripts = find_scripts()
    if words[0] in ("-h", "--help"):
        print(_help(scripts))
        return 0
    name = choose(words[0].replace("-", "_"), list(scripts), "command")
    sys.argv = [f"stereo {name}", *words[1:]]  # the first is what the script's help calls it
    spec = importlib.util.spec_from_file_location(f"stereo_script_{name}", scripts[name])
    if spec is None or spec.loader is None:
        raise StereoError(f"{scripts[name]}: cannot be loaded; install the package again")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return int(script.main())


def find_scripts() -> dict[str, Path]:
    """Return the file of each command, by name. Raises: StereoError where the installation has none."""
    for folder in _FOLDERS:
        files = {path.stem: path for path in sorted(folder.glob("*.py"))}
        if files:
            return {name: path for name, path in files.items() if not any(fnmatch(name, one) for one in _OF_A_CLONE)}
    raise StereoError(f"{_PACKAGE}: has no scripts with it; install the package again, or run it from a clone")


def _help(scripts: dict[str, Path]) -> str:
    width = max(map(len, scripts))
    lines = ["usage: stereo COMMAND …", "", "Stereo depth estimation with efficient attention. The commands:", ""]
    for name, path in scripts.items():
        purpose = ast.get_docstring(ast.parse(path.read_bytes())) or name  # the script does not run
        lines.append(f"  {name:{width}}  {purpose.splitlines()[0]}")
    return "\n".join([*lines, "", "`stereo COMMAND --help` has the options of one."])


if __name__ == "__main__":
    main()
