"""Fixtures for all tests."""

from pathlib import Path

import pytest
import torch
from helpers import SHARED


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def golden() -> Path:
    """Outputs of the reference implementations."""
    folder = SHARED / "golden"
    if not folder.is_dir():
        pytest.skip(f"needs the golden outputs in {folder}")
    return folder
