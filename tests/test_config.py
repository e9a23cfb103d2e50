"""The schema: what it takes, and how it refuses."""

from dataclasses import replace
from pathlib import Path

import pytest
from helpers import REPOSITORY

from stereo.config import (
    Config,
    DatasetConfig,
    config_from_dict,
    config_to_dict,
    config_to_yaml,
    load_config,
    model_preset,
    with_overrides,
)
from stereo.errors import ConfigError


def load(folder: Path, text: str, *overrides: str) -> Config:
    path = folder / "experiment.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, overrides)


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Config()


def test_file_then_overrides(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "optimizer: {learning_rate: 1e-4, weight_decay: 0}\ntraining: {steps: 7}",
        "training.steps=9",
        "model.attention.sites=[quarter, features]",
        "data.train={family: kitti2015, path: /data/kitti}",
    )
    assert config.optimizer.learning_rate == 1e-4
    assert config.optimizer.weight_decay == 0
    assert config.training.steps == 9
    assert config.model.attention.sites == ["quarter", "features"]
    assert (config.data.train.family, config.data.train.path) == ("kitti2015", "/data/kitti")


def test_round_trips(tmp_path: Path) -> None:
    config = load(tmp_path, "model: {max_disparity: 96}", "training.seed=5")
    assert load(tmp_path, config_to_yaml(config)) == config
    assert config_from_dict(config_to_dict(config)) == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("modl: {}", ["modl", "did you mean 'model'"]),
        ("model: {max_disp: 96}", ["model.max_disp", "max_disparity"]),
        ("training: {steps: 5}\ntraining: {seed: 1}", ["line 2", "duplicate key training"]),
        ("training: {steps: many}", ["training.steps", "'many'", "Integer"]),
        ("training: {steps: 1.5}", ["training.steps", "1.5"]),
        ("model: {attention: {kind: dot}}", ["model.attention.kind", "'dot'", "none", "efficient"]),
        ("model: {attention: {sites: [half]}}", ["sites", "'half'", "eighth"]),
        ("model: {attention: {over: disparity}}", ["over is disparity", "use kind dot_product or sdpa"]),
        ("model: {attention: {position: rope}}", ["position is rope", "use sine, or kind dot_product or sdpa"]),
        ("model: {attention: {over: plane, sites: [features]}}", ["over is plane", "features", "use over=volume"]),
        ("model: {attention: {num_heads: 3}}", ["key_channels is 16", "num_heads (3)"]),
        ("model: {max_disparity: 100}", ["100", "multiple of 16", "112"]),
        ("model: {cost_volume: {groups: 7}}", ["matching_channels (64)", "groups (7)"]),
        ("loss: {output_weights: [1]}", ["1 entries", "3 supervised outputs"]),
        ("data: {augmentation: {crop_height: 100, crop_width: 128}}", ["crop_height is 100", "multiple of 16"]),
        ("data: {train: {family: kitti2015}}", ["kitti2015", "needs a path"]),
        ("data: {train: {family: kitti}}", ["'kitti'", "kitti2012"]),
        ("model: 3", ["3"]),
        ("- a\n- b", ["YAML", "list"]),
        ("just words", ["just words"]),
        ("a: [1", ["not valid YAML"]),
        ("training: {steps: 0}", ["training.steps is 0", "1 or more"]),
        ("training: {seed: -1}", ["training.seed is -1", "0 …"]),
        ("training: {seed: 99999999999999999999999}", ["training.seed is 99999999999999999999999"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert "experiment.yaml" in message
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("steps", ["'steps'", "expected key=value"]),
        ("training.step=3", ["training.step", "steps"]),
        ("training.steps=x", ["training.steps", "'x'"]),
        ("training.steps=[", ["not valid YAML"]),
        ("model.max_disparity=[1", ["not valid YAML"]),
        ("optimizer.lr=1e-3", ["optimizer.lr", "use optimizer.learning_rate"]),
        ("training.epochs=10", ["use training.steps", "data.batch_size"]),
        ("batch_size=4", ["use data.batch_size"]),
        ("data.num_workers=4", ["did you mean 'workers'"]),
        ("model.aggregation.checkpoint=true", ["use model.aggregation.recompute"]),
        ("model.attention.sites=quarter", ["expected a list, as in model.attention.sites=[quarter]"]),
        ("data.mix={family: eth3d}", ["data.mix", "expected a list"]),
        ("data.mix=[{famly: eth3d}]", ["data.mix[0].famly", "did you mean 'family'"]),
        ("model.attention=efficient", ["model.attention is efficient", "section", "kind"]),
        ("model=null", ["model is null", "section"]),
        ("optimizer.learning_rate=[1]", ["optimizer.learning_rate is [1], expected one value"]),
        ("training.steps=null", ["training.steps is null"]),
        ("data.train.synthetic.mixture=3", ["mixture is 3", "{name: value"]),
        ("nothing.at.all=1", ["no such setting", "optimizer", "training"]),
        ("training.output=???", ["still to be filled in"]),
        (
            "model={max_disparity:96}",
            ["model has {max_disparity:96}", "a space follows the colon", "{max_disparity: 96}"],
        ),
        ("data.train.synthetic.mixture={rooms:0.25}", ["mixture has {rooms:0.25}", "{rooms: 0.25}"]),
    ],
)
def test_wrong_overrides(tmp_path: Path, override: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "", override)
    message = str(caught.value)
    for word in words:
        assert word in message
    for internal in ("Config'", "ListConfig", "AnyNode", "Merge error", "subclass"):
        assert internal not in message


def test_a_value_may_refer_to_another_setting_and_to_nothing_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(tmp_path, "training: {seed: 7, output: 'runs/${training.seed}'}").training.output == "runs/7"
    monkeypatch.setenv("SECRET", "x")
    for text in ("training: {output: '${oc.env:SECRET}'}", "training: {output: 'a/${ oc.env : SECRET}'}"):
        with pytest.raises(ConfigError, match=r"training\.output.*environment look-ups are off"):
            load(tmp_path, text)
    with pytest.raises(ConfigError, match="nothing"):
        load(tmp_path, "training: {output: '${training.nothing}'}")


@pytest.mark.parametrize("backslashes", range(5))
def test_plain_values_are_taken_as_they_are(backslashes: int) -> None:
    text = "runs/" + "\\" * backslashes + "${oc.env:HOME}/${training.seed}"
    assert config_from_dict({"training": {"output": text}}).training.output == text


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        load_config(tmp_path / "nothing.yaml")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00\x9d\x01")
    with pytest.raises(ConfigError, match=r"binary\.yaml"):
        load_config(binary)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "configs").rglob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_configuration_loads(path: Path) -> None:
    load_config(path)
    assert path.read_text(encoding="utf-8").startswith("#"), "the head says the command, the hardware and the score"


def test_a_file_has_the_settings_of_the_one_that_it_extends(tmp_path: Path) -> None:
    """Wherever it is read from, over several files, and an override holds before all of them."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "first.yaml").write_text("preset: psmnet\ndata: {batch_size: 12}\ntraining: {steps: 7}")
    (tmp_path / "second.yaml").write_text("extends: shared/first.yaml\ndata: {workers: 3}\ntraining: {steps: 8}")
    third = tmp_path / "third.yaml"
    third.write_text("extends: second.yaml\nmodel: {max_disparity: 64}")
    config = load_config(third, ["training.seed=5"])
    assert (config.data.batch_size, config.data.workers, config.training.steps, config.training.seed) == (12, 3, 8, 5)
    assert config.model == replace(model_preset("psmnet"), max_disparity=64)
    third.write_text("extends: second.yaml\npreset: slim")
    assert load_config(third).model == model_preset("slim")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("extends: nothing.yaml", ["nothing.yaml: no such configuration file", "experiment.yaml extends it"]),
        ("extends: experiment.yaml", ["which extends it", "leave `extends` out"]),
        ("extends: [a.yaml, b.yaml]", ["extends is ['a.yaml', 'b.yaml']", "one YAML file"]),
        ("extends: '${oc.env:HOME}/a.yaml'", ["expected the path of one YAML file"]),
    ],
)
def test_what_cannot_be_extended_is_told(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_long_chain_of_files_is_refused(tmp_path: Path) -> None:
    for number in range(16):
        (tmp_path / f"{number}.yaml").write_text(f"extends: {number + 1}.yaml")
    (tmp_path / "15.yaml").write_text("training: {steps: 7}")
    assert load_config(tmp_path / "0.yaml").training.steps == 7
    (tmp_path / "first.yaml").write_text("extends: 0.yaml")
    with pytest.raises(ConfigError, match=r"first\.yaml: over 16 files extend one another"):
        load_config(tmp_path / "first.yaml")


def test_a_wrong_key_is_told_with_the_file_that_has_it(tmp_path: Path) -> None:
    (tmp_path / "first.yaml").write_text("optimizer: {lr: 1}")
    (tmp_path / "second.yaml").write_text("extends: first.yaml")
    with pytest.raises(ConfigError, match=r"first\.yaml: optimizer\.lr: .* use optimizer\.learning_rate"):
        load_config(tmp_path / "second.yaml")


TYPED = ["2024_05_01", "007", "1.10", "12:30", "on", "No", "1e3", "0x1F", ".5", "true", "2024-05-01"]


@pytest.mark.parametrize("typed", TYPED)
def test_text_settings_keep_what_was_typed(tmp_path: Path, typed: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("{}")
    assert load_config(path, [f"training.output={typed}"]).training.output == typed
    path.write_text(f"training:\n  output: {typed}\n  initial_checkpoint: '{typed}'\n")
    training = load_config(path).training
    assert (training.output, training.initial_checkpoint) == (typed, typed)
    pairs = DatasetConfig(family="pairs", path="list.csv")
    assert with_overrides(pairs, [f"names={typed}"]).names == typed


def test_text_in_lists_and_null_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("data:\n  mix:\n    - {family: pairs, path: 007, limit: 010}\n")
    (member,) = load_config(path).data.mix
    assert (member.path, member.limit) == ("007", 8)
    path.write_text("training: {steps: 1_000, initial_checkpoint: null}\n")
    training = load_config(path, ["training.log_interval=1_0", "training.initial_checkpoint=null"]).training
    assert (training.steps, training.log_interval, training.initial_checkpoint) == (1000, 10, None)
    assert load_config(path, ["training.output='1.10'"]).training.output == "1.10"
