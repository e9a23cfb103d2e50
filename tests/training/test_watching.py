"""What a run lets one watch: curves, metrics.csv, panels, further data sets, the raw weights beside their average."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers import tiny_config
from helpers.runs import scalars
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from stereo.config import config_to_yaml
from stereo.data.sample import Image
from stereo.errors import DataError
from stereo.model.attention.efficient import EfficientAttention
from stereo.model.network import StereoNetwork
from stereo.training import panels, scoring
from stereo.training.curves import Curves
from stereo.training.logbook import Logbook
from stereo.training.trainer import train
from stereo.training.validation import Scores, Validator


def table(folder: Path) -> list[tuple[int, str, float]]:
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["step", "name", "value"]
    return [(int(step), name, float(value)) for step, name, value in rows[1:]]


def test_metrics_are_in_tensorboard_and_in_a_table(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    train(config)
    log = EventAccumulator(str(tmp_path / "run"))
    log.Reload()
    tags = set(log.Tags()["scalars"])
    assert {f"training/{name}" for name in ("loss", "loss_1", "loss_2", "epe", "bad_1", "bad_3", "d1")} <= tags
    assert {"training/gradient_norm", "training/samples_per_second", "training/peak_memory_mb"} <= tags
    assert "training/data_wait_percent" in tags
    rows = table(tmp_path / "run")
    assert {name for _, name, _ in rows} == tags
    for tag in ("training/loss", "validation/d1"):
        assert {step: value for step, name, value in rows if name == tag} == pytest.approx(
            scalars(tmp_path / "run", tag), rel=1e-6
        )
    losses = [scalars(tmp_path / "run", f"training/{name}")[4] for name in ("loss", "loss_1", "loss_2")]
    assert losses[0] == pytest.approx(losses[1] + losses[2], rel=1e-5)


def test_a_table_drops_what_was_logged_after_the_checkpoint(tmp_path: Path) -> None:
    said: list[str] = []
    for begun, step, value in ((0, 1, 1.0), (0, 1, 2.0), (1, 2, 3.0), (1, 3, 4.0), (2, 3, 5.0)):
        curves = Curves(tmp_path, begun, said.append)
        curves.add(step, {"x": value})
        with (tmp_path / "metrics.csv").open("a") as file:
            file.write("9,half")  # of a killed process
    rows = (tmp_path / "metrics.csv").read_text().splitlines()
    assert rows == ["step,name,value", "1,x,2", "3,x,5", "9,half"]
    assert said == []


def test_a_table_that_cannot_be_written_does_not_end_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny_config(tmp_path / "run")
    (tmp_path / "run" / "metrics.csv").mkdir(parents=True)
    (tmp_path / "run" / "config.yaml").write_text(config_to_yaml(config), encoding="utf-8")
    train(config)
    assert capsys.readouterr().out.count("metrics.csv cannot be written") == 1


def test_tensorboard_shows_what_the_run_is(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run", steps=1)
    train(config)
    log = EventAccumulator(str(tmp_path / "run"))
    log.Reload()
    texts = {tag: log.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in log.Tags()["tensors"]}
    assert "crop_height: 48" in texts["configuration/text_summary"]
    weights = sum(parameter.numel() for parameter in StereoNetwork(config.model).parameters())
    assert f"| all | {weights:,} |" in texts["network/text_summary"]
    begun = HParamsPluginData.FromString(log.SummaryMetadata("_hparams_/session_start_info").plugin_data.content)
    assert begun.session_start_info.hparams["optimizer.learning_rate"].number_value == 1e-3


def test_further_sets_are_scored_and_decide_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny_config(tmp_path / "run", steps=2)
    other = replace(config.data.validation, synthetic=replace(config.data.validation.synthetic, length=1, seed=9))
    third = replace(other, synthetic=replace(other.synthetic, length=3))
    config.data.also_validate = [other, third]
    score = Validator.score

    def failing(self: Validator, with_panels: bool = True) -> Scores:
        if len(self.dataset) == 3:
            raise DataError("no pair could be scored")
        return score(self, with_panels)

    monkeypatch.setattr(Validator, "score", failing)
    train(config)
    printed = capsys.readouterr().out
    assert "step 2: validation on synthetic EPE" in printed
    assert "over 1 pairs\n" in printed  # and not the best so far
    assert "warning: step 2: validation on synthetic 2 has no score: no pair could be scored" in printed
    assert scalars(tmp_path / "run", "validation_synthetic/epe").keys() == {2}
    config.data.also_validate = []  # who watches may come and go
    config.training.steps = 3
    train(config, resume="auto")


def test_the_raw_weights_are_scored_beside_their_average(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run", steps=2)
    config.optimizer.average_decay = 0.9
    train(config)
    averaged, raw = (scalars(tmp_path / "run", f"{group}/epe")[2] for group in ("validation", "validation_raw_weights"))
    assert averaged != raw


def test_a_pair_that_validation_fails_on_is_told_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Validator) -> None:
        raise DataError("too large")

    monkeypatch.setattr(scoring.Validator, "try_one", fail)
    with pytest.raises(DataError, match="too large"):
        train(tiny_config(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_panels_show_confidence_and_what_attention_looks_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captions: list[str] = []
    tile = panels.tile

    def watched(image: Image, caption: str) -> Image:
        captions.append(caption)
        return tile(image, caption)

    monkeypatch.setattr(panels, "tile", watched)
    config = tiny_config(tmp_path / "run", steps=1)
    config.data.validation.synthetic.length = 1
    config.model.attention.kind = "efficient"
    train(config)
    assert captions == ["confidence, 0 (blue) to 1 (red)", *(f"attention, key map {n}" for n in (1, 2, 3))]


def test_a_key_map_is_the_softmax_over_the_plane() -> None:
    attention = EfficientAttention(4)
    x = torch.randn(2, 4, 3, 5, 6)
    with panels._first_key_maps(torch.nn.Sequential(attention)) as maps:
        attention(x)
    weight, bias = attention.keys.parts()
    expected = torch.einsum("kc,bcdhw->bkdhw", weight[:, :, 0], x) + bias[:, None, None, None]
    expected = expected.flatten(2).softmax(2).unflatten(2, (3, 5, 6)).sum(2)[0]
    assert len(maps) == 4
    torch.testing.assert_close(torch.stack([torch.from_numpy(one) for one in maps]), expected.detach())


def test_waiting_for_data_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step takes 3 s. The loading of the first batch is no waiting; the others come after 1 s, or in no time."""
    clock = [0.0]
    monkeypatch.setattr("stereo.training.stopwatch.time", SimpleNamespace(monotonic=lambda: clock[0]))

    def batches(seconds: float) -> Iterator[int]:
        clock[0] += 60
        yield 1
        for number in range(2, 10):
            clock[0] += seconds
            yield number

    for seconds, told in ((1.0, 1), (0.1, 0)):
        folder = tmp_path / str(told)
        folder.mkdir()
        logbook = Logbook(is_main=True)
        with logbook.opened(folder, 0, 9):
            for number in logbook.timed(batches(seconds), 0):
                clock[0] += 3
                if number % 3 == 0:
                    logbook.report(number, 0.1)
        assert capsys.readouterr().out.count("% of the time is spent waiting for data") == told
        waits = scalars(folder, "training/data_wait_percent")
        expected = {3: 200 * seconds / (9 + 2 * seconds), 6: 100 * seconds / (3 + seconds)}
        assert waits == pytest.approx({**expected, 9: expected[6]}, rel=1e-5)
