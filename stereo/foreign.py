"""Checkpoints of other projects, told by what their files and weights are called: for messages alone."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stereo.files import ArchiveReader

# Where projects put their weights within a file.
_WRAPPERS = ("state_dict", "model", "model_state_dict", "network", "params", "net")
# What the names of a network's weights begin with, all of them; the first network that fits counts.
_NETWORKS: dict[str, tuple[str, ...]] = {
    "FoundationStereo": ("feature.dino.", "update_block."),
    "IGEV-Stereo": ("cost_agg.", "update_block."),
    "CREStereo": ("self_att_fn.", "update_block."),
    "RAFT-Stereo": ("cnet.", "fnet.", "update_block."),
    "RAFT-Stereo (shared backbone)": ("cnet.", "context_zqr_convs.", "update_block."),
    "GwcNet": ("classif0.", "dres0.", "feature_extraction."),
    "GANet": ("guidance.", "cost_agg."),
    "AANet": ("feature_extractor.", "aggregation.", "refinement."),
    "STTR": ("backbone.", "transformer.", "tokenizer."),
    "Unimatch": ("backbone.", "transformer.", "feature_flow_attn."),
}
_PROGRAM = "a TorchScript program, which holds code as well as weights"


def network_of(content: Any) -> str | None:
    """Return the name of the network of another project that a file's content holds weights of; None if not known."""
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    if not isinstance(content, Mapping):
        return None
    names = {str(name).removeprefix("module.") for name in content}
    for network, beginnings in _NETWORKS.items():
        if all(any(name.startswith(beginning) for name in names) for beginning in beginnings):
            return network
    return None


def kind_of(path: Path) -> str | None:
    """Return what a file is that torch.save did not write; None if it is nothing that is known. Raises: OSError."""
    with path.open("rb") as file:
        start = file.read(32)
    if start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= path.stat().st_size:
        return "a safetensors file"
    if start.startswith(b"\x89HDF"):
        return "a HDF5 file, as Keras has them"
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS, not the file itself (git lfs pull gets it)"
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "a web page, as a download that needs a login gives"
    if start.startswith(b"PK"):
        try:
            with path.open("rb", buffering=0) as raw, zipfile.ZipFile(ArchiveReader(raw)) as archive:
                names = [name.rpartition("/")[2] for name in archive.namelist()]
        except (zipfile.BadZipFile, ValueError):
            return None
        return _PROGRAM if "constants.pkl" in names else None
    return None
