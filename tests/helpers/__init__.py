"""What several tests share: tiny configurations, and where the material outside the repository lies."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from stereo.config import (
    AugmentationConfig,
    Config,
    DataConfig,
    DatasetConfig,
    ModelConfig,
    Preset,
    SyntheticConfig,
    TrainingConfig,
    model_preset,
)
from stereo.data.sample import GroundTruth, Map, Mask, StereoSample

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = REPOSITORY.parent / "shared"


def load_script(name: str) -> ModuleType:
    """scripts/NAME.py as a module, to call its functions within the test process."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", REPOSITORY / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn_weights(shapes: Mapping[str, Sequence[int]], seed: int) -> dict[str, torch.Tensor]:
    """Weights by the rule in the README of the golden outputs."""
    weights = {}
    for number, name in enumerate(sorted(shapes)):
        shape = shapes[name]
        draw = np.asarray(np.random.RandomState(1000 * seed + number).randn(*shape))
        if name.endswith("num_batches_tracked"):
            draw = draw * 0
        elif len(shape) > 1:
            draw = draw * np.sqrt(shape[0] / np.prod(shape)) * (0.1 if shape[0] == 1 else 1.0)
        else:
            draw = 1 + 0.1 * np.tanh(draw) if name.endswith(("weight", "running_var")) else 0.1 * draw
        weights[name] = torch.from_numpy(np.asarray(draw, dtype=np.float32))
    return weights


def slim_psmnet(preset: Preset = "psmnet") -> ModelConfig:
    """A network of the PSMNet family at a quarter of its width."""
    model = model_preset(preset)
    model.max_disparity = 32
    model.features.channels = model.features.matching_channels = model.aggregation.channels = 8
    return model


def tiny_model() -> ModelConfig:
    """The network of the defaults at its smallest."""
    model = ModelConfig(max_disparity=32)
    model.features.channels = 8
    model.features.matching_channels = 16
    model.aggregation.channels = 4
    return model


def tiny_config(output: Path, steps: int = 4) -> Config:
    """A run of a few seconds on the procedural world."""

    def world(seed: int, length: int) -> DatasetConfig:
        synthetic = SyntheticConfig(
            seed=seed, length=length, height=64, width=96, max_disparity=24, min_objects=1, max_objects=3
        )
        return DatasetConfig(synthetic=synthetic)

    return Config(
        model=tiny_model(),
        data=DataConfig(
            train=world(0, 50),
            validation=world(1, 2),
            augmentation=AugmentationConfig(crop_height=48, crop_width=64),
            batch_size=2,
            workers=0,
        ),
        training=TrainingConfig(
            output=str(output), steps=steps, log_interval=2, validation_interval=2, checkpoint_interval=2, device="cpu"
        ),
    )


def textured_sample(height: int, width: int, disparity: float, seed: int = 0) -> StereoSample:
    """A frontal plane of random texture: the right view is the left one, shifted by a whole number of pixels."""
    rng = np.random.default_rng(seed)
    shift = round(disparity)
    canvas = rng.integers(0, 256, (height, width + shift, 3), dtype=np.uint8)
    return StereoSample(
        left=canvas[:, :width].copy(),
        right=canvas[:, shift:].copy(),
        truth=GroundTruth(np.full((height, width), shift, np.float32), np.ones((height, width), bool)),
        name=f"plane/{seed}",
    )


def truth_of(sample: StereoSample) -> GroundTruth:
    """Its ground truth, which must be there."""
    assert sample.truth is not None
    return sample.truth


def occluded_of(sample: StereoSample) -> Mask:
    """Its mask of occluded pixels, which must be there."""
    occluded = truth_of(sample).occluded
    assert occluded is not None
    return occluded


def right_disparity_of(sample: StereoSample) -> Map:
    """The right view's disparity, which must be there."""
    disparity = truth_of(sample).disparity_right
    assert disparity is not None
    return disparity


def with_truth(sample: StereoSample, **changes: Any) -> StereoSample:
    """The sample with other parts of its ground truth."""
    return replace(sample, truth=replace(truth_of(sample), **changes))


def array_of(sample: StereoSample, name: str) -> Any:
    """A view or map of the sample by its name."""
    return getattr(sample if name in ("left", "right") else truth_of(sample), name)
