"""The page in a real browser: Gradio, Playwright and Debian's chromium, where they are installed."""

import shutil
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers import textured_sample, tiny_model
from helpers.visitor import Visitor, serving

from stereo.data.formats import read_disparity
from stereo.data.formats.ply import read_ply
from stereo.methods.predictor import Predictor
from stereo.model.network import StereoNetwork
from stereo.page import events, results
from stereo.page.inputs import FIELDS
from stereo.page.limits import Limits

pytest.importorskip("gradio")
uvicorn = pytest.importorskip("uvicorn")
playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")]

SAMPLE = textured_sample(48, 80, 6)
WAIT = 60_000  # ms
CALIBRATION = b"cam0=[100 0 39.5; 0 100 23.5; 0 0 1]\ncam1=[100 0 39.5; 0 100 23.5; 0 0 1]\ndoffs=0\nbaseline=100\n"


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def sensor(x: float) -> bytes:
    """One camera of two, as EuRoC has it."""
    return f"""T_BS: {{rows: 4, cols: 4, data: [1, 0, 0, {x}, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]}}
resolution: [80, 48]
camera_model: pinhole
intrinsics: [100, 100, 39.5, 23.5]
distortion_model: radial-tangential
distortion_coefficients: [-0.1, 0, 0, 0]
""".encode()


def bomb() -> bytes:
    """A PNG of 9000×9000 px in 80 kB, every checksum right."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 9000, 9000, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(9000 * 9001), 9)),
        (b"IEND", b""),
    ]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    from stereo.page.server import HOST, build_app

    predictor = Predictor(StereoNetwork(tiny_model()), confidence=True)
    app = build_app(predictor, root, Limits(max_bytes=2_000_000))
    listening = socket.create_server((HOST, 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1, ws="none"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield f"http://{HOST}:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    page = open_page(browser, address)
    yield page
    page.close()


def open_page(browser: Any, address: str, **options: Any) -> Any:
    page = browser.new_page(**options)
    page.set_default_timeout(WAIT)
    page.goto(address)
    page.locator("stereo-upload input").nth(3).wait_for(state="attached")
    return page


def upload(page: Any, place: int, name: str, data: bytes) -> str:
    """Give a file to one of the four places, and return what the page says to it."""
    hint = page.locator("stereo-upload .hint").nth(place)
    with page.expect_response(lambda response: "/sessions/" in response.url and response.request.method == "POST"):
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
        page.locator("stereo-upload input").nth(place).set_input_files(file)
    page.wait_for_function("hint => hint.textContent !== 'Sending …'", arg=hint.element_handle())
    return str(hint.inner_text())


def compute(page: Any) -> None:
    upload(page, 0, "left.png", png(SAMPLE.left))
    upload(page, 1, "right.png", png(SAMPLE.right))
    page.click("#run")
    page.locator("stereo-view .stage canvas").wait_for()


def test_from_a_pair_to_depth_and_files(page: Any, tmp_path: Path) -> None:
    compute(page)
    assert "80 × 48 px" in page.inner_text("#status")
    read_out = page.locator("stereo-view .read-out")
    canvas = page.locator("stereo-view .stage canvas")
    page.wait_for_function("canvas => canvas.getRootNode().host.values", arg=canvas.element_handle())
    canvas.hover(position={"x": 50, "y": 50})
    assert " px · confidence" in read_out.inner_text()
    upload(page, 2, "calib.txt", CALIBRATION)
    link = page.locator("stereo-view a.download", has_text="points")
    link.wait_for()
    canvas.hover(position={"x": 60, "y": 60})
    assert " m · confidence" in read_out.inner_text()
    assert page.input_value("#focal-length textarea") == "100"
    files = {}
    for number in range(3):
        with page.expect_download() as started:
            page.locator("stereo-view a.download").nth(number).click()
        files[started.value.suggested_filename] = tmp_path / started.value.suggested_filename
        started.value.save_as(files[started.value.suggested_filename])
    exact, _ = read_disparity(files["disparity.pfm"])
    assert exact.shape == (48, 80)
    assert len(read_ply(files["cloud.ply"])[0]) > 0
    stored = cv2.imread(str(files["disparity.png"]), cv2.IMREAD_UNCHANGED)
    assert stored is not None
    assert np.abs(stored / 256 - exact).max() <= 1 / 256
    page.fill("#baseline textarea", "none")
    page.locator("#note .problem").wait_for()
    assert "'none', expected a number above 0" in page.inner_text("#note")


def test_two_calibration_files_rectify_the_pair(page: Any) -> None:
    compute(page)
    assert "one camera of two" in upload(page, 2, "left.yaml", sensor(0.0))
    assert "are rectified before" in upload(page, 3, "right.yaml", sensor(0.1))
    page.wait_for_function("document.querySelector('#rectify input').checked")
    assert page.input_value("#baseline textarea") == "0.1"
    assert page.locator("stereo-upload .hint.wrong").count() == 0
    page.click("#run")
    page.locator("stereo-view .stage canvas").wait_for()
    assert "80 × 48 px" in page.inner_text("#status")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (png(SAMPLE.left)[:500], "truncated"),
        (b"not an image", "is not an image that can be read"),
        (b"", "is empty"),
        (bomb(), "9000×9000"),
    ],
    ids=["truncated", "text", "empty", "bomb"],
)
def test_a_bad_upload_gets_a_sentence(page: Any, root: Path, data: bytes, sentence: str) -> None:
    answer = upload(page, 0, "left.png", data)
    assert answer.startswith("The left image: ")
    assert sentence in answer
    assert str(root) not in answer
    page.click("#run")
    page.locator("#status .problem").wait_for()
    assert page.inner_text("#status").startswith("The left image is missing")


def test_two_sizes_and_too_large_files_get_a_sentence(page: Any) -> None:
    upload(page, 0, "left.png", png(SAMPLE.left))
    upload(page, 1, "right.png", png(SAMPLE.right[:, :-8]))
    page.click("#run")
    page.locator("#status .problem").wait_for()
    assert "80×48 but the right one is 72×48" in page.inner_text("#status")
    file = {"name": "left.png", "mimeType": "image/png", "buffer": bytes(2_000_001)}
    page.locator("stereo-upload input").first.set_input_files(file)
    page.locator("stereo-upload .hint.wrong").wait_for()
    assert "larger than" in page.locator("stereo-upload .hint.wrong").inner_text()


@pytest.mark.parametrize("name", ["../../../left.png", "<img src=x onerror=alert(1)>.png", "..", "a" * 300])
def test_a_name_is_shown_and_goes_nowhere(page: Any, root: Path, name: str) -> None:
    dialogs: list[Any] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog))  # Playwright cannot take a built-in method
    before = {path.name for path in root.parent.rglob("*")}
    assert upload(page, 0, name, png(SAMPLE.left)).endswith(", 80 × 48 px")
    assert {path.name for path in root.parent.rglob("*")} - before <= {"left", "left.jpg"}
    assert not dialogs


def test_nothing_is_asked_of_another_computer(browser: Any, address: str) -> None:
    asked: list[str] = []
    context = browser.new_context()
    context.on("request", lambda request: asked.append(request.url))
    page = open_page(context, address)
    page.click("#example")
    page.locator("stereo-view .cloud canvas").wait_for()
    context.close()
    assert len(asked) > 20
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]


@pytest.mark.timeout(900)  # of twenty browsers' start, on two cores
def test_twenty_pages_at_once(browser: Any, address: str, root: Path) -> None:
    pages = [open_page(browser, address) for _ in range(20)]
    keys = {page.locator("stereo-upload").first.get_attribute("data-address").split("/")[1] for page in pages}
    assert len(keys) == 20
    for page in pages:
        upload(page, 0, "left.png", png(SAMPLE.left))
        upload(page, 1, "right.png", png(SAMPLE.right))
    for page in pages:
        page.click("#run")
    for page in pages:
        page.locator("stereo-view .stage canvas").wait_for()
        page.close()
    deadline = time.monotonic() + 30
    while keys & {path.name for path in root.iterdir()} and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not keys & {path.name for path in root.iterdir()}, "files of closed pages are still there"


def test_a_full_queue_gets_a_sentence(browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def match(*pair: Any) -> Any:
        begun.set()
        assert go_on.wait(WAIT / 1000)
        return results.match(*pair)

    monkeypatch.setattr(events, "match", match)
    predictor = Predictor(StereoNetwork(tiny_model()), confidence=True)
    with serving(predictor, tmp_path, Limits(max_waiting=1)) as port, ExitStack() as others:
        page = open_page(browser, f"http://127.0.0.1:{port}", viewport={"width": 390, "height": 800})
        for name in ("at work", "waiting"):
            visitor = Visitor(port, WAIT / 1000, name.replace(" ", ""))
            others.enter_context(visitor.staying())
            visitor.send("left", SAMPLE.left)
            visitor.send("right", SAMPLE.right)
            visitor.join("compute", [False, *[""] * len(FIELDS)])
            assert begun.wait(WAIT / 1000)
        page.click("#run")
        refusal = page.locator("#status .error")
        refusal.wait_for()
        assert "too many pairs are waiting" in refusal.evaluate("it => getComputedStyle(it, '::after').content")
        box, below = refusal.bounding_box(), page.locator("#status .sentence").bounding_box()
        assert box["y"] + box["height"] <= below["y"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.close()
        go_on.set()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(browser: Any, address: str, width: int, scheme: str) -> None:
    page = open_page(browser, address, viewport={"width": width, "height": 800}, color_scheme=scheme)
    compute(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (light == "rgb(255, 255, 255)") == (scheme == "light")
    page.close()
