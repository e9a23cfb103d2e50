"""Validation: the score of a network that is being trained."""

from typing import NamedTuple

import torch

from stereo.data.datasets import StereoDataset
from stereo.data.sample import Image
from stereo.evaluation.evaluator import ScoredSample, evaluate
from stereo.methods.predictor import Predictor
from stereo.model.network import StereoNetwork
from stereo.processes import Processes
from stereo.visualize import evaluation_panel

# Validation pairs whose pictures go to TensorBoard.
PANELS = 2


class Scores(NamedTuple):
    """What a validation gave.

    values: epe (px), bad_1, bad_2, bad_3 and d1 (0 … 100 %) over all pixels; NaN where no pixel counts.
    images: how many pairs were scored. failed: one message for each that could not be.
    panels: a picture of each of the first pairs that this process scored.
    """

    values: dict[str, float]
    images: int
    failed: tuple[str, ...]
    panels: list[Image]


class Validator:
    """Scores the network as it stands on the validation set, each process its share."""

    def __init__(
        self, network: StereoNetwork, device: torch.device, dataset: StereoDataset, processes: Processes
    ) -> None:
        self.predictor = Predictor(network, device, in_training=True)
        self.dataset = dataset
        self.processes = processes

    def score(self) -> Scores:
        """Return the scores, in all processes.

        Raises: DataError where no pair could be scored; StereoError where a prediction is not finite.
        """
        panels: list[Image] = []

        def observe(scored: ScoredSample) -> None:
            if len(panels) < PANELS:
                panels.append(_panel(scored))

        (result,) = evaluate(
            self.predictor,
            self.dataset,
            data="validation",
            progress=False,
            processes=self.processes,
            observe=observe,
        )
        values = {name: result.metrics[name] for name in ("epe", "bad_1", "bad_2", "bad_3", "d1")}
        return Scores(values, result.images, result.failed, panels)


def _panel(scored: ScoredSample) -> Image:
    sample = scored.sample
    truth = sample.require_truth("validation")
    return evaluation_panel(sample.left, scored.prediction.disparity, truth.disparity, truth.valid, scored.name)
