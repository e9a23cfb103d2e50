"""Reading what torch.save wrote: from anyone, without running code, whole or not at all."""

import stat
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from stereo.errors import CheckpointError
from stereo.files import ArchiveReader
from stereo.foreign import kind_of

# A zip archive; the pickle of torch before 1.6.
_ZIP, _PICKLE = b"PK", b"\x80\x02"


def read_torch_file(path: Path, hint: str) -> Any:
    """Return what torch.save wrote, on the CPU: tensors and plain values only, since anything else could run code.

    NumPy values, options and paths, which training scripts leave beside the weights, are passed over.

    Args:
        hint: What to do where the file is not one, the end of the message.

    Raises: CheckpointError for a file that is missing, damaged (its checksums are compared) or of another kind.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CheckpointError(f"{path}: is not a file; name a checkpoint in it: best.pt, or last.pt to resume from")
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: no such checkpoint; train one with scripts/train.py or leave the option out"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise CheckpointError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        with path.open("rb") as file:
            magic = file.read(2)
        if magic == _ZIP:
            _check_archive(path)
        with warnings.catch_warnings(), torch.serialization.safe_globals(_PASSED_OVER):
            warnings.simplefilter("ignore")  # about the pickle protocol of files that are not torch's
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:
        # torch.load raises many types (pickle, zip, EOF, Runtime …) for what is, to the user, one thing.
        kind = kind_of(path)
        if kind is not None:
            reason = f"it is {kind}"
        elif magic not in (_ZIP, _PICKLE):
            reason = "it is not a PyTorch file"
        elif "weights_only" in str(error) or "Unsupported" in str(error):
            reason = (
                "it holds objects other than tensors and plain values, which are refused unread (they could run code)"
            )
        else:
            reason = "it is truncated or damaged"
        raise CheckpointError(f"{path}: not a readable checkpoint: {reason}; {hint}") from None


def _check_archive(path: Path) -> None:
    """Raise ValueError or BadZipFile unless the archive is as torch wrote it: torch.load compares no checksums."""
    with path.open("rb", buffering=0) as file, zipfile.ZipFile(ArchiveReader(file)) as archive:
        records = archive.infolist()
        # torch.save stores records as they are; a small file with packed ones could fill the memory.
        if any(record.compress_type != zipfile.ZIP_STORED for record in records):
            raise ValueError("a record is compressed")
        if sum(record.file_size for record in records) > path.stat().st_size:
            raise ValueError("the records are larger than the file")
        damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"the checksum of {damaged} does not fit")


class _PassedOver:
    """Takes the place of a value that is of no use here: its own reader is not made for the files of strangers."""

    def __init__(self, *_: Any) -> None: ...

    def __setstate__(self, _: Any) -> None: ...


# All that the pickles of NumPy scalars and arrays (of NumPy 1 and 2), of argparse's options and of paths call. torch
# goes by a class's module and name.
_PASSED_OVER: list[Any] = [
    type(name, (_PassedOver,), {"__module__": module})
    for module, names in (
        ("numpy", ("dtype", "ndarray")),
        ("numpy.core.multiarray", ("scalar", "_reconstruct")),
        ("numpy._core.multiarray", ("scalar", "_reconstruct")),
        ("argparse", ("Namespace",)),
        ("pathlib", ("PosixPath", "WindowsPath")),
    )
    for name in names
]
