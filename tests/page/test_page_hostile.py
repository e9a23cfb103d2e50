"""500 hostile inputs to the page: each is answered soon, in a sentence, and nothing lies outside its folder."""

import json
import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import textured_sample, tiny_model
from helpers.hostile import NAMES, hostile_calibrations, hostile_images
from helpers.visitor import Visitor, serving

from stereo.methods.predictor import Predictor
from stereo.model.network import StereoNetwork
from stereo.page.inputs import FIELDS
from stereo.page.limits import Limits

pytest.importorskip("gradio")

pytestmark = pytest.mark.slow

SAMPLE = textured_sample(40, 70, 6)
SECONDS = 20  # for each
# What no answer may hold: of our code, of our folders, of other files.
SECRETS = (b"Traceback", b'File "', b"root:", b"/tmp/", b"site-packages")
VALUES = ("nan", "inf", "-1", "0", "1e309", "1e-309", "١", "1_0", "0x10", "9" * 300, "<script>", "\x00", "é" * 30)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The port of a server, and the folder of its files."""
    root = tmp_path_factory.mktemp("served") / "root"
    root.mkdir()
    predictor = Predictor(StereoNetwork(tiny_model()), confidence=True)
    with serving(predictor, root, Limits(max_bytes=1_000_000)) as port:
        yield port, root


def requests(address: str) -> Iterator[tuple[str, str, bytes]]:
    """Requests that no page makes."""
    etc = ("etc/passwd", "../" * 8 + "etc/passwd", "%2e%2e%2f" * 8 + "etc%2fpasswd", "..%5c..%5cetc%5cpasswd")
    for place in ("/", "/assets/", "/static/", "/page/", "/file=/", "/gradio_api/file=/", f"{address}/", "/sessions/"):
        for path in etc:
            yield "GET", place + path, b""
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "X" * 100):
        yield method, f"{address}/left", b"x"
    for path in ("/gradio_api/upload", "/gradio_api/run/predict", "/gradio_api/call/compute", "/api/predict", "/login"):
        yield "POST", path, b'{"data": []}'
    for kind in ("left.jpg", "shown", "left%00", "calibrations", "%F0%9F%99%82", "a" * 3000):
        yield "POST", f"{address}/{kind}", b"x"
    for body in (b"", b"{", b"[" * 10_000, b"\xff\xfe", b'{"data": [{"path": "/etc/passwd"}]}', b'{"data": {"a": 1}}'):
        yield "POST", "/gradio_api/queue/join", body
    for query in ("nan", "inf", "-1", "1e999", "x", "", "1&confidence=2"):
        yield "GET", f"{address}/points?confidence={query}", b""
    for path in (f"/sessions/{'0' * 32}/values", f"{address[:-1]}/left", f"{address}/shown.png", f"{address}/left"):
        yield "GET", path, b""


@pytest.mark.timeout(1800)
def test_hostile_inputs_are_answered(served: tuple[int, Path], capsys: pytest.CaptureFixture[str]) -> None:
    port, root = served
    visitor = Visitor(port, SECONDS)
    given: list[tuple[str, str, str, bytes]] = []
    for kind, path, body in requests(visitor.address):
        given.append((f"{kind} {path[:60]}", kind, path, body))
    calibrations = list(hostile_calibrations(100))
    for kind, files in calibrations:
        for place, data in zip(("calibration", "second"), files, strict=False):
            given.append((f"calibration: {kind}", "POST", f"{visitor.address}/{place}", data))
    events = [(name, value) for value in VALUES for name in FIELDS]
    for number, (kind, data, _) in enumerate(hostile_images(SAMPLE.left, 500 - len(given) - len(events))):
        given.append((f"image: {kind}", "POST", f"{visitor.address}/{('left', 'right')[number % 2]}", data))
    for side in ("left", "right"):
        visitor.send(side, getattr(SAMPLE, side))
    outcomes: Counter[str] = Counter()
    wrong = []

    def note(kind: str, outcome: str, content: bytes, start: float) -> None:
        outcomes[outcome] += 1
        if time.monotonic() - start > SECONDS or any(secret in content for secret in SECRETS):
            wrong.append(f"{kind}: {outcome}, {content[:200]!r}")

    for kind, method, path, body in given:
        start = time.monotonic()
        status, content = visitor.ask(method, path, body, host=f"127.0.0.1:{port}")
        note(kind, str(status), content if method != "GET" or "etc" in path else b"", start)
        if status == 400 and path.startswith("/sessions/"):
            said = json.loads(content)["problem"]
            if not said.isprintable():
                wrong.append(f"{kind}: {said!r}")
        if status >= 500:
            wrong.append(f"{kind}: {status}")
    for side in ("left", "right"):
        visitor.send(side, getattr(SAMPLE, side))
    for name, value in events:
        start = time.monotonic()
        fields = {**dict.fromkeys(FIELDS, ""), "focal_length": "50", "baseline": "1", name: value}
        said = visitor.event("compute", [len(value) % 2 == 0, *fields.values()])
        outcome = "an event's sentence" if "problem" in said else "an event's result"
        note(f"{name} {value[:20]!r}", outcome, said.encode(), start)
        if "process_completed" not in said or "not your mistake" in said:
            wrong.append(f"{name} {value[:20]!r}: {said[-300:]}")
    with capsys.disabled():
        print(f"\n{dict(outcomes)}, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB at most")
    assert sum(outcomes.values()) == 500
    assert not wrong, "\n".join(wrong)
    assert visitor.ask("GET", "/")[0] == 200
    assert {path.name for path in root.parent.iterdir()} == {"root"}
    strangers = {path.name for path in root.rglob("*")} & set(NAMES)
    assert not strangers
