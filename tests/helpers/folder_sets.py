"""One pair of each data set that has a layout, written in its own folders and encoding."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage

from helpers import truth_of
from helpers.trees import make_gray, make_image
from stereo.config import FolderFamily
from stereo.data.formats import write_pfm
from stereo.data.sample import Map, StereoSample


@dataclass(frozen=True)
class Files:
    """The files of a pair, and how its ground truth is written: of a map in px, NaN where unknown.

    library: what writing and reading take beside what the package needs.
    """

    left: str
    right: str
    truth: str
    name: str
    write: Callable[[Path, Map], None]
    library: str | None = None


def make_files(root: Path, family: FolderFamily, sample: StereoSample) -> None:
    """Write a pair of a data set below a folder."""
    files = FILES[family]
    make_image(root / files.left, sample.left)
    make_image(root / files.right, sample.right)
    truth = truth_of(sample)
    path = root / files.truth
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, np.where(truth.valid, truth.disparity, np.float32(np.nan)))


def _png16(scale: float) -> Callable[[Path, Map], None]:
    def write(path: Path, disparity: Map) -> None:
        make_png16(path, np.nan_to_num(disparity * scale))

    return write


def make_png16(path: Path, values: np.ndarray) -> None:
    """Write whole numbers as they are in 16 bits."""
    assert cv2.imwrite(str(path), np.rint(values).astype(np.uint16))


def _colors(units: int, base: int, green: int) -> Callable[[Path, Map], None]:
    def write(path: Path, disparity: Map) -> None:
        code = np.rint(np.nan_to_num(disparity) * units).astype(np.int64)
        red, rest = np.divmod(code, base)
        make_image(path, np.stack([red, rest // green, rest % green], axis=-1).astype(np.uint8))

    return write


def _npy(path: Path, disparity: Map) -> None:
    np.save(path, np.nan_to_num(disparity, nan=0.0))


def _tartanair(path: Path, disparity: Map) -> None:
    np.save(path, np.float32(80) / disparity)


def _vkitti2(path: Path, disparity: Map) -> None:
    make_png16(path, np.nan_to_num(725.0087 * 53.2725 / disparity, nan=65535))


def _falling_things(path: Path, disparity: Map) -> None:
    make_png16(path, np.nan_to_num(768.2 * 600 / disparity, nan=0))
    intrinsics = {"fx": 768.2, "fy": 768.2, "cx": 480.0, "cy": 270.0, "s": 0.0}
    settings = {"camera_settings": [{"name": "left", "intrinsic_settings": intrinsics}]}
    (path.parent / "_camera_settings.json").write_text(json.dumps(settings))


def _tiff(path: Path, disparity: Map) -> None:
    PillowImage.fromarray(np.nan_to_num(disparity, nan=0.0)).save(path)


def _spring(path: Path, disparity: Map) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file["disparity"] = np.repeat(np.repeat(disparity, 2, axis=0), 2, axis=1)
    cameras = path.parents[1] / "cam_data"
    cameras.mkdir()
    (cameras / "intrinsics.txt").write_text("2000 2000 960 540\n2100 2100 960 540\n")


def _exr(path: Path, disparity: Map) -> None:
    import OpenEXR

    channel = np.ascontiguousarray(np.nan_to_num(disparity, nan=0.0))
    OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION}, {"Y": channel}).write(str(path))


def _middlebury2021(path: Path, disparity: Map) -> None:
    write_pfm(path, np.nan_to_num(disparity, nan=np.inf))
    (path.parent / "calib.txt").write_text("cam0=[1700 0 900; 0 1700 500; 0 0 1]\nbaseline=111\ndoffs=0\n")


def _sintel(path: Path, disparity: Map) -> None:
    _colors(16384, 256**2, 256)(path, disparity)
    for folder, column in (("occlusions", 20), ("outofframe", 0)):
        mask = np.zeros(disparity.shape)
        mask[:, column : column + 8] = 255
        make_gray(path.parents[2] / folder / path.parent.name / path.name, mask)


def _paths(folder: str, left: str, right: str, truth: str) -> tuple[str, str, str]:
    return f"{folder}/{left}", f"{folder}/{right}", f"{folder}/{truth}"


_FLIGHT = "soulcity/soulcity/Hard/P003"
_LOG = "train/1d676737"
_ARGOVERSE = f"rectified_stereo_images_v1.1/{_LOG}"
_DATE = "2018-07-11-14-48-52"

FILES: dict[FolderFamily, Files] = {
    "tartanair": Files(
        *_paths(
            _FLIGHT,
            "image_left/000012_left.png",
            "image_right/000012_right.png",
            "depth_left/000012_left_depth.npy",
        ),
        "soulcity/Hard/P003/000012",
        _tartanair,
    ),
    "scared": Files(*_paths("train", "left/a.png", "right/a.png", "disparity/a.tiff"), "train/a", _tiff),
    "argoverse": Files(
        f"{_ARGOVERSE}/stereo_front_left_rect/stereo_front_left_rect_315.jpg",
        f"{_ARGOVERSE}/stereo_front_right_rect/stereo_front_right_rect_315.jpg",
        f"disparity_maps_v1.1/{_LOG}/stereo_front_left_rect_disparity/stereo_front_left_rect_disparity_315.png",
        f"{_LOG}/315",
        _png16(256),
    ),
    "sintel": Files(
        *_paths(
            "training",
            "clean_left/alley_1/frame_0001.png",
            "clean_right/alley_1/frame_0001.png",
            "disparities/alley_1/frame_0001.png",
        ),
        "alley_1/0001",
        _sintel,
    ),
    "vkitti2": Files(
        *_paths(
            "Scene01/fog/frames",
            "rgb/Camera_0/rgb_00007.jpg",
            "rgb/Camera_1/rgb_00007.jpg",
            "depth/Camera_0/depth_00007.png",
        ),
        "Scene01/fog/00007",
        _vkitti2,
    ),
    "spring": Files(
        *_paths(
            "train/0005",
            "frame_left/frame_left_0002.png",
            "frame_right/frame_right_0002.png",
            "disp1_left/disp1_left_0002.dsp5",
        ),
        "0005/0002",
        _spring,
        "h5py",
    ),
    "falling_things": Files(
        *_paths("mixed/kitchen_0", "000003.left.jpg", "000003.right.jpg", "000003.left.depth.png"),
        "mixed/kitchen_0/000003",
        _falling_things,
    ),
    "irs": Files(*_paths("Home/Room_Dark", "l_4.png", "r_4.png", "d_4.exr"), "Home/Room_Dark/4", _exr, "OpenEXR"),
    "instereo2k": Files(*_paths("part2/000009", "left.png", "right.png", "left_disp.png"), "part2/000009", _png16(100)),
    "booster": Files(
        *_paths("train/balanced/Bath", "camera_00/im2.png", "camera_02/im2.png", "disp_00.npy"), "Bath/im2", _npy
    ),
    "drivingstereo": Files(
        f"train-left-image/{_DATE}/{_DATE}_1.jpg",
        f"train-right-image/{_DATE}/{_DATE}_1.jpg",
        f"train-disparity-map/{_DATE}/{_DATE}_1.png",
        f"train/{_DATE}/{_DATE}_1",
        _png16(256),
    ),
    "crestereo": Files(*_paths("hole", "0a_left.jpg", "0a_right.jpg", "0a_left.disp.png"), "hole/0a", _png16(32)),
    "fsd": Files(
        *_paths("amr_1/dataset/data", "left/rgb/0007.jpg", "right/rgb/0007.jpg", "left/disparity/0007.png"),
        "amr_1/0007",
        _colors(1000, 255**2, 255),
    ),
    "unrealstereo4k": Files(
        *_paths("00003", "Image0/00942.png", "Image1/00942.png", "Disp0/00942.npy"), "00003/00942", _npy
    ),
    "middlebury2021": Files(*_paths("artroom1", "im0.png", "im1.png", "disp0.pfm"), "artroom1", _middlebury2021),
}
