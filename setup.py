"""Puts the weights that ship into the package; all else of the build stands in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithWeights(build_py):
    """Copies checkpoints/*.pt to where the package is built. An editable install reads them where they lie."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib, "stereo", "checkpoints")
        shutil.rmtree(folder, ignore_errors=True)  # what an earlier build left there
        folder.mkdir(parents=True)
        for weights in sorted(Path("checkpoints").glob("*.pt")):
            shutil.copyfile(weights, folder / weights.name)


setup(cmdclass={"build_py": BuildWithWeights})
