"""The loader benchmark: a line for each form, and wrong requests."""

import re

import pytest
from helpers import load_script

from stereo.benchmark.loader import FORMS
from stereo.data.synthetic import SyntheticWorld
from stereo.errors import ConfigError

script = load_script("benchmark_loader")


@pytest.mark.slow
def test_every_form_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--pairs", "2", "--samples", "8", "--rounds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "2 pairs of 960×540 px" in lines[0]
    assert [line.split("  ")[0].strip() for line in lines[1:]] == list(FORMS)


@pytest.mark.slow
def test_the_pairs_of_flyingthings3d_are_found_within_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--index", "22500"]) == 0
    found = re.search(r"22,500 pairs found in (\d+\.\d\d) s of one core", capsys.readouterr().out)
    assert found is not None
    assert float(found[1]) < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pairs", "0"], "--pairs is 0, expected 1 or more"),
        (["--index", "0"], "--index is 0, expected 1 or more"),
        (["--samples", "4"], "--samples is 4, expected 8 or more"),
        (["--data", "scene_flow"], "needs a path"),
    ],
)
def test_wrong_requests_are_refused(arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SyntheticWorld, "__getitem__", None)  # nothing is drawn before the request is understood
    with pytest.raises(ConfigError, match=message):
        script.main(arguments)
