"""What computes a network, side by side: time, memory, and by how much its disparities differ from PyTorch's."""

import statistics
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch

from stereo.benchmark.cells import peak_memory
from stereo.benchmark.machine import format_bytes, format_seconds
from stereo.data.sample import Image, Map, StereoSample
from stereo.export import write_onnx
from stereo.methods.backends import BACKENDS, GraphNetwork
from stereo.methods.predictor import PRECISIONS, Predictor
from stereo.methods.sgbm import Sgbm

REFERENCE, BASELINE = "torch", "sgbm"
HEADER = f"{'what':<18}{'time':>9}{': torch':>9}{': sgbm':>9}{'extra memory':>14}{'mean |Δ|, px':>14}{'over 1 px':>11}"

_Call = Callable[[], Map]


def compare(
    checkpoint: str | Path | None, left: Image, right: Image, folder: Path, threads: int, rounds: int
) -> Iterator[str]:
    """Yield a line of :data:`HEADER` for each: medians of calls in turn, over the pair, and their ratios.

    Args:
        checkpoint: As for :meth:`Predictor.from_checkpoint`. left, right: RGB uint8 [H, W, 3].
        folder: Where the exported network may lie meanwhile.
        threads: Of each. rounds: In each of which all are called once.
    """
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    calls = dict(_calls(checkpoint, left, right, folder, threads))
    memory = {name: peak_memory(call, torch.device("cpu")) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    maps: dict[str, Map] = {}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            maps[name] = call()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        difference = np.abs(maps[name] - maps[REFERENCE])
        off = "" if name == BASELINE else f"{difference.mean():>14.2g}{(difference > 1).mean():>11.2%}"
        ratios = "".join(f"{median / medians[other]:>9.2f}" for other in (REFERENCE, BASELINE))
        yield f"{name:<18}{format_seconds(median):>9}{ratios}{format_bytes(memory[name]):>14}{off}"


def _calls(
    checkpoint: str | Path | None, left: Image, right: Image, folder: Path, threads: int
) -> Iterator[tuple[str, _Call]]:
    """Yield what is installed here, by name."""
    predictor = Predictor.from_checkpoint(checkpoint, "cpu")
    coarse = Predictor.from_checkpoint(checkpoint, "cpu", precision="bf16")
    sgbm = Sgbm(predictor.max_disparity)
    yield BASELINE, lambda: sgbm.predict_sample(StereoSample(left, right, name="pair")).disparity
    yield REFERENCE, lambda: predictor.predict(left, right)
    yield f"{REFERENCE} bf16", lambda: coarse.predict(left, right)
    if any(find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")):
        return
    path = folder / "network.onnx"
    write_onnx(Predictor.from_checkpoint(checkpoint, "cpu").network, path)  # type: ignore[arg-type]
    for backend in BACKENDS:
        for precision in PRECISIONS if backend == "openvino" else PRECISIONS[:1]:
            if find_spec(backend) is None:
                continue
            own = Predictor(GraphNetwork(path, backend, threads, precision), "cpu")
            name = backend if precision == "fp32" else f"{backend} {precision}"
            yield name, lambda own=own: own.predict(left, right)  # type: ignore[misc]
