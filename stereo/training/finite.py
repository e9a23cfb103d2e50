"""Which of many numbers are not finite: a state that has any is never saved as a good one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

# So many are named in a message.
_SHOWN = 4


def names_not_finite(values: Any, name: str = "") -> list[str]:
    """Return the dotted names of the tensors, within nested mappings and lists, that hold NaN or infinity."""
    return [found for found, tensor in _tensors(values, name) if not bool(tensor.isfinite().all())]


def shown(names: Sequence[str]) -> str:
    """Return the first of them in one line, and how many there are in all where these are not all."""
    return ", ".join(names[:_SHOWN]) + (f" … ({len(names)} in all)" if len(names) > _SHOWN else "")


def _tensors(values: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(values, torch.Tensor):
        if values.is_floating_point():
            yield name, values
        return
    if isinstance(values, Mapping):
        items = list(values.items())
    elif isinstance(values, list | tuple):
        items = list(enumerate(values))
    else:
        return
    for key, value in items:
        yield from _tensors(value, f"{name}.{key}" if name else str(key))
