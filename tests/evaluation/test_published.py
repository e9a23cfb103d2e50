"""A published figure, from the authors' own weights, where these are at hand."""

import json
import os
from pathlib import Path

import pytest
from helpers import SHARED, load_script


def test_the_authors_kitti_weights_give_their_error_on_a_pair_of_kitti(tmp_path: Path) -> None:
    weights, pairs = os.environ.get("PSMNET_KITTI_WEIGHTS"), SHARED / "real" / "kitti2015"
    if weights is None:
        pytest.skip("PSMNET_KITTI_WEIGHTS names no file: the weights for KITTI 2015 that PSMNet's authors published")
    if not pairs.is_dir():
        pytest.skip(f"needs the real pairs in {pairs}")
    imported = str(tmp_path / "psmnet.pt")
    # Weights of 2018 were trained when interpolation aligned corners.
    assert load_script("import_psmnet").main([weights, imported, "--align-corners", "true"]) == 0
    data = ["--data", f"kitti2015:{pairs}", "--protocol", "kitti2015", "--checkpoint", imported]
    assert load_script("evaluate").main([*data, "--output", str(tmp_path), "--previews", "0", "--device", "cpu"]) == 0
    (result,) = [row for row in json.loads((tmp_path / "report.json").read_text())["results"] if row["region"] == "all"]
    assert round(result["epe"], 2) == 0.27
