"""Networks that another runtime than PyTorch computes: ONNX Runtime or OpenVINO, from an ONNX file.

A :class:`GraphNetwork` stands in a Predictor for the network, so that padding, tiles and checks are the same.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stereo.checkpoint import load_checkpoint
from stereo.config.checks import choose
from stereo.errors import CheckpointError, ConfigError, StereoError
from stereo.export import write_onnx
from stereo.methods.predictor import Precision, Predictor

# What an exported file says of its network (stereo.export.write_onnx).
_PROPERTIES = ("stride", "min_size", "max_disparity")

_Maps = list[NDArray[np.float32]]
_Run = Callable[[NDArray[np.float32], NDArray[np.float32]], _Maps]


class GraphOutput(NamedTuple):
    """disparity: [B, H, W], px. confidence: [B, H, W], 0 … 1."""

    disparity: Tensor
    confidence: Tensor


class GraphNetwork(nn.Module):
    """A network of an ONNX file, on the CPU, as a Predictor takes it.

    stride, min_size, max_disparity: As those of a network. min_width: px; a file of open size takes no image narrower
    than its range.

    Args:
        path: What scripts/export_onnx.py wrote, with height and width open. OpenVINO compiles it for the size of the
            images, some seconds, and again where the size changes.
        backend: One of `BACKENDS`.
        threads: None: as many as PyTorch has.
        precision: bf16 is for openvino alone: where the processor has it, it is faster, and coarser.

    Raises: CheckpointError for a file that is none of these; ConfigError where the backend is not installed, or has not
        that precision.
    """

    def __init__(
        self, path: str | Path, backend: str, threads: int | None = None, precision: Precision = "fp32"
    ) -> None:
        super().__init__()
        path = Path(path)
        if not os.path.isfile(path):
            raise CheckpointError(f"{path}: no such ONNX file; write one by scripts/export_onnx.py")
        open_file = BACKENDS[choose(backend, tuple(BACKENDS), "--backend")]
        if precision != "fp32" and open_file is not _open_openvino:
            raise ConfigError(f"--precision {precision} is for the backends torch and openvino, got {backend}")
        self._run, properties = open_file(path, threads or torch.get_num_threads(), precision)
        try:
            values = {name: int(properties[name]) for name in _PROPERTIES}
        except (KeyError, ValueError):
            raise CheckpointError(
                f"{path}: does not say its {', '.join(_PROPERTIES)}; use a file that scripts/export_onnx.py wrote"
            ) from None
        self.stride, self.min_size, self.max_disparity = (values[name] for name in _PROPERTIES)
        self.min_width = max(self.min_size, self.max_disparity + self.stride)

    def forward(self, left: Tensor, right: Tensor, with_confidence: bool = False) -> GraphOutput:
        """Return what the network gives for [B, 3, H, W], RGB in 0 … 1; the file takes one pair at a time."""
        pairs = zip(left.cpu().numpy(), right.cpu().numpy(), strict=True)
        maps = [self._run(one[None], other[None]) for one, other in pairs]
        return GraphOutput(*(torch.from_numpy(np.concatenate(parts)) for parts in zip(*maps, strict=True)))


def load_predictor(
    checkpoint: str | Path | None,
    backend: str,
    max_disparity: int | None = None,
    precision: Precision = "fp32",
    **options: Any,
) -> Predictor:
    """Return a predictor whose network another runtime computes, on the CPU.

    Args:
        checkpoint: An ONNX file, or what `load_checkpoint` takes, which is exported first (the extra `onnx`).
        max_disparity: px; None: as it was trained. An ONNX file has its own.
        options: As for Predictor, but `right`, which the file does not give.

    Raises: CheckpointError, ConfigError.
    """
    if options.pop("right", False):
        raise ConfigError(f"--backend {backend} does not give the right view; use --backend torch")
    if checkpoint is not None and Path(checkpoint).suffix.lower() == ".onnx":
        network = GraphNetwork(checkpoint, backend, precision=precision)
        if max_disparity not in (None, network.max_disparity):
            raise ConfigError(
                f"--max-disparity is {max_disparity}, but {checkpoint} was exported with {network.max_disparity}; "
                "export it with that range"
            )
        return Predictor(network, "cpu", **options)
    if find_spec(choose(backend, tuple(BACKENDS), "--backend")) is None:  # said before the export
        raise _not_installed(backend)
    loaded = load_checkpoint(checkpoint, "cpu", max_disparity)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        write_onnx(loaded.network, path)
        predictor = Predictor(GraphNetwork(path, backend, precision=precision), "cpu", **options)
    predictor.checkpoint = loaded
    return predictor


def _open_onnxruntime(path: Path, threads: int, precision: Precision) -> tuple[_Run, Mapping[str, Any]]:
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise _not_installed("onnxruntime") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its classes have no common base of their own
        raise CheckpointError(f"{path}: ONNX Runtime cannot read it: {_first_line(error)}") from None

    _require_open_size(path, all(isinstance(length, int) for length in session.get_inputs()[0].shape))

    def run(left: NDArray[np.float32], right: NDArray[np.float32]) -> _Maps:
        try:
            found: _Maps = session.run(["disparity", "confidence"], {"left": left, "right": right})
        except Exception as error:
            raise StereoError(f"ONNX Runtime: {_first_line(error)}") from None
        return found

    return run, session.get_modelmeta().custom_metadata_map


def _open_openvino(path: Path, threads: int, precision: Precision) -> tuple[_Run, Mapping[str, Any]]:
    try:
        import openvino
    except ModuleNotFoundError:
        raise _not_installed("openvino") from None
    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
    }
    try:
        model = core.read_model(path)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: OpenVINO cannot read it: {_first_line(error)}") from None
    known = [name for name in _PROPERTIES if model.has_rt_info(["framework", name])]
    _require_open_size(path, not model.is_dynamic())
    requests: dict[tuple[int, ...], Any] = {}  # by the shape of the views, of the last alone

    def run(left: NDArray[np.float32], right: NDArray[np.float32]) -> _Maps:
        try:
            if left.shape not in requests:  # of a known size it takes half the memory, and bf16 is closer to fp32
                requests.clear()
                model.reshape({"left": list(left.shape), "right": list(left.shape)})
                requests[left.shape] = core.compile_model(model, "CPU", settings).create_infer_request()
            found = requests[left.shape].infer({"left": left, "right": right})
        except RuntimeError as error:
            raise StereoError(f"OpenVINO: {_first_line(error)}") from None
        return [np.array(found[name]) for name in ("disparity", "confidence")]  # copies: the memory is the request's

    return run, {name: model.get_rt_info(["framework", name]).value for name in known}


def _not_installed(backend: str) -> ConfigError:
    return ConfigError(f"--backend {backend}: it is not installed: pip install {backend}")


def _require_open_size(path: Path, fixed: bool) -> None:
    """Raise CheckpointError for a file of fixed sizes."""
    if fixed:
        raise CheckpointError(f"{path}: takes images of one size alone; export it without --size")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


# How each opens a file: what runs a pair, and what the file says of itself.
BACKENDS: dict[str, Callable[[Path, int, Precision], tuple[_Run, Mapping[str, Any]]]] = {
    "onnxruntime": _open_onnxruntime,
    "openvino": _open_openvino,
}
