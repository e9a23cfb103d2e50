"""How many loader processes `data.workers` means."""

import os

import pytest
import torch

from stereo.config import config_from_dict
from stereo.data.workers import advise, count_workers
from stereo.errors import ConfigError


@pytest.mark.parametrize(
    ("cores", "gpu", "processes", "expected"),
    [(1, False, 1, 1), (2, False, 1, 1), (16, False, 1, 4), (16, True, 1, 15), (64, True, 1, 16), (64, True, 8, 7)],
)
def test_auto_takes_what_the_cores_allow(
    cores: int, gpu: bool, processes: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    assert count_workers("auto") == expected
    assert count_workers(0) == 0


@pytest.mark.parametrize(("value", "words"), [("many", "expected a number, 0 or more, or auto"), (-1, "workers is -1")])
def test_what_is_no_number_of_workers_is_refused(value: object, words: str) -> None:
    assert config_from_dict({"data": {"workers": "auto"}}).data.workers == "auto"
    with pytest.raises(ConfigError, match=words):
        config_from_dict({"data": {"workers": value}})


def test_what_to_do_about_waiting_depends_on_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)))
    assert advise(0, 0.1) is None
    few, all_there_are = advise(1, 0.344), advise("auto", 0.5)
    assert (
        few
        == "34 % of the time is spent waiting for data; data.workers is 1 here, and auto is 4: set data.workers=auto"
    )
    assert all_there_are is not None
    assert all_there_are.startswith("50 % of the time")
    assert "4 loader processes are what these cores allow" in all_there_are
