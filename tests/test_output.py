"""Names of results never lead anywhere else."""

import hashlib
import os

import pytest

from stereo.output import safe_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scene 1.left", "scene 1.left"),
        ("kitti2015/000046", "kitti2015_000046"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("C:\\x\n", "C_x_"),
        (".", "_"),
        ("..", "__"),
        ("", "_"),
        (".hidden", ".hidden"),
        ("\x1b[31m\x9b2J\u202egnp.exe", "_[31m_2J_gnp.exe"),
        ("half \ud83d", "half _"),
        ("not UTF-8 \udce9", "not UTF-8 \udce9"),
        ("con", "_con"),
        ("NUL.left", "_NUL.left"),
        ("console", "console"),
        ("a" * 300, "a" * 191 + "_" + hashlib.sha256(b"a" * 300).hexdigest()[:8]),
    ],
)
def test_a_name_becomes_that_of_one_file(name: str, expected: str) -> None:
    assert safe_name(name) == expected


def test_a_long_name_leaves_room_for_endings_and_is_not_that_of_another() -> None:
    names = {safe_name("図" * 100 + end) for end in ("a", "b")}
    assert len(names) == 2
    assert all(len(os.fsencode(name)) <= 200 for name in names)
