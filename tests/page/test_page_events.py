"""What happens on the page, without Gradio: pairs in, results out, and a sentence for each mistake."""

import html
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import textured_sample, tiny_model
from helpers.calibrations import CALIBRATION, COLMAP, MIDDLEBURY

from stereo.data.formats import read_pfm
from stereo.data.formats.ply import read_ply
from stereo.errors import ConfigError, DataError, FormatError
from stereo.methods.predictor import Predictor
from stereo.model.network import StereoNetwork
from stereo.page.cameras import FIRST, SECOND, take_calibration
from stereo.page.events import Events
from stereo.page.inputs import FIELDS, calibration_of, fields_of, read_left_size, take_image
from stereo.page.limits import Limits
from stereo.page.results import cloud_of, ply_of, points_for_view
from stereo.page.session import Session, Sessions

EMPTY = dict.fromkeys(FIELDS, "")
LIMITS = Limits(max_pixels=100 * 120)
SAMPLE = textured_sample(40, 64, 6)


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path, LIMITS)


@pytest.fixture
def events(sessions: Sessions) -> Events:
    return Events(Predictor(StereoNetwork(tiny_model()), confidence=True), sessions, LIMITS)


@pytest.fixture
def session(events: Events, sessions: Sessions) -> Session:
    """The session of a page with a pair."""
    assert "stereo-upload" in (events.open("page").images or "")
    session = sessions.of_page("page")
    with session.folder() as folder:
        assert take_image(folder, "left", png(SAMPLE.left), LIMITS.max_pixels) == (40, 64)
        take_image(folder, "right", png(SAMPLE.right), LIMITS.max_pixels)
    return session


def test_a_pair_becomes_pictures_numbers_and_files(events: Events, session: Session) -> None:
    shares: list[float] = []
    answer = events.compute("page", EMPTY, report=lambda share, _: shares.append(share))
    assert shares == sorted(shares)
    assert "64 × 40 px" in (answer.status or "")
    with session.folder() as folder:
        disparity = read_pfm(folder / "disparity.pfm")
        values = (folder / "values").read_bytes()
        np.testing.assert_array_equal(np.frombuffer(values[: 4 * 64 * 40], "<f4").reshape(40, 64), disparity)
        assert len(values) == 5 * 64 * 40
        assert {"image.jpg", "colors.png", "disparity.png"} <= {path.name for path in folder.iterdir()}


def test_a_calibration_gives_depth_and_a_cloud(events: Events, session: Session) -> None:
    events.compute("page", EMPTY)
    assert session.calibration is None
    answer = events.calibrate("page", EMPTY | {"focal_length": "100", "baseline": "0,1"})
    assert answer.note == ""
    assert 'data-depth-factor="10.0"' in (answer.view or "")
    assert session.calibration is not None
    with session.folder() as folder:
        cloud = cloud_of(folder, session.calibration)
        (folder / "read.ply").write_bytes(ply_of(folder, cloud))
        points, _ = read_ply(folder / "read.ply")
    assert len(points) == len(cloud) > 0
    head = np.frombuffer(points_for_view(cloud, 100)[:20], "<f4")
    assert head[0] == len(cloud)


def test_the_example_is_a_pair_with_its_calibration(tmp_path: Path) -> None:
    limits = Limits()
    events = Events(Predictor(StereoNetwork(tiny_model()), confidence=True), Sessions(tmp_path, limits), limits)
    answer = events.use_example("page")
    assert answer.fields is not None
    assert calibration_of(answer.fields) is not None
    assert "px, matched in" in (events.compute("page", answer.fields).status or "")


def test_what_is_missing_is_asked_for(events: Events) -> None:
    assert "load the page again" in (events.compute("page", EMPTY).status or "")
    events.open("page")
    assert "the left image is missing" in (events.compute("page", EMPTY).status or "").lower()
    assert "there is no calibration file yet" in (events.use_file("page").note or "").lower()


def test_a_defect_is_a_sentence_on_the_page(events: Events, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("<secret>")

    monkeypatch.setattr("stereo.page.events.match", fail)
    status = html.unescape(events.compute("page", EMPTY).status or "")
    assert "not your mistake" in status
    assert "secret" not in status


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"just text", "not an image"),
        (b"<svg onload=alert(1)>", "not an image"),
        (png(SAMPLE.left)[:-20], "truncated"),
        (png(np.zeros((101, 120, 3), np.uint8)), "101"),
    ],
)
def test_a_bad_image_is_refused_and_not_kept(tmp_path: Path, data: bytes, words: str) -> None:
    take_image(tmp_path, "left", png(SAMPLE.left), LIMITS.max_pixels)
    with pytest.raises(FormatError, match=words) as caught:
        take_image(tmp_path, "left", data, LIMITS.max_pixels)
    assert str(caught.value).startswith("the left image")
    assert str(tmp_path) not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_two_sizes_are_no_pair(events: Events, session: Session) -> None:
    with session.folder() as folder:
        take_image(folder, "right", png(SAMPLE.right[:-2]), LIMITS.max_pixels)
    assert "64" in (events.compute("page", EMPTY).status or "")
    assert "problem" in (events.compute("page", EMPTY).status or "")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"focal_length": "100"}, "'baseline, m' is empty"),
        ({"focal_length": "none", "baseline": "1"}, "'none', expected a number above 0"),
        ({"focal_length": "-1", "baseline": "1"}, "above 0"),
        ({"focal_length": "1e999", "baseline": "1"}, "expected a number"),
        ({"focal_length": "100", "baseline": "1", "cx": "3"}, "cx and cy"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        calibration_of(EMPTY | fields)


def test_fields_hold_a_calibration() -> None:
    assert calibration_of(EMPTY) is None
    fields = EMPTY | {"focal_length": "721.5377", "baseline": "0.54", "cx": "609.5", "cy": "172.8"}
    calibration = calibration_of(fields)
    assert calibration is not None
    assert calibration_of(fields_of(calibration)) == calibration


def test_a_calibration_file_is_read_for_the_left_image(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="left image first"):
        read_left_size(tmp_path, LIMITS.max_pixels)
    take_image(tmp_path, "left", png(SAMPLE.left), LIMITS.max_pixels)
    size = read_left_size(tmp_path, LIMITS.max_pixels)
    assert size == (40, 64)
    with pytest.raises(DataError, match="first calibration file before"):
        take_calibration(tmp_path, SECOND, b"", size, LIMITS.max_pixels)
    with pytest.raises(DataError, match=r"^the calibration file"):
        take_calibration(tmp_path, FIRST, b"nothing of the kind", size, LIMITS.max_pixels)
    with pytest.raises(DataError, match=r"^images\.txt: no such file"):
        take_calibration(tmp_path, FIRST, COLMAP["cameras.txt"].encode(), size, LIMITS.max_pixels)
    filed = take_calibration(tmp_path, FIRST, MIDDLEBURY.encode(), (480, 640), 640 * 480)
    assert (filed.calibration, filed.unrectified) == (CALIBRATION, False)


def euroc_file(x: float, k1: float) -> bytes:
    """One camera of two, as EuRoC has it, for images of 240×160 px; it looks 3° down."""
    return f"""T_BS:
  cols: 4
  rows: 4
  data: [1, 0, 0, {x}, 0, 0.99863, -0.05234, 0, 0, 0.05234, 0.99863, 0, 0, 0, 0, 1]
resolution: [240, 160]
camera_model: pinhole
intrinsics: [200, 200, 120, 80]
distortion_model: radial-tangential
distortion_coefficients: [{k1}, 0, 0, 0]
""".encode()


def test_two_files_of_unrectified_cameras_rectify_the_pair(tmp_path: Path) -> None:
    limits = Limits()
    sessions = Sessions(tmp_path, limits)
    events = Events(Predictor(StereoNetwork(tiny_model()), confidence=True), sessions, limits)
    events.open("page")
    session = sessions.of_page("page")
    image = textured_sample(160, 240, 0).left
    with session.folder() as folder:
        for side in ("left", "right"):
            take_image(folder, side, png(image), limits.max_pixels)
    assert "takes a calibration file of both" in (events.compute("page", EMPTY, rectify=True).status or "")
    with session.folder() as folder:
        with pytest.raises(DataError, match="the calibration file: describes one camera of two"):
            take_calibration(folder, FIRST, euroc_file(0, -0.3), (160, 240), limits.max_pixels)
        session.filed = take_calibration(folder, SECOND, euroc_file(0.1, -0.1), (160, 240), limits.max_pixels)
    told = events.use_file("page")
    assert told.rectify is True
    assert told.fields is not None
    assert told.fields["baseline"] == "0.1"
    status = events.compute("page", told.fields, rectify=True).status or ""
    assert "240 × 160 px" in status
    with session.folder() as folder:
        seen = cv2.imread(str(folder / "matched.png"))
        assert seen is not None
        assert np.abs(seen.astype(int) - image).mean() > 5  # bent, so that it is another image
    with session.folder() as folder:
        take_image(folder, "left", png(image[:-16]), limits.max_pixels)
        take_image(folder, "right", png(image[:-16]), limits.max_pixels)
    assert "240×144" in (events.compute("page", told.fields, rectify=True).status or "")


def test_what_is_amiss_with_a_pair_is_told_and_black_borders_have_no_points(events: Events, sessions: Sessions) -> None:
    events.open("page")
    session = sessions.of_page("page")
    noise = cv2.GaussianBlur(np.random.default_rng(1).random((100, 120), np.float32), (0, 0), 1.5)
    gray = (20 + 235 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)
    left = np.repeat(gray[..., None], 3, axis=2)
    left[:10] = 0
    with session.folder() as folder:
        take_image(folder, "left", png(left), LIMITS.max_pixels)
        take_image(folder, "right", png(np.roll(left, (7, -3), axis=(0, 1))), LIMITS.max_pixels)
    status = events.compute("page", EMPTY | {"focal_length": "100", "baseline": "1"}).status or ""
    assert "looks unrectified: 7" in status
    assert "black border" in status
    assert session.calibration is not None
    with session.folder() as folder:
        points = cloud_of(folder, session.calibration).points
        assert len(points)
        assert (100 * points[:, 1] / points[:, 2]).min() > 10 - 49.5 - 1e-3  # rows by the pinhole, from the tenth on
