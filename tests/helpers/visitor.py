"""The page's server in a thread, and its visitors: pages without a browser."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import cv2

from stereo.data.sample import Image
from stereo.methods.predictor import Predictor
from stereo.page.limits import Limits

HOST = "127.0.0.1"


@contextmanager
def serving(predictor: Predictor, root: Path, limits: Limits) -> Iterator[int]:
    """Serve the page, with its files in the folder, and yield the port. It needs Gradio."""
    import uvicorn

    from stereo.page.server import build_app

    app = build_app(predictor, root, limits)
    listening = socket.create_server((HOST, 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1, ws="none"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


class Visitor:
    """A page without a browser.

    Args:
        timeout: s, for each request.
        name: Of the page, which Gradio calls its session.
    """

    def __init__(self, port: int, timeout: float, name: str = "visitor") -> None:
        self.port = port
        self.timeout = timeout
        self.name = name
        config = json.loads(self.ask("GET", "/config")[1])
        # The functions of layout.py by their names, and how many inputs each takes.
        self.events = {event["api_name"]: event["id"] for event in config["dependencies"]}
        parts = self.event("open_page", [])
        self.key = parts.split("sessions/")[1][:32]
        self.address = f"/sessions/{self.key}"

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Send one request as it is; return the status and the content of the answer."""
        with closing(http.client.HTTPConnection(HOST, self.port, timeout=self.timeout)) as connection:
            connection.putrequest(method, path, skip_host="host" in headers, skip_accept_encoding=True)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def send(self, side: str, image: Image) -> None:
        """Upload a good image."""
        status, _ = self.ask("POST", f"{self.address}/{side}", cv2.imencode(".png", image[..., ::-1])[1].tobytes())
        assert status == 200

    def event(self, name: str, data: list[object]) -> str:
        """Let an event happen; return what comes of it as text."""
        self.join(name, data)
        return self.outcome()

    def join(self, name: str, data: list[object]) -> None:
        """Put an event into the queue."""
        words = {"data": data, "fn_index": self.events[name], "session_hash": self.name}
        status, _ = self.ask(
            "POST", "/gradio_api/queue/join", json.dumps(words).encode(), **{"content-type": "application/json"}
        )
        assert status == 200

    def outcome(self) -> str:
        """Wait for what comes of the events in the queue, and return it as text."""
        _, stream = self.ask("GET", f"/gradio_api/queue/data?session_hash={self.name}")
        return stream.decode().replace("\\/", "/").replace('\\"', '"')

    @contextmanager
    def staying(self) -> Iterator[Any]:
        """Keep the page open, as a browser does, and close it at the end."""
        with closing(http.client.HTTPConnection(HOST, self.port, timeout=self.timeout)) as connection:
            connection.request("GET", f"/gradio_api/heartbeat/{self.name}")
            with closing(connection.getresponse()) as answer:
                yield answer
