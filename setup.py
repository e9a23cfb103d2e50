"""Puts the weights that ship and the scripts into the package; all else of the build stands in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# The folders of the repository of which a part goes into the package, and which part.
PARTS = {"checkpoints": ("*.pt", "SHA256SUMS"), "scripts": ("*.py",)}


class BuildWithParts(build_py):
    """Copies these files to where the package is built. An editable install reads them where they lie."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name, patterns in PARTS.items():
            folder = Path(self.build_lib, "stereo", name)
            shutil.rmtree(folder, ignore_errors=True)  # what an earlier build left there
            folder.mkdir(parents=True)
            for file in sorted(file for pattern in patterns for file in Path(name).glob(pattern)):
                shutil.copyfile(file, folder / file.name)


setup(cmdclass={"build_py": BuildWithParts})
