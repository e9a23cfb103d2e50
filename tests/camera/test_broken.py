"""stereo.camera.read: what is wrong with a file is said in one line, and no file of a stranger does harm."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.calibrations import (
    BODY,
    COLMAP,
    EXAMPLES,
    LEFT,
    MIDDLEBURY,
    OPENCV_JSON,
    PLAIN,
    RIGHT,
    ZED,
    Files,
    oak,
    ros,
    vins,
)

from stereo.camera import read_camera_pair
from stereo.errors import FormatError

OPENCV: dict[str, Any] = json.loads(OPENCV_JSON)


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """Write files, and return the one line with which the first two at most are refused."""

    def message(files: Files, **options: Any) -> str:
        paths = []
        for name, text in files.items():
            paths.append(tmp_path / name)
            paths[-1].write_text(text, encoding="utf-8")
        with pytest.raises(FormatError) as caught:
            read_camera_pair(*paths[:2], **options)
        text = str(caught.value)
        assert text.startswith(str(tmp_path))
        assert "\n" not in text
        assert len(text) < 700
        return text

    return message


def plain(**change: Any) -> Files:
    return {"a.json": json.dumps({**PLAIN, "baseline_m": 0.1, **change})}


def opencv(**change: Any) -> Files:
    return {"a.json": json.dumps({**OPENCV, **change})}


def projection(shift: int) -> list[int]:
    return [500, 0, 320, shift, 0, 500, 240, 0, 0, 0, 1, 0]


def example(name: str, old: str, new: str) -> Files:
    files = EXAMPLES[name][1]
    assert any(old in text for text in files.values())
    return {key: text.replace(old, new) for key, text in files.items()}


WRONG: dict[str, tuple[Files, str]] = {
    "nan": (plain(fx=float("nan")), "fx holds 'nan'; expected a finite number"),
    "infinite": (plain(cy="1e999"), "cy holds '1e999'"),
    "a word": (plain(fx="wide"), "fx holds 'wide'"),
    "true": (plain(fx=True), "fx holds 'True'"),
    "a list": (plain(fx=[1, 2]), "fx has 2 numbers; expected 1"),
    "no cx": ({"a.json": '{"fx": 500, "cy": 240, "baseline_m": 0.1}'}, "has no cx"),
    "no baseline": ({"a.json": json.dumps(PLAIN)}, "has no baseline"),
    "negative baseline": (plain(baseline_m=-0.1), "to the left of its left one (negative baseline)"),
    "no distance": (plain(baseline_m=0), "its baseline is 0 m"),
    "baseline in mm, said to be m": (plain(baseline_m=120), "its baseline is 120 m; expected 0.0005 to 20 m"),
    "baseline of no unit": ({"a.json": json.dumps({**PLAIN, "baseline": 12})}, "say the unit: m, cm or mm"),
    "focal length": (plain(fx=-500), "has a focal length of -500 px; expected more than 0"),
    "size": (plain(width=640.5), "its image size is '640.5' × 480"),
    "half a size": ({"a.json": json.dumps({**PLAIN, "baseline_m": 0.1, "height": None})}, "its image size is"),
    "principal point": (opencv(imageSize=[320, 240]), "(320, 240) lies outside its images of 320×240"),
    "principal point of a rectified pair": (
        plain(width=320),
        "left principal point (320, 240) lies outside its images of 320×480",
    ),
    "transposed": (opencv(K_left=[[500, 0, 0], [0, 510, 0], [320, 240, 1]]), "expected [f 0 cx; 0 f cy; 0 0 1]"),
    "rows": (opencv(R=[[1, 0, 0], [0, 1, 0]]), "R has 2 rows; expected 3"),
    "a shape": (opencv(R={"rows": 1, "cols": 9, "data": [1, 0, 0, 0, 1, 0, 0, 0, 1]}), "R is 1×9; expected 3×3"),
    "no rotation": (opencv(R=[[2, 0, 0], [0, 1, 0], [0, 0, 1]]), "the rotation between the cameras is no rotation"),
    "a mirror": (opencv(R=[[1, 0, 0], [0, 1, 0], [0, 0, -1]]), "is no rotation"),
    "above each other": (opencv(T=[0, -0.1, 0]), "do not stand side by side: the right one is at (0, 0.1, 0) m"),
    "squares": (opencv(T=[-5, 0, 0], square_size=1), "counts its baseline, 5, in squares of the board"),
    "a square of no unit": (opencv(T=[-5, 0, 0], square_size=2.5), "has a square of 2.5 in a unit that it does"),
    "distortion": (opencv(dist_left=[1, 2, 3]), "DISTLEFT has 3 numbers; expected 2 or 4 or 5 or 8 or 12 or 14"),
    "one of two matrices": ({"a.json": '{"M1": [1]}'}, "the matrix of one camera of two"),
    "remap tables": (
        {"a.xml": "<opencv_storage><stereoMap0_x>1 2</stereoMap0_x></opencv_storage>"},
        "holds remap tables alone, without focal length and baseline",
    ),
    "two baselines": (
        opencv(R1=OPENCV["R"], R2=OPENCV["R"], P1=projection(0), P2=projection(-500)),
        "its baseline is 1 m by the projections and 0.1 m by the translation",
    ),
    "kitti exchanged": (example("kitti", "-50", "50"), "to the left of P0"),
    "ros exchanged": (dict(reversed(EXAMPLES["ros"][1].items())), "(negative baseline)"),
    "ros without a baseline": (example("ros", "-50", "0"), "P[0][3] = 0, so that there is no baseline"),
    "ros of another model": (example("ros", "plumb_bob", "fov"), "its distortion_model is 'fov'"),
    "ros of two sizes": (
        {"left.yaml": ros(LEFT, 0), "right.yaml": ros(RIGHT, -50).replace("640", "1280")},
        "640×480 on the left, 1280×480",
    ),
    "kalibr, one camera": (
        {"a.yaml": EXAMPLES["kalibr"][1]["camchain.yaml"].partition("cam1")[0]},
        "has cam0 and no cam1",
    ),
    "kalibr of another model": (example("kalibr", "radtan", "fov"), "cam0 is of the model pinhole with fov"),
    "kalibr without a pose": (example("kalibr", "T_cn_cnm1", "T_cn"), "does not say where cam1 is"),
    "euroc, one camera": ({"a.yaml": EXAMPLES["euroc"][1]["cam0.yaml"]}, "one camera of two"),
    "oak without a chain": (example("oak", '"toCameraSocket": 2', '"toCameraSocket": 5'), "no extrinsics that lead"),
    "oak in circles": ({"oak.json": oak((1, 0, -4), (0, 1, 4), (2, -1, 0))}, "no extrinsics that lead"),
    "zed of another mode": (example("zed", "RIGHT_CAM_HD", "RIGHT_CAM_FHD"), "has no section [RIGHT_CAM_HD]"),
    "colmap of three": (
        {**COLMAP, "images.txt": COLMAP["images.txt"] + "9 1 0 0 0 2 4 5 2 c.png\n"},
        "places 3 images; expected two",
    ),
    "colmap's model": ({**COLMAP, "cameras.txt": "1 FOV 640 480 500 510 320 240 1\n"}, "camera 1 is no model"),
    "colmap without a camera": ({**COLMAP, "cameras.txt": "1 PINHOLE 640 480 500 510 320 240\n"}, "has no camera 2"),
    "middlebury": ({"calib.txt": MIDDLEBURY.replace("baseline=100", "baseline=0")}, "calib.txt:4: baseline is '0'"),
    "vins, a path": (
        {"a.yaml": "cam0_calib: ../left.yaml\ncam1_calib: b\n" + BODY.format(0, 0) + BODY.format(1, 1)},
        "cam0_calib is '../left.yaml'; expected the name of a file in the same folder",
    ),
    "vins, no file": (
        {"a.yaml": "cam0_calib: none.yaml\ncam1_calib: b\n" + BODY.format(0, 0) + BODY.format(1, 1)},
        "no such file",
    ),
    "vins, one camera": ({"a.yaml": vins(320)}, "give the configuration"),
    "no calibration": ({"a.txt": "hello\n"}, "is no calibration of a form that can be read; expected Middlebury"),
    "invalid JSON": ({"a.json": '{"fx": 500,'}, "is no valid JSON"),
    "invalid YAML": ({"a.yaml": "fx: 500\n\tfy: 3\n"}, "is no valid YAML"),
    "invalid XML": ({"a.xml": "<opencv_storage>"}, "is no valid XML"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(name: str, refused: Callable[..., str]) -> None:
    files, message = WRONG[name]
    assert message in refused(files)


def test_zed_says_its_modes(refused: Callable[..., str]) -> None:
    both = {"SN1.conf": ZED + ZED.replace("_HD", "_VGA")}
    assert "(HD 1280×720, VGA 672×376; width × height); give the size of the images" in refused(both)
    assert "the images are 640×480: use them as the camera gave them" in refused(both, size=(480, 640))


LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
HOSTILE: dict[str, str] = {
    "python objects": "fx: !!python/object/apply:os.system ['touch /tmp/never']\nbaseline: 1\n",
    "laughs": LAUGHS + "fx: *j\nbaseline: 1\n",
    "laughs of nothing": LAUGHS.replace("1", "[]") + "M1: *j\nM2: *j\nR: *j\nT: *j\n",
    "a size of laughs": LAUGHS + "fx: 1\ncx: 1\ncy: 1\nbaseline: 0.1\nwidth: *j\nheight: *j\n",
    "words of laughs": LAUGHS
    + "z: &z [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]\n"
    + "cam0: &k {intrinsics: [1, 1, 1, 1], camera_model: *j, T_imu_cam: *z}\ncam1: *k\n",
    "a file of laughs": LAUGHS + "cam0_calib: *j\ncam1_calib: a\nbody_T_cam0: 1\nbody_T_cam1: 1\n",
    "merged laughs": "a: &a {x: 1}\n"
    + "".join(
        f"{name}: &{name} {{<<: [*{before}, *{before}]}}\n"
        for before, name in zip("abcdefghijklmnopqrst", "bcdefghijklmnopqrstu", strict=True)
    )
    + "fx: 1\n",
    "a list in itself": "M1: &a [*a]\nM2: *a\nR: *a\nT: *a\n",
    "deep mapping": "fx: " + "{a: " * 5000,
    "deep JSON": '{"fx":' * 50_000,
    "deep XML": "<a>" * 50_000,
    "entities": '<!DOCTYPE a [<!ENTITY b "cc">]><opencv_storage><M1>&b;</M1></opencv_storage>',
    "a wrong tag": "fx: !!timestamp x\nbaseline: 1\n",
    "a huge number": "fx: 0x" + "f" * 5000 + "\nbaseline: 1\ncx: 1\ncy: 1\n",
    "many digits": '{"fx": ' + "9" * 5000 + ', "baseline": 1}',
    "blank lines": "\n" * 100_000,
    "blanks": " " * 200_000,
    "many words": "cam0 " * 20_000,
    "comments": "#\n" * 50_000,
    "opened brackets": "[LEFT_CAM_" * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_does_harm(name: str, refused: Callable[..., str]) -> None:
    start = time.process_time()
    refused({"a": HOSTILE[name]})
    assert time.process_time() - start < 5


def test_mutilated_files_end_in_one_line_or_in_a_sane_pair(tmp_path: Path) -> None:
    rng = np.random.default_rng(15)
    for _, files in EXAMPLES.values():
        for _ in range(8):
            paths = []
            for name, text in files.items():
                data = bytearray(text.encode())
                for position in rng.integers(0, len(data), rng.integers(1, 4)):
                    data[position] = rng.choice(list(b"0-9.eE,:[]{}=\n x\xff"))
                paths.append(tmp_path / name)
                paths[-1].write_bytes(data[: rng.integers(1, len(data) + 1)] if rng.random() < 0.3 else data)
            try:
                pair = read_camera_pair(*paths[:2])
            except FormatError:  # anything else escapes, and fails
                continue
            assert np.isfinite(pair.left.matrix).all()
            assert 0.0005 <= np.linalg.norm(pair.translation) <= 20
