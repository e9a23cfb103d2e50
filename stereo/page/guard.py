"""Lets only those requests through to Gradio that the page itself makes.

Gradio has addresses that serve files by path, fetch from other servers for whoever asks, take uploads and run functions
by name. The page needs none of them.
"""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Ours, and of Gradio's: the page with its code and styles, and the queue of events.
_PATHS = {
    "GET": re.compile(
        r"/|/page/[\w.]+|/sessions/[0-9a-f]{32}/[\w.]+|/config/?|/theme\.css|/favicon\.ico|/manifest\.json"
        r"|/(assets|static)/[\w./-]+|/gradio_api/(queue/data|heartbeat/\w+|startup-events|theme\.css)"
    ),
    "POST": re.compile(r"/sessions/[0-9a-f]{32}/[\w.]+|/gradio_api/(queue/join|cancel|reset)/?"),
}
_PATHS["HEAD"] = _PATHS["GET"]
# An event of ours is a list of a few numbers.
_MAX_EVENT = 16_384

# Gradio's own code needs inline scripts and `eval`. Nothing comes from, or goes to, another server.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


class Guard:
    """An ASGI application before another one.

    Args:
        app: What answers the requests that are let through.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # a WebSocket
            await send({"type": "websocket.close"})
            return
        allowed = _PATHS.get(scope["method"])
        if allowed is None or not allowed.fullmatch(scope["path"]) or ".." in scope["path"]:
            await _refuse(send, 404, "there is no such page")
            return
        if scope["path"].startswith("/gradio_api/") and scope["method"] == "POST":
            body = await _read(receive, _MAX_EVENT)
            if body is None or not is_plain_event(body):
                await _refuse(send, 400, "this is no event of the page")
                return
            receive = _again(body, receive)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def is_plain_event(body: bytes) -> bool:
    """Return whether the inputs of an event are numbers, short texts and the like, as those of the page are.

    What says that it is a file would make Gradio open a path, or fetch from an address.
    """
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return False
    inputs = event.get("data") if isinstance(event, dict) else None
    return isinstance(event, dict) and all(
        value is None or isinstance(value, bool | int | float | str) for value in (inputs or [])
    )


async def _read(receive: Receive, most: int) -> bytes | None:
    """Return the body of a request; None where it is longer than `most` bytes, or the client is gone."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or len(body) > most:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was already read, and then what comes after it."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return left.pop() if left else await receive()

    return next_message


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"problem": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
