"""The guard: the page's own requests pass, and no other ones."""

import asyncio
import json
from typing import Any

import pytest

from stereo.page.guard import Guard, is_plain_event

KEY = "0123456789abcdef" * 2


def ask(method: str, path: str, body: bytes = b"") -> tuple[int, list[str]]:
    """Return the status of an answer, and the paths that reached what is behind the guard."""
    reached: list[str] = []
    answers: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        answers.append(message)

    asyncio.run(Guard(app)({"type": "http", "method": method, "path": path}, receive, send))
    headers = dict(answers[0]["headers"])
    assert b"content-security-policy" in headers
    return answers[0]["status"], reached


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/config"), ("GET", f"/sessions/{KEY}/colors.png"), ("POST", f"/sessions/{KEY}/left")],
)
def test_what_the_page_asks_for_passes(method: str, path: str) -> None:
    assert ask(method, path) == (200, [path])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/proxy=http://example.org"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/run/predict"),
        ("GET", "/assets/../../etc/passwd"),
        ("GET", f"/sessions/{KEY}/../{KEY}/left"),
        ("GET", "/sessions/short/left.jpg"),
        ("DELETE", f"/sessions/{KEY}/left"),
        ("OPTIONS", "/"),
    ],
)
def test_anything_else_is_not_there(method: str, path: str) -> None:
    assert ask(method, path) == (404, [])


def test_events_hold_plain_values_alone() -> None:
    assert ask("POST", "/gradio_api/queue/join", json.dumps({"data": [1, "two", None, True]}).encode())[0] == 200
    for data in ([{"path": "/etc/passwd"}], [["a"]], [{"url": "http://example.org"}]):
        assert ask("POST", "/gradio_api/queue/join", json.dumps({"data": data}).encode()) == (400, [])
    assert ask("POST", "/gradio_api/queue/join", b" " * 20_000) == (400, [])
    for body in (b"", b"[]", b"{", b"[" * 10_000):
        assert not is_plain_event(body)
