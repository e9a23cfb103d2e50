"""Networks computed by another runtime, which give what PyTorch gives."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import textured_sample, tiny_config

from stereo.checkpoint import load_checkpoint, save_checkpoint
from stereo.errors import CheckpointError, ConfigError
from stereo.methods import backends
from stereo.methods.backends import GraphNetwork, load_predictor
from stereo.methods.predictor import Predictor
from stereo.model.network import StereoNetwork

PROPERTIES = {"stride": "16", "min_size": "32", "max_disparity": "48"}


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that makes a file of a graph with these properties, which gives the views' red and green."""
    path = tmp_path / "graph.onnx"
    path.touch()

    def make(properties: dict[str, str]) -> Path:
        def open_file(path: Path, threads: int, precision: str) -> Any:
            return lambda left, right: [left[:, 0], right[:, 1]], properties

        monkeypatch.setitem(backends.BACKENDS, "onnxruntime", open_file)
        return path

    return make


def test_a_graph_takes_one_pair_at_a_time_and_no_image_narrower_than_its_range(graph: Callable[..., Path]) -> None:
    network = GraphNetwork(graph(PROPERTIES), "onnxruntime")
    assert (network.stride, network.max_disparity, network.min_size, network.min_width) == (16, 48, 32, 64)
    left, right = torch.rand(2, 3, 64, 80), torch.rand(2, 3, 64, 80)
    output = network(left, right, with_confidence=True)
    torch.testing.assert_close(output.disparity, left[:, 0])
    torch.testing.assert_close(output.confidence, right[:, 1])


def test_a_predictor_pads_and_crops_for_a_graph(graph: Callable[..., Path]) -> None:
    predictor = load_predictor(graph(PROPERTIES), "onnxruntime", confidence=True)
    sample = textured_sample(33, 50, 4)
    result = predictor(sample.left, sample.right)
    np.testing.assert_allclose(result.disparity, sample.left[..., 0] / 255, atol=1e-6)
    assert predictor.max_disparity == 48


def test_what_a_graph_cannot_do_is_said(graph: Callable[..., Path], tmp_path: Path) -> None:
    path = graph(PROPERTIES)
    with pytest.raises(ConfigError, match=r"does not give the right view.*torch"):
        load_predictor(path, "onnxruntime", right=True)
    with pytest.raises(ConfigError, match=r"--max-disparity is 64, but .* exported with 48"):
        load_predictor(path, "onnxruntime", 64)
    with pytest.raises(ConfigError, match=r"--precision bf16 is for the backends torch and openvino"):
        load_predictor(path, "onnxruntime", precision="bf16")
    with pytest.raises(CheckpointError, match=r"does not say its stride, min_size, max_disparity"):
        GraphNetwork(graph({"stride": "16"}), "onnxruntime")
    with pytest.raises(CheckpointError, match=r"no such ONNX file"):
        GraphNetwork(tmp_path / "gone.onnx", "onnxruntime")
    with pytest.raises(ConfigError, match=r"unknown --backend 'tensorrt', expected one of onnxruntime, openvino"):
        GraphNetwork(path, "tensorrt")


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_backend_that_is_not_installed_is_named(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, backend, None)
    (tmp_path / "graph.onnx").touch()
    with pytest.raises(ConfigError, match=rf"{backend}: it is not installed: pip install"):
        GraphNetwork(tmp_path / "graph.onnx", backend)
    with pytest.raises(ConfigError, match=rf"{backend}: it is not installed: pip install"):
        load_predictor(None, backend)  # before anything is exported


def test_a_graph_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"graph\.onnx: an ONNX file is for infer\.py --backend"):
        load_checkpoint(tmp_path / "graph.onnx")


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_file_that_is_no_graph_is_refused(backend: str, tmp_path: Path) -> None:
    pytest.importorskip(backend)
    (tmp_path / "graph.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match=r"graph\.onnx: .* cannot read it"):
        GraphNetwork(tmp_path / "graph.onnx", backend)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_file_of_one_size_is_refused(backend: str, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip(backend)
    views = [onnx.helper.make_tensor_value_info(name, 1, [1, 3, 64, 96]) for name in ("left", "right")]
    output = onnx.helper.make_tensor_value_info("disparity", 1, [1, 3, 64, 96])
    node = onnx.helper.make_node("Sub", ["left", "right"], ["disparity"])
    graph = onnx.helper.make_graph([node], "graph", views, [output])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, tmp_path / "graph.onnx")
    with pytest.raises(CheckpointError, match=r"graph\.onnx: takes images of one size alone; export it without --size"):
        GraphNetwork(tmp_path / "graph.onnx", backend)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_backend_gives_what_pytorch_gives(backend: str, tmp_path: Path) -> None:
    for name in ("onnx", "onnxscript", "onnxruntime", backend):
        pytest.importorskip(name)
    config = tiny_config(tmp_path)
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "tiny.pt", StereoNetwork(config.model), config, 0)
    torch_predictor = Predictor.from_checkpoint(tmp_path / "tiny.pt", "cpu", confidence=True)
    predictor = load_predictor(tmp_path / "tiny.pt", backend, confidence=True)
    for height, width in ((70, 110), (70, 110), (90, 140)):  # the same size again, and another
        sample = textured_sample(height, width, 6, seed=height)
        expected, found = (each(sample.left, sample.right) for each in (torch_predictor, predictor))
        np.testing.assert_allclose(found.disparity, expected.disparity, atol=1e-2)
        np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-2)
