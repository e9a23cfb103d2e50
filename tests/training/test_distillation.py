"""A fixed teacher on the clean views, and the student, on the augmented ones, beside the ground truth."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import slim_psmnet, tiny_config, tiny_model
from helpers.runs import scalars
from torch import Tensor, nn

from stereo.checkpoint import read_checkpoint, save_checkpoint
from stereo.config import AugmentationConfig, Config, DataConfig, LossConfig, ModelConfig, OptimizerConfig
from stereo.data.batch import StereoBatch
from stereo.data.loader import build_loader, iterate
from stereo.errors import CheckpointError, ConfigError, StereoError, TrainingError
from stereo.model.network import StereoNetwork
from stereo.model.regression import SupervisedOutput
from stereo.training.distillation import Target, Teacher
from stereo.training.optimizer import build_optimizer
from stereo.training.step import StepResult, TrainingStep, read_steps
from stereo.training.trainer import train


def save_teacher(path: Path, seed: int = 7, model: ModelConfig | None = None) -> Path:
    """Write a teacher that has learnt nothing. Other seeds are other teachers."""
    torch.manual_seed(seed)
    config = Config(model=model or tiny_model())
    save_checkpoint(path, StereoNetwork(config.model), config, 0)
    return path


def taught_config(folder: Path, teacher: Path, steps: int = 1) -> Config:
    config = tiny_config(folder / "run", steps=steps)
    config.training.distillation.teacher = str(teacher)
    config.training.log_interval = 1
    return config


def step(accumulation: int = 1, known: bool = False, weight: float = 1.0) -> tuple[TrainingStep, StepResult]:
    """A step of a batch of two, taken with a teacher that has learnt nothing."""
    torch.manual_seed(0)
    network = StereoNetwork(tiny_model())
    teacher = Teacher(StereoNetwork(tiny_model()), weight)
    left, right = torch.randint(256, (2, 2, 3, 48, 64), dtype=torch.uint8)
    valid = torch.full((2, 48, 64), known)
    clean = torch.randint(256, (2, 2, 3, 48, 64), dtype=torch.uint8)
    batch = StereoBatch(left, right, torch.full((2, 48, 64), 5.0), valid, ("a", "b"), clean).to(torch.device("cpu"))
    optimizer = build_optimizer(network, OptimizerConfig())
    taken = TrainingStep(
        network,
        network,
        optimizer,
        LossConfig(),
        gradient_clip=0,
        accumulation=accumulation,
        freeze_batch_norm=True,
        teacher=teacher,
    )
    (result,) = read_steps([taken(batch)])
    return taken, result


def gradients(network: nn.Module) -> dict[str, Tensor]:
    return {name: item.grad for name, item in network.named_parameters() if item.grad is not None}


def test_the_loss_against_the_teacher_by_hand() -> None:
    """Half a pixel and three pixels off, with confidences of 1 and ½; the smooth-L1 of these is ⅛ and 2½."""
    target = Target(torch.tensor([[[10.0, 10.0]]]), torch.tensor([[[1.0, 0.5]]]))
    first = SupervisedOutput(torch.tensor([[[10.5, 10.0]]]), torch.zeros(1, 8, 1, 1))
    last = SupervisedOutput(torch.tensor([[[10.5, 13.0]]]), torch.zeros(1, 8, 1, 1))
    found = Teacher(nn.Identity(), weight=2.0).losses([first, last], target, LossConfig(output_weights=[0.5, 1.0]))  # type: ignore[arg-type]
    assert [loss.item() for loss in found] == [2 * 0.5 * 0.125 / 2, 2 * (0.125 + 0.5 * 2.5) / 2]


def test_the_gradient_reaches_the_student_alone() -> None:
    """Without a known pixel the teacher is all that there is to learn from."""
    taken, result = step()
    assert taken.teacher is not None
    assert result.learned
    assert result.values["loss"] == pytest.approx(result.values["teacher_loss"])
    assert result.values["teacher_loss"] > 0
    assert gradients(taken.network)
    assert not gradients(taken.teacher.network)
    torch.manual_seed(0)
    drawn = [StereoNetwork(tiny_model()).state_dict() for _ in range(2)][1]
    assert all(torch.equal(value, drawn[name]) for name, value in taken.teacher.network.state_dict().items())


def test_parts_of_a_batch_add_up_to_it() -> None:
    whole, expected = step(1, known=True)
    parts, found = step(2, known=True)
    assert found.values == pytest.approx(expected.values, rel=1e-4)
    for name, value in gradients(whole.network).items():
        torch.testing.assert_close(gradients(parts.network)[name], value, rtol=1e-3, atol=1e-6, msg=name)


def test_the_weight_multiplies_the_teachers_loss_alone() -> None:
    (_, once), (_, thrice) = step(known=True), step(known=True, weight=3.0)
    assert thrice.values["teacher_loss"] == pytest.approx(3 * once.values["teacher_loss"], rel=1e-5)
    truth = once.values["loss"] - once.values["teacher_loss"]
    assert thrice.values["loss"] - thrice.values["teacher_loss"] == pytest.approx(truth, rel=1e-4)


@pytest.mark.parametrize("workers", [0, 1])
def test_clean_views_have_moved_and_look_as_they_did(tmp_path: Path, workers: int) -> None:
    """They are the views of a run whose augmentation changes no looks; the ground truth is the same."""
    config = tiny_config(tmp_path).data
    config.workers = workers
    config.augmentation = replace(
        config.augmentation, scale_probability=0.5, misalignment_probability=0.5, right_erase_probability=1.0
    )
    plain = replace(config, augmentation=replace(config.augmentation, color_jitter=0.0, right_erase_probability=0.0))
    augmented = list(iterate(build_loader(config, 0, 0, 2, with_clean=True)))
    for batch, expected in zip(augmented, iterate(build_loader(plain, 0, 0, 2)), strict=True):
        assert torch.equal(batch.clean[0], expected.left)
        assert torch.equal(batch.clean[1], expected.right)
        assert torch.equal(batch.disparity, expected.disparity)
        assert not torch.equal(batch.right, expected.right)
        assert expected.clean is None


def test_the_teacher_sees_the_clean_views_and_leaves_the_rest_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The student begins with the weights, and is given the batch, that it has without a teacher."""
    seen: list[Tensor] = []
    predict = Teacher.predict

    def watched(self: Teacher, clean: Tensor, half: torch.dtype | None = None) -> Target:
        assert not self.network.training
        seen.append(clean)
        return predict(self, clean, half)

    monkeypatch.setattr(Teacher, "predict", watched)
    config = taught_config(tmp_path, save_teacher(tmp_path / "teacher.pt"))
    train(config)
    (batch,) = iterate(build_loader(config.data, config.training.seed, 0, 1, with_clean=True))
    assert torch.equal(seen[-1], batch.to(torch.device("cpu")).clean)
    alone = tiny_config(tmp_path / "alone", steps=1)
    train(alone)
    run = tmp_path / "run"
    truth = scalars(run, "training/loss")[1] - scalars(run, "training/teacher_loss")[1]
    assert truth == pytest.approx(scalars(tmp_path / "alone", "training/loss")[1], rel=1e-5)


def test_a_run_is_resumed_with_its_own_teacher_alone(tmp_path: Path) -> None:
    teacher = save_teacher(tmp_path / "teacher.pt")
    teacher_bytes = teacher.read_bytes()
    train(taught_config(tmp_path, teacher))
    moved = teacher.rename(tmp_path / "moved.pt")
    train(taught_config(tmp_path, moved, steps=2), resume="auto")
    other = taught_config(tmp_path, save_teacher(tmp_path / "moved.pt", seed=8), steps=3)
    with pytest.raises(TrainingError, match=r"distillation\.teacher_sha256 is [0-9a-f]{64}, was [0-9a-f]{64}"):
        train(other, resume="auto")
    other.training.distillation.teacher = None
    with pytest.raises(TrainingError, match=r"distillation\.teacher_sha256 is null, was [0-9a-f]{64}"):
        train(other, resume="auto")
    stored = read_checkpoint(tmp_path / "run" / "last.pt")["config"]["training"]["distillation"]
    assert stored["teacher_sha256"] == hashlib.sha256(teacher_bytes).hexdigest()


def missing(path: Path) -> None:
    pass


def of_another_range(path: Path) -> None:
    save_teacher(path, model=replace(tiny_model(), max_disparity=48))


def too_large(path: Path) -> None:
    whole = AugmentationConfig(crop_height=None, crop_width=None)
    config = Config(model=slim_psmnet(), data=DataConfig(augmentation=whole))
    save_checkpoint(path, StereoNetwork(config.model), config, 0)


def broken(path: Path) -> None:
    torch.manual_seed(0)
    network = StereoNetwork(tiny_model())
    with torch.no_grad():
        next(network.parameters()).fill_(torch.nan)
    save_checkpoint(path, network, Config(model=tiny_model()), 0)


@pytest.mark.parametrize(
    ("write", "error", "message"),
    [
        (missing, CheckpointError, r"^training\.distillation\.teacher: .*teacher\.pt: no such checkpoint"),
        (of_another_range, TrainingError, r"has a max_disparity of 48, but model\.max_disparity is 32; set that to 48"),
        (too_large, TrainingError, r"takes \d+ px or more on each side, and the samples are 64×48"),
        (broken, TrainingError, r"teacher\.pt predicts disparities that are not finite"),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused_before_the_run(
    tmp_path: Path, write: Callable[[Path], None], error: type[StereoError], message: str
) -> None:
    write(tmp_path / "teacher.pt")
    with pytest.raises(error, match=message) as caught:
        train(taught_config(tmp_path, tmp_path / "teacher.pt"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_the_file_must_be_the_one_whose_sum_was_written_down(tmp_path: Path) -> None:
    config = taught_config(tmp_path, save_teacher(tmp_path / "teacher.pt"))
    config.training.distillation.teacher_sha256 = "0" * 64
    with pytest.raises(TrainingError, match=r"has the SHA-256 [0-9a-f]{64}, expected teacher_sha256 0{64}; name that"):
        train(config)


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_weights_that_are_none(tmp_path: Path, weight: float) -> None:
    with pytest.raises(ConfigError, match=r"training\.distillation\.weight is .*, expected more than 0"):
        replace(tiny_config(tmp_path).training.distillation, weight=weight)
