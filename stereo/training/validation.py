"""Validation: the score of a network that is being trained."""

from contextlib import suppress
from typing import NamedTuple

import torch

from stereo.data.datasets import StereoDataset
from stereo.data.sample import Image
from stereo.errors import DataError
from stereo.evaluation.evaluator import evaluate
from stereo.methods.predictor import Predictor
from stereo.model.network import StereoNetwork
from stereo.processes import Processes
from stereo.visualize import evaluation_panel


class Scores(NamedTuple):
    """What a validation gave.

    values: epe (px), bad_1, bad_2, bad_3 and d1 (0 … 100 %) over all pixels; NaN where no pixel counts.
    images: how many pairs were scored. failed: one message for each that could not be.
    """

    values: dict[str, float]
    images: int
    failed: tuple[str, ...]


class Validator:
    """Scores the network as it stands on the validation set, each process its share."""

    def __init__(
        self, network: StereoNetwork, device: torch.device, dataset: StereoDataset, processes: Processes
    ) -> None:
        self.predictor = Predictor(network, device, in_training=True)
        self.dataset = dataset
        self.processes = processes

    def score(self) -> Scores:
        """Return the scores, in all processes. Raises: DataError where no pair could be scored."""
        (result,) = evaluate(self.predictor, self.dataset, data="validation", progress=False, processes=self.processes)
        values = {name: result.metrics[name] for name in ("epe", "bad_1", "bad_2", "bad_3", "d1")}
        return Scores(values, result.images, result.failed)

    def panels(self, count: int) -> list[Image]:
        """Return a picture of each of the first `count` pairs that can be had, with the network's prediction."""
        panels = []
        for index in range(min(count, len(self.dataset))):
            with suppress(DataError):  # as evaluation, which names it
                panels.append(self._panel(index))
        return panels

    def _panel(self, index: int) -> Image:
        sample = self.dataset[index]
        truth = sample.require_truth("validation")
        prediction = self.predictor.predict(sample.left, sample.right)
        return evaluation_panel(sample.left, prediction, truth.disparity, truth.valid, sample.name)
