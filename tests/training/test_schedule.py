"""The learning rate as a function of the step."""

import pytest

from stereo.config import OptimizerConfig
from stereo.training.schedule import SCHEDULES, learning_rate


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_schedules(schedule: str) -> None:
    config = OptimizerConfig(learning_rate=1.0, schedule=schedule, warmup_fraction=0.1)  # type: ignore[arg-type]
    rates = [learning_rate(step, 100, config) for step in range(101)]
    assert all(0 < rate <= 1 for rate in rates)
    peak = {"one_cycle": 9, "cosine": 0, "constant": 0}[schedule]
    assert rates[peak] == 1
    if schedule == "constant":
        assert set(rates) == {1.0}
    else:
        assert rates[-1] == pytest.approx(0.001)
        assert rates[10:] == sorted(rates[10:], reverse=True)
        assert rates[:peak] == sorted(rates[:peak])


def test_the_rate_is_a_share_of_the_configured_one() -> None:
    config = OptimizerConfig(learning_rate=0.02, schedule="cosine")
    assert learning_rate(50, 100, config) == pytest.approx(0.02 * (0.001 + 0.999 / 2))
