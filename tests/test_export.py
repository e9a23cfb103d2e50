"""Networks exported to one graph, by torch.export and to ONNX, which give what the network gives."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
import torch
from helpers import REPOSITORY, load_script, slim_psmnet
from torch import Tensor, nn

from stereo.config import AttentionConfig, ModelConfig, model_preset
from stereo.config.presets import Preset
from stereo.errors import ConfigError
from stereo.export import dynamic_shapes, exportable, write_onnx
from stereo.model.network import StereoNetwork

PRESETS = get_args(Preset)
ATTENTION: dict[str, dict[str, Any]] = {
    "volume, with a position code": {"position": "sine"},
    "volume, scaling": {"normalization": "scaling"},
    "volume, dot_product": {"kind": "dot_product"},
    "volume, sdpa": {"kind": "sdpa", "position": "rope", "key_channels": 8},
    "disparity, dot_product": {"kind": "dot_product", "over": "disparity"},
    "disparity, sdpa": {"kind": "sdpa", "over": "disparity", "position": "sine"},
    "plane": {"over": "plane", "position": "sine"},
    "plane, naive": {"over": "plane", "implementation": "naive", "num_heads": 2},
    "plane, dot_product": {"kind": "dot_product", "over": "plane"},
    "plane, sdpa": {"kind": "sdpa", "over": "plane"},
    "features": {"sites": ["features"]},
}
REST: dict[str, dict[str, dict[str, Any]]] = {
    "gate": {"aggregation": {"guidance": "gate"}},
    "factored": {"aggregation": {"convolutions": "factored"}},
    "windowed": {"aggregation": {"kind": "windowed"}},
    "pointwise": {"attention": {"kind": "pointwise"}},
    "local_volume": {"refinement": {"kind": "local_volume", "steps": 2, "radius": 2}},
    "residual": {"refinement": {"kind": "residual"}},
    "merged, pyramid": {"refinement": {"kind": "local_volume", "matching": "merged", "body": "pyramid", "channels": 8}},
    "deep pyramid": {"refinement": {"kind": "local_volume", "body": "deep_pyramid", "channels": 8}},
    "recurrent": {"refinement": {"kind": "local_volume", "body": "recurrent", "steps": 2, "channels": 8}},
    "view attention": {"view_attention": {"kind": "efficient", "num_heads": 2}},
    "trunk": {"features": {"kind": "efficientnet_lite"}},
}
OPTIONS = {name: {"attention": settings} for name, settings in ATTENTION.items()} | REST


def small(preset: Preset) -> ModelConfig:
    """The preset at a small size, with four bins."""
    model = slim_psmnet(preset) if preset.endswith(("psmnet", "psmnet_basic")) else model_preset(preset)
    if model.features.kind != "psmnet":
        model.features.channels, model.features.matching_channels = 8, 2 * model.cost_volume.groups
        model.aggregation.channels, model.refinement.channels = 4, 8
    model.max_disparity = 16
    model.aggregation.num_hourglasses = 1
    return model


def with_options(name: str) -> ModelConfig:
    """The small `slim` with one option."""
    model = small("slim")
    model.attention = AttentionConfig(kind="none")
    for section, settings in OPTIONS[name].items():
        current = AttentionConfig() if section == "attention" else getattr(model, section)
        setattr(model, section, type(current)(**(vars(current) | settings)))
    return model


def trained(model: ModelConfig) -> StereoNetwork:
    """The network, in which nothing is zero or the identity as at the start."""
    torch.manual_seed(0)
    network = StereoNetwork(model).eval()
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network


def pair(model: ModelConfig, rows: int = 0, columns: int = 0) -> tuple[Tensor, Tensor]:
    """Two views of the least size and so much more, px."""
    left, right = torch.rand(2, 1, 3, model.min_size + rows, model.min_size + columns)
    return left, right


def assert_gives(results: Any, network: StereoNetwork, views: tuple[Tensor, Tensor]) -> None:
    """Disparity and confidence are the network's own, within 1e-3 px and 1e-4."""
    with torch.inference_mode():
        expected = network(*views, with_confidence=True)
    disparity, confidence = (torch.as_tensor(result) for result in results)
    torch.testing.assert_close(disparity, expected.disparity, rtol=0, atol=1e-3)
    torch.testing.assert_close(confidence, expected.confidence, rtol=0, atol=1e-4)


def slow_but(names: Iterable[str], quick: set[str]) -> list[Any]:
    """The names as parameters; an export takes two seconds, so that all but the quick ones are slow tests."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("preset", slow_but(PRESETS, {"slim", "psmnet_basic"}))
def test_presets_are_exported_at_one_size(preset: Preset) -> None:
    network = trained(small(preset))
    views = pair(network.config, columns=16)
    program = torch.export.export(exportable(network), views)
    assert_gives(program.module()(*views), network, views)


@pytest.mark.parametrize("name", slow_but(OPTIONS, {"plane", "disparity, sdpa", "gate", "local_volume"}))
def test_options_are_exported_at_one_size(name: str) -> None:
    network = trained(with_options(name))
    views = pair(network.config, columns=16)
    program = torch.export.export(exportable(network), views)
    assert_gives(program.module()(*views), network, views)


DYNAMIC: list[tuple[str, ModelConfig]] = [
    *((preset, small(preset)) for preset in PRESETS),
    *(
        (name, with_options(name))
        for name in ("plane", "disparity, sdpa", "merged, pyramid", "gate", "view attention", "trunk")
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("model", [model for _, model in DYNAMIC], ids=[name for name, _ in DYNAMIC])
def test_one_program_takes_all_sizes(model: ModelConfig) -> None:
    network = trained(model)
    program = torch.export.export(
        exportable(network), pair(model, 16, 32), dynamic_shapes=dynamic_shapes(network)
    ).module()
    for views in (pair(model), pair(model, 48, 16), pair(model, 0, 96)):
        assert_gives(program(*views), network, views)


def test_the_network_stays_as_it_is() -> None:
    network = StereoNetwork(small("slim"))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    exportable(network)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    after = network.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_open_sizes_begin_where_the_views_overlap_in_every_bin() -> None:
    sizes = dynamic_shapes(StereoNetwork(ModelConfig(max_disparity=64)))["left"]
    assert [sizes[axis].root.min for axis in (2, 3)] == [32 // 16, 80 // 16]


@pytest.mark.slow
@pytest.mark.parametrize("model", [model for _, model in DYNAMIC], ids=[name for name, _ in DYNAMIC])
def test_onnx_runtime_gives_the_same_at_all_sizes(model: ModelConfig, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    network = trained(model)
    program = torch.export.export(exportable(network), pair(model, 16, 32), dynamic_shapes=dynamic_shapes(network))
    file = tmp_path / "network.onnx"
    torch.onnx.export(program, f=file, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for views in (pair(model), pair(model, 48, 16), pair(model, 0, 96)):
        inputs = {name: view.numpy() for name, view in zip(("left", "right"), views, strict=True)}
        assert_gives(session.run(None, inputs), network, views)


@pytest.mark.slow
def test_a_file_is_compared_with_the_network_that_it_is_written_from(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    network = trained(small("slim"))
    path = tmp_path / "new" / "network.onnx"
    comparisons = write_onnx(network, path)
    assert [max(found.disparity, found.confidence) < 1e-3 for found in comparisons] == [True, True]
    assert len({(found.height, found.width) for found in comparisons}) == 2
    properties = {item.key: item.value for item in onnx.load(path).metadata_props}
    assert properties["max_disparity"] == str(network.max_disparity)
    assert [each.name for each in onnx.load(path).graph.output] == ["disparity", "confidence"]
    assert [each.name for each in path.parent.iterdir()] == ["network.onnx"]  # the weights are in it


def test_what_cannot_be_exported_is_said_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = StereoNetwork(small("slim"))
    monkeypatch.setattr("stereo.export.find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(ConfigError, match=r"ONNX needs onnxscript: pip install \.\[onnx\]"):
        write_onnx(network, tmp_path / "network.onnx")
    monkeypatch.setattr("stereo.export.find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
    with pytest.raises(ConfigError, match=r"--size is 50x64 .* expected multiples of 16 from 32 on"):
        write_onnx(network, tmp_path / "network.onnx", (50, 64))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["544", "axb", "544x", "-1x5"])
def test_the_script_refuses_what_is_no_size(text: str) -> None:
    with pytest.raises(ConfigError, match="expected HEIGHTxWIDTH"):
        load_script("export_onnx").main(["compact", "--output", "unwritten.onnx", f"--size={text}"])


@pytest.mark.slow
def test_the_page_runs() -> None:
    page = (REPOSITORY / "docs" / "export.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(block, names)
    assert names["disparity"].shape == (1, 48, 64)
