"""The demo, whole but for its training."""

from pathlib import Path

import pytest
from helpers import load_script


@pytest.mark.slow
def test_it_leaves_a_page_with_all_methods(tmp_path: Path) -> None:
    assert load_script("demo").main(["--output", str(tmp_path), "--steps", "2"]) == 0
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for title in ("Truth", "Brief", "Shipped", "SGBM"):
        assert page.count(f"<h3>{title}</h3>") == 6  # one for each scene
    for script in ("generate_dataset", "train", "evaluate", "infer", "show_pair"):
        assert f"python scripts/{script}.py" in page
    assert (tmp_path / "cloud.jpg").is_file()
