"""A calibration file as text and as the values in it, whatever it was written in; read as from a stranger."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from stereo.data.formats.text import read_text
from stereo.errors import FormatError

# What PyYAML lets through where a value is not what its tag says, such as `!!timestamp x`.
_WRONG_TAGS = (TypeError, LookupError, AttributeError, ArithmeticError)


class _Loader(yaml.SafeLoader):
    """Plain values alone, and the matrices of OpenCV as the mappings that they are."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge nothing: a few lines of `<<: [*a, *a]` could fill the memory, and no calibration has them."""


_Loader.add_constructor(
    "tag:yaml.org,2002:opencv-matrix", lambda loader, node: loader.construct_mapping(node, deep=True)
)


@dataclass(frozen=True)
class Document:
    """A calibration file.

    path: for messages. text: without the mark of its encoding.
    """

    path: Path
    text: str

    @cached_property
    def values(self) -> dict[str, Any]:
        """Return the mapping that JSON, XML or YAML hold; empty if the text is none of them, or no mapping."""
        return self._parsed[0]

    @property
    def problem(self) -> str:
        """Return why there are no values, "" if there are some."""
        return self._parsed[1]

    def has(self, *keys: str) -> bool:
        """Return whether the mapping has all of these keys."""
        return all(key in self.values for key in keys)

    def error(self, message: str) -> FormatError:
        """Return an error that begins with the path of the file."""
        return FormatError(f"{self.path}: {message}")

    @cached_property
    def _parsed(self) -> tuple[dict[str, Any], str]:
        start = self.text.lstrip()[:1]
        parsers: dict[str, tuple[str, Callable[[str], Any]]] = {"{": ("JSON", json.loads), "<": ("XML", _parse_xml)}
        kind, parse = parsers.get(start, ("YAML", _parse_yaml))
        try:
            values = parse(self.text)
        except RecursionError:
            return {}, f"its {kind} is nested too deeply"
        except _WRONG_TAGS:
            return {}, f"is no valid {kind}: a value is not what its tag says"
        except (ValueError, yaml.YAMLError, ElementTree.ParseError) as error:
            return {}, f"is no valid {kind}: {' '.join(str(error).split())[:160]}"
        if not isinstance(values, dict):
            return {}, f"holds no names with values ({kind})"
        return {str(key): value for key, value in values.items()}, ""


def read_document(path: str | Path) -> Document:
    """Read a calibration file. Raises: FormatError if it is missing, too large or no text."""
    path = Path(path)
    return Document(path, read_text(path, "fx: 700"))


def _parse_yaml(text: str) -> Any:
    # OpenCV writes the version with a colon, which YAML does not know, and often no "---" after it.
    text = re.sub(r"\A\s*%YAML[^\n]*\n?(\s*---[^\n]*\n)?", "", text)
    return yaml.load(text, Loader=_Loader)


def _parse_xml(text: str) -> Any:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("it declares entities, which no calibration needs")
    # The text is decoded already, whatever its head says.
    root = ElementTree.fromstring(re.sub(r"\A\s*<\?xml[^>]*\?>", "", text))
    return {root.tag: None, **_children(root)} if root.tag != "opencv_storage" else _children(root)


def _children(element: ElementTree.Element) -> dict[str, Any]:
    return {child.tag: _xml_value(child) for child in element}


def _xml_value(element: ElementTree.Element) -> Any:
    if len(element):
        return _children(element)
    words = (element.text or "").split()
    return words[0] if len(words) == 1 else words
