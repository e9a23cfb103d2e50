"""scripts/plot_training_log.py: the figure is drawn from the page's own table."""

from pathlib import Path

import pytest
from helpers import REPOSITORY, load_script

from stereo.errors import ConfigError

script = load_script("plot_training_log")


def test_the_figure_is_drawn_from_the_table(tmp_path: Path) -> None:
    rows = script.read_table(REPOSITORY / "docs" / "training_log.md")
    assert {row["network"] for row in rows} == {"slim", "compact", "guided"}
    assert script.main(["--output", str(tmp_path / "figure.png")]) == 0
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_without_the_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.md").write_text("| a |\n|---|\n| 1 |\n")
    with pytest.raises(ConfigError, match="expected a table with the columns"):
        script.main(["--log", str(tmp_path / "log.md")])
