"""Files of other projects are called what they are, in one line; values of NumPy beside weights are passed over."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from stereo.checkpoint import load_checkpoint, read_checkpoint
from stereo.errors import CheckpointError
from stereo.torch_file import read_torch_file

ONE = torch.zeros(1)
NETWORKS = {
    "GwcNet": ("feature_extraction.firstconv.0.0.0.weight", "dres0.0.0.0.weight", "classif0.0.0.0.weight"),
    "RAFT-Stereo": ("cnet.conv1.weight", "fnet.conv1.weight", "update_block.gru08.convz.weight"),
    "IGEV-Stereo": ("cnet.conv1.weight", "cost_agg.conv1.0.weight", "update_block.gru08.convz.weight"),
    "CREStereo": ("fnet.conv1.weight", "update_block.gru.convz.weight", "self_att_fn.layers.0.q_proj.weight"),
    "FoundationStereo": ("feature.dino.blocks.0.norm1.weight", "update_block.gru.weight", "cnet.conv1.weight"),
    "STTR": ("backbone.conv1.weight", "transformer.norm.weight", "tokenizer.block.weight"),
}


def said(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("wrapper", [None, "model", "state_dict"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_networks_of_others_are_named(tmp_path: Path, network: str, wrapper: str | None, prefix: str) -> None:
    weights = {prefix + name: ONE for name in NETWORKS[network]}
    torch.save(weights if wrapper is None else {"epoch": 3, wrapper: weights}, tmp_path / "other.pth")
    assert f"holds weights of {network}, a network that this project does not have" in said(tmp_path / "other.pth")


HEADER = json.dumps({"weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.safetensors", len(HEADER).to_bytes(8, "little") + HEADER + bytes(4), "it is a safetensors file"),
        ("a.pt", len(HEADER).to_bytes(8, "little") + HEADER + bytes(4), "it is a safetensors file"),
        ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(60), "it is a HDF5 file"),
        ("a.onnx", b"\x08\x07\x12\x07pytorch", "it is an ONNX file"),
        ("a.pt", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "it is a pointer of Git LFS"),
        ("a.tar", b"<!DOCTYPE html><html><body>Sign in", "it is a web page"),
        ("a.pt", b"some text", "it is not a PyTorch file"),
    ],
)
def test_files_of_other_kinds_are_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert words in said(tmp_path / name)


def test_a_program_is_named(tmp_path: Path) -> None:
    torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)).save(str(tmp_path / "program.pt"))
    assert "it is a TorchScript program" in said(tmp_path / "program.pt")


@pytest.mark.parametrize("beside", [np.float64(0.5), np.float32(2), np.int64(7), np.arange(3), np.bool_(True)])
def test_values_of_numpy_beside_the_weights_are_passed_over(tmp_path: Path, beside: object) -> None:
    path = tmp_path / "official.tar"
    torch.save({"epoch": 1, "train_loss": beside, "state_dict": {"module.classif1.0.weight": ONE}}, path)
    assert torch.equal(read_torch_file(path, "")["state_dict"]["module.classif1.0.weight"], ONE)
    with pytest.raises(CheckpointError, match=r"official PSMNet.*python scripts/import_psmnet\.py .*official\.tar"):
        read_checkpoint(path)
