"""The learning rate as a function of the step."""

from typing import Any

import pytest

from stereo.config import Config, OptimizerConfig, TrainingConfig
from stereo.errors import ConfigError
from stereo.training.schedule import SCHEDULES, learning_rate


def optimizer(schedule: str, **settings: Any) -> OptimizerConfig:
    return OptimizerConfig(learning_rate=1.0, schedule=schedule, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_schedules(schedule: str) -> None:
    config = optimizer(schedule, warmup_fraction=0.1)
    rates = [learning_rate(step, 100, config) for step in range(101)]
    assert all(0 < rate <= 1 for rate in rates)
    peak = {"one_cycle": 9, "cosine": 0, "multi_step": 0, "constant": 0}[schedule]
    assert rates[peak] == 1
    if schedule == "constant":
        assert set(rates) == {1.0}
    elif schedule == "multi_step":
        assert rates == [1.0] * 67 + [0.1] * 34
    else:
        assert rates[-1] == pytest.approx(0.001)
        assert rates[10:] == sorted(rates[10:], reverse=True)
        assert rates[:peak] == sorted(rates[:peak])


def test_the_rate_is_a_share_of_the_configured_one() -> None:
    config = OptimizerConfig(learning_rate=0.02, schedule="cosine")
    assert learning_rate(50, 100, config) == pytest.approx(0.02 * (0.001 + 0.999 / 2))


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_a_warm_up_comes_before_any_schedule(schedule: str) -> None:
    config = optimizer(schedule, warmup_steps=4)
    assert [learning_rate(step, 104, config) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    without = optimizer(schedule, warmup_steps=0)
    after = [learning_rate(step, 104, config) for step in range(4, 104)]
    assert after == [learning_rate(step, 100, without) for step in range(100)]
    assert after[0] == 1


def test_the_rate_falls_at_each_milestone() -> None:
    config = optimizer("multi_step", milestones=[0.5, 0.8], milestone_factor=0.5)
    rates = [learning_rate(step, 10, config) for step in range(10)]
    assert rates == [1.0] * 5 + [0.5] * 3 + [0.25] * 2


@pytest.mark.parametrize("milestones", [[0.8, 0.5], [0.0], [200.0]])
def test_milestones_are_ascending_shares(milestones: list[float]) -> None:
    with pytest.raises(ConfigError, match=r"optimizer\.milestones is .* shares between 0 and 1"):
        optimizer("multi_step", milestones=milestones)


def test_a_warm_up_ends_before_the_run_does() -> None:
    with pytest.raises(ConfigError, match=r"optimizer\.warmup_steps is 30, expected less than training\.steps \(30\)"):
        Config(optimizer=OptimizerConfig(warmup_steps=30), training=TrainingConfig(steps=30))
