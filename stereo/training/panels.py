"""Pictures of a validation: what the network gives for a pair, how sure it is, and where its attention looks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from stereo.data.sample import Image, Map
from stereo.evaluation.evaluator import ScoredSample
from stereo.methods.predictor import Predictor
from stereo.model.attention.efficient import EfficientAttention
from stereo.model.network import StereoNetwork
from stereo.visualize import color_disparity, evaluation_panel, tile

# So many of the key maps of the first attention are drawn.
_KEY_MAPS = 3


def validation_panel(network: StereoNetwork, device: torch.device, scored: ScoredSample) -> Image:
    """Draw left image, prediction, ground truth and error; below them the confidence, and what attention looks at.

    The pair is predicted once more for that.
    """
    sample = scored.sample
    truth = sample.require_truth("validation")
    panel = evaluation_panel(sample.left, scored.prediction.disparity, truth.disparity, truth.valid, scored.name)
    with _first_key_maps(network) as maps:
        prediction = Predictor(network, device, confidence=True, in_training=True).predict_sample(sample)
    tiles = []
    if prediction.confidence is not None:
        tiles.append(tile(color_disparity(prediction.confidence, 1.0), "confidence, 0 (blue) to 1 (red)"))
    size = sample.left.shape[1], sample.left.shape[0]
    for number, weights in enumerate(maps[:_KEY_MAPS]):
        share = np.asarray(cv2.resize(weights, size, interpolation=cv2.INTER_LINEAR), np.float32)
        tiles.append(tile(color_disparity(share, float(share.max())), f"attention, key map {number + 1}"))
    return np.vstack([panel, *_rows(tiles, panel.shape[1])])


@contextmanager
def _first_key_maps(network: nn.Module) -> Iterator[list[Map]]:
    """Collect, within the block, the key maps of the first efficient attention that the network uses, for one pair.

    A key map says how much each position gives to a key channel's context; those of a volume are summed over the
    disparities. Without such attention the list stays empty.
    """
    maps: list[Map] = []

    def look(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        assert isinstance(module, EfficientAttention)
        if maps or module.normalization != "softmax":
            return
        x: Tensor = inputs[0]
        guide = inputs[1] if len(inputs) > 1 else named.get("guide")
        source = guide if module.over == "plane" and guide is not None else x
        weights = module.keys(source[:1].flatten(2)).float().softmax(dim=2).unflatten(2, source.shape[2:])[0]
        weights = weights.flatten(1, -3).sum(dim=1) if weights.ndim > 3 else weights
        maps.extend(np.asarray(channel, np.float32) for channel in weights.detach().cpu().numpy())

    hooks = [
        module.register_forward_pre_hook(look, with_kwargs=True)
        for module in network.modules()
        if isinstance(module, EfficientAttention)
    ]
    try:
        yield maps
    finally:
        for hook in hooks:
            hook.remove()


def _rows(tiles: list[Image], width: int) -> list[Image]:
    """Return the tiles in rows of two, each as wide as the panel above."""
    rows = [np.hstack(tiles[start : start + 2]) for start in range(0, len(tiles), 2)]
    return [np.pad(row[:, :width], ((0, 0), (0, max(0, width - row.shape[1])), (0, 0))) for row in rows]
