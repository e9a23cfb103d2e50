"""Names of results never lead anywhere else."""

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
    ],
)
def test_a_name_becomes_that_of_one_file(name: str, expected: str) -> None:
    assert safe_name(name) == expected
