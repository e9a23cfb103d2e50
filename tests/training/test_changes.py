"""What a resumed run may change, key by key, whatever version wrote the checkpoint."""

import copy
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny_config

from stereo.config import DatasetConfig, config_to_dict
from stereo.training.changes import compare_settings, listed


@pytest.fixture
def stored() -> dict[str, Any]:
    return config_to_dict(tiny_config(Path("run")))


def changed(values: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The settings with another value at a dotted name."""
    result = copy.deepcopy(values)
    *sections, key = name.split(".")
    section = result
    for part in sections:
        section = section[part]
    section[key] = value
    return result


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model.aggregation.channels", 16),
        ("model.attention.sites", ["quarter"]),
        ("loss.kind", "smooth_l1"),
        ("optimizer.learning_rate", 0.5),
        ("optimizer.weight_decay", 0.5),
        ("data.train.synthetic.seed", 7),
        ("data.augmentation.crop_height", 32),
        ("data.batch_size", 1),
        ("training.seed", 3),
        ("training.precision", "bf16"),
        ("training.initial_checkpoint", "weights.pt"),
    ],
)
def test_what_makes_another_experiment_is_refused(stored: dict[str, Any], name: str, value: Any) -> None:
    changes = compare_settings(stored, changed(stored, name, value))
    (refused,) = changes.refused
    assert refused.startswith(f"{name} is ")
    assert str(value) in refused
    assert ", was " in refused
    assert changes.taken == changes.gone == []


def test_what_only_changes_the_circumstances_is_taken(stored: dict[str, Any]) -> None:
    request = stored
    for name, value in (
        ("training.steps", 40),
        ("training.output", "elsewhere"),
        ("training.device", "auto"),
        ("training.log_interval", 9),
        ("training.validation_interval", 9),
        ("training.checkpoint_interval", 9),
        ("data.workers", 5),
        ("data.train.cache", "/elsewhere"),
    ):
        request = changed(request, name, value)
    changes = compare_settings(stored, request)
    assert len(changes.taken) == 8
    assert "training.steps is 40, was 4" in changes.taken
    assert changes.refused == changes.gone == []
    assert not changes.validation


def test_other_validation_data_is_taken_and_noticed(stored: dict[str, Any]) -> None:
    changes = compare_settings(stored, changed(stored, "data.validation.synthetic.length", 9))
    assert changes.taken == ["data.validation.synthetic.length is 9, was 2"]
    assert changes.validation


def test_a_further_data_set_is_refused_even_with_the_default_settings(stored: dict[str, Any]) -> None:
    config = tiny_config(Path("run"))
    config.data.mix = [DatasetConfig(split="train")]
    mixed = config_to_dict(config)
    assert compare_settings(mixed, mixed).refused == []
    assert compare_settings(stored, mixed).refused == ["data.mix is 1 sections, was []"]
    assert any("data.mix" in line for line in compare_settings(mixed, stored).refused)


def test_settings_of_other_versions(stored: dict[str, Any]) -> None:
    """What is gone is named; what is new had its default; nothing is in the way of resuming."""
    older = changed(stored, "data.train.synthetic.domes", 3)
    del older["optimizer"]["gradient_clip"]
    changes = compare_settings(older, stored)
    assert changes.gone == ["data.train.synthetic.domes (it was 3)"]
    assert changes.refused == changes.taken == []
    request = changed(stored, "optimizer.gradient_clip", 0.5)
    assert compare_settings(older, request).refused == ["optimizer.gradient_clip is 0.5, was 1.0"]
    assert compare_settings({"preset": "gone"}, stored).gone == []


def test_many_changes_stay_one_line() -> None:
    assert listed(["a is 1, was 2"]) == "a is 1, was 2"
    assert listed([str(number) for number in range(9)]) == "0; 1; 2; 3; 4; 5; … (9 in all)"
