"""Configurations of strangers, and of slips: one line, whatever stands in them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from helpers import REPOSITORY

from stereo.config import Config, config_from_dict, load_config
from stereo.config.ranges import check_ranges
from stereo.errors import ConfigError

FILES = {
    "an unclosed reference": "training:\n  output: ${\n",
    "an unclosed reference in a text": 'training:\n  output: "a: ${x"\n',
    "a key of null": "? null\n",
    "a set": "training: !!set {a, b}\n",
    "5,000 digits": f"training:\n  steps: {'9' * 5000}\n",
    "a number of 50,000 bits": f"training:\n  seed: 0b{'1' * 50_000}\n",
    "an octal number": f"training:\n  seed: 0{'7' * 5000}\n",
    "a hexadecimal number in a text": f"training:\n  seed: !!int '0x{'F' * 5000}'\n",
    "a number to base 60": f"training:\n  seed: 1{':1' * 5000}\n",
    "a section that is a long number": f"model: 0x{'f' * 4000}\n",
    "3,000 maps": "{a: " * 3000 + "1" + "}" * 3000,
    "100,000 lists": "- " * 100_000 + "1",
    "a NUL": 'training:\n  output: "a\\0b"\n',
    "an escape code": 'training:\n  output: "\\e[31m"\n',
    "a reference to itself": "training:\n  output: ${training.output}\n",
    "the environment": "training:\n  output: ${oc.env:HOME}\n",
    "an object": 'preset: !!python/object/apply:os.system ["true"]\n',
    "a long text": f"training:\n  output: {'a' * 5000}\n",
    "a bomb of aliases": "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{two}: &{two} [{','.join([f'*{one}'] * 10)}]\n" for one, two in zip("abcdefg", "bcdefgh", strict=True)),
    "one megabyte": "# " + "a" * 2**20,
}
OVERRIDES = [
    "training.seed=-1",
    f"training.seed={2**70}",
    "data.augmentation.max_log2_scale=inf",
    "data.augmentation.max_log2_scale=1000",
    "data.train.weight=inf",
    "model.features.channels=1000000",
    "model.features.matching_channels=0",
    "data.train.synthetic.length=1000000000000",
    "optimizer.learning_rate=1e38",
    "loss.smooth_l1_weight=nan",
    'training.output="a\\0b"',
    "training.output=\udc80",
    "\udc80=1",
    "training.steps=${",
    "[=3",
    "training..steps=3",
    "a." * 3000 + "b=1",
    "training.steps=" + "[" * 100_000,
    "training.output=" + "- " * 20_000 + "a",
    "training.steps=" + "9" * 5000,
    "training.steps=0x" + "f" * 4000,
    "model=0x" + "f" * 4000,
]


@pytest.mark.parametrize("name", FILES)
def test_files(name: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(FILES[name], encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("override", OVERRIDES, ids=lambda override: ascii(override[:40]))
def test_overrides(override: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("training: {steps: 3}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path, [override])
    message = str(caught.value)
    assert len(message) < 1000
    assert "\0" not in message


@pytest.mark.parametrize("depth", [3000, 100_000])
def test_lists_in_lists_crash_no_parser(depth: int, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("- " * depth + "1", encoding="utf-8")
    code = f"from stereo.config import load_config; load_config({str(path)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, env={**os.environ}, check=False
    )
    assert done.returncode == 1
    assert "ConfigError" in done.stderr


def test_what_is_no_ordinary_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(ConfigError, match=r"not an ordinary file|is a folder"):
            load_config(path)
    with pytest.raises(ConfigError, match="cannot be read: File name too long"):
        load_config(tmp_path / ("a" * 300))


def numbers(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], type]]:
    """The places of all numbers in the schema, with their type."""
    for field in fields(schema):
        kind = get_type_hints(schema)[field.name]
        options = {option for option in (kind, *get_args(kind)) if isinstance(option, type)}
        if is_dataclass(kind):
            yield from numbers(kind, (*path, field.name))
        elif options & {int, float} and bool not in options:
            yield (*path, field.name), kind


@pytest.mark.parametrize(("path", "kind"), [(path, kind) for path, kind in numbers(Config)], ids=str)
def test_every_number_of_the_schema_has_a_range(path: tuple[str, ...], kind: Any) -> None:
    config: Any = Config()
    section = config
    for name in path[:-1]:
        section = getattr(section, name)
    check_ranges(config)
    for wrong in (float("nan"), float("inf"), -float("inf"), 2**64, -5):
        text = str(kind)
        setattr(section, path[-1], [wrong] if "list" in text else {"flying": wrong} if "dict" in text else wrong)
        with pytest.raises(ConfigError, match=".".join(path).replace("[", r"\[")):
            check_ranges(config)


def test_numbers_of_a_stored_configuration_have_ranges_too() -> None:
    with pytest.raises(ConfigError, match=r"model\.features\.channels is 5000, expected a number of 0 … 4,096"):
        config_from_dict({"model": {"features": {"channels": 5000}}})
