"""Twenty pages at once, some with hostile files: each gets its own result, in turn, and leaves nothing behind."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from helpers import textured_sample, tiny_model
from helpers.visitor import Visitor, serving

from stereo.data.formats import read_pfm
from stereo.data.sample import Image
from stereo.methods.predictor import Predictor
from stereo.methods.result import StereoResult
from stereo.model.network import StereoNetwork
from stereo.page import events, results
from stereo.page.inputs import FIELDS
from stereo.page.limits import Limits

pytest.importorskip("gradio")
pytestmark = pytest.mark.slow

PAGES = 20
SECONDS = 120  # for each request, on a busy machine
# Of sizes of their own, so that no result can pass for another page's.
SAMPLES = [textured_sample(40, 64 + number, 6, number) for number in range(PAGES)]
# What some give for the left image.
HOSTILE = {3: b"", 7: b"not an image", 12: b"\x89PNG\r\n\x1a\n" + bytes(100), 19: b"<svg onload=alert(1)>"}


def test_twenty_pages_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    predictor = Predictor(StereoNetwork(tiny_model()), confidence=True)
    all_joined, at_work = threading.Event(), threading.Lock()

    def match(predictor: Predictor, left: Image, right: Image) -> tuple[StereoResult, float]:
        assert all_joined.wait(SECONDS)
        assert at_work.acquire(blocking=False), "two pairs are matched at one time"
        try:
            return results.match(predictor, left, right)
        finally:
            at_work.release()

    def begin(number: int) -> None:
        visitor, sample = visitors[number], SAMPLES[number]
        visitor.send("right", sample.right)
        if number in HOSTILE:
            status, answer = visitor.ask("POST", f"{visitor.address}/left", HOSTILE[number])
            assert status == 400
            assert json.loads(answer)["problem"].startswith("the left image: ")
        else:
            visitor.send("left", sample.left)
        visitor.join("compute", [False, *[""] * len(FIELDS)])

    monkeypatch.setattr(events, "match", match)
    with serving(predictor, root, Limits()) as port, ThreadPoolExecutor(PAGES) as pool, ExitStack() as open_pages:
        visitors = list(pool.map(lambda number: Visitor(port, SECONDS, f"page{number}"), range(PAGES)))
        for visitor in visitors:
            open_pages.enter_context(visitor.staying())
        list(pool.map(begin, range(PAGES)))
        all_joined.set()
        said = list(pool.map(lambda visitor: visitor.outcome(), visitors))
        for number, (visitor, sample) in enumerate(zip(visitors, SAMPLES, strict=True)):
            status, content = visitor.ask("GET", f"{visitor.address}/disparity.pfm")
            if number in HOSTILE:
                assert "left image is missing" in said[number]
                assert status == 404
                continue
            assert f"{64 + number} × 40 px" in said[number]
            path = tmp_path / "disparity.pfm"
            path.write_bytes(content)
            np.testing.assert_array_equal(read_pfm(path), predictor.predict(sample.left, sample.right))
        # Each was told how many were before it, the last that nearly all were.
        places = [max(map(int, re.findall(r'"rank":(\d+)', text))) for text in said]
        assert max(places) >= PAGES - len(HOSTILE) - 2
        assert {path.name for path in root.iterdir()} >= {visitor.key for visitor in visitors}
        open_pages.close()
        deadline = time.monotonic() + SECONDS
        while (left := {visitor.key for visitor in visitors} & {path.name for path in root.iterdir()}) and (
            time.monotonic() < deadline
        ):
            time.sleep(0.05)
        assert not left, "files of closed pages are still there"
    assert not caplog.records, caplog.text
