"""torch.hub takes the networks from a clone."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from helpers import REPOSITORY

from stereo.checkpoint import shipped_weights


def test_a_clone_serves_its_network_to_torch_hub(tmp_path: Path) -> None:
    """From a folder elsewhere, and with the clone's own package, whichever is installed."""
    code = f"""
import numpy as np
import torch
model = torch.hub.load({str(REPOSITORY)!r}, "compact", source="local", device="cpu", max_disparity=16, confidence=True)
left, right = np.random.default_rng(0).integers(0, 255, (2, 32, 40, 3), dtype=np.uint8)
result = model(left, right)
import stereo
print(result.disparity.shape, result.confidence.shape, stereo.__file__)
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment | {"TORCH_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"(32, 40) (32, 40) {REPOSITORY / 'stereo' / '__init__.py'}\n"


def test_all_weights_that_ship_are_entry_points() -> None:
    spec = importlib.util.spec_from_file_location("hubconf", REPOSITORY / "hubconf.py")
    assert spec is not None
    assert spec.loader is not None
    hubconf = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hubconf)
    # As torch.hub lists them.
    names = {name for name, value in vars(hubconf).items() if callable(value) and not name.startswith("_")}
    assert names == shipped_weights().keys()
