"""The page as a server on this computer: Gradio, the files of each open page, and what keeps strangers out."""

import json
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from stereo.errors import DataError, StereoError
from stereo.methods.predictor import Predictor
from stereo.page.cameras import FIRST, SECOND, take_calibration
from stereo.page.events import Events
from stereo.page.guard import Guard
from stereo.page.inputs import SIDES, read_left_size, take_image
from stereo.page.limits import Limits
from stereo.page.results import cloud_of, ply_of, points_for_view
from stereo.page.session import Session, Sessions

_HERE = Path(__file__).parent
# This computer alone.
HOST = "127.0.0.1"
_OWN = {"elements.js": "text/javascript", "cloud.js": "text/javascript", "elements.css": "text/css"}
# What is shown of a session's files, and what is downloaded.
_PICTURES = ("left.jpg", "right.jpg", "image.jpg", "colors.png", "values")
_DOWNLOADS = ("disparity.pfm", "disparity.png")


def serve(predictor: Predictor, port: int, limits: Limits) -> None:
    """Serve the page until the process is interrupted; then delete all files.

    Args:
        predictor: With confidence.
        port: 0: any that is free.

    Raises: StereoError where the port is taken.
    """
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise StereoError(
            f"the page cannot be served at {HOST}:{port}: {error.strerror}; is it served already? use another --port"
        ) from None
    with listening, tempfile.TemporaryDirectory(prefix="stereo-page-") as root:
        app = build_app(predictor, Path(root), limits)
        print(f"The page is at http://{HOST}:{listening.getsockname()[1]}; Ctrl+C ends it.", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1, ws="none")).run(
            [listening]
        )


def build_app(predictor: Predictor, root: Path, limits: Limits) -> Guard:
    """Return the page as an ASGI application.

    Args:
        predictor: With confidence.
        root: An empty folder for the files of all open pages.
    """
    # Gradio reads these when it is imported: where its own files go, and that nothing is reported to its makers.
    os.environ["GRADIO_TEMP_DIR"] = str(root / "gradio")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr

    from stereo.page.layout import build_page

    sessions = Sessions(root, limits)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    _add_routes(app, sessions, limits)
    page = build_page(Events(predictor, sessions, limits), limits.max_waiting)
    fonts = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=HOST,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        show_error=False,
        max_file_size=0,
        pwa=False,
        theme=gr.themes.Default(primary_hue="blue", font=fonts, font_mono=["ui-monospace", "monospace"]),
        css_paths=_HERE / "style.css",
        head='<script type="module" src="page/elements.js"></script>',
    )
    return Guard(app)


def _add_routes(app: FastAPI, sessions: Sessions, limits: Limits) -> None:
    async def tell(request: Request, error: Exception) -> Response:
        return _json({"problem": str(error)}, 400)

    app.add_exception_handler(StereoError, tell)

    @app.get("/page/{name}")
    def script(name: str) -> Response:
        if name not in _OWN:
            return _json({"problem": "there is no such file"}, 404)
        return FileResponse(_HERE / name, media_type=_OWN[name], headers={"cache-control": "no-cache"})

    @app.post("/sessions/{key}/{kind}")
    async def upload(key: str, kind: str, request: Request) -> Response:
        session = sessions.of_key(key)
        data = await _body(request, limits.max_bytes)
        return _json(await run_in_threadpool(_take, session, kind, data, limits))

    @app.get("/sessions/{key}/{name}")
    def file(key: str, name: str, confidence: float = 0.0) -> Response:
        session = sessions.of_key(key)
        with session.folder() as folder:
            if name in (*_PICTURES, *_DOWNLOADS) and os.path.exists(folder / name):
                content = (folder / name).read_bytes()
            elif name in ("points", "cloud.ply") and session.shown is not None and session.calibration is not None:
                cloud = cloud_of(folder, session.calibration, confidence)
                content = ply_of(folder, cloud) if name == "cloud.ply" else points_for_view(cloud, limits.max_points)
            else:
                return _json({"problem": "there is no such file yet"}, 404)
        headers = {"cache-control": "no-store"}
        if name in (*_DOWNLOADS, "cloud.ply"):
            headers["content-disposition"] = f'attachment; filename="{name}"'
        return Response(
            content, media_type=_MEDIA_TYPES.get(Path(name).suffix, "application/octet-stream"), headers=headers
        )


_MEDIA_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}


def _take(session: Session, kind: str, data: bytes, limits: Limits) -> dict[str, Any]:
    """Keep an uploaded file; return what the page is told of it. Raises: StereoError."""
    with session.folder() as folder:
        if kind in (FIRST, SECOND):
            session.filed = None
            size = read_left_size(folder, limits.max_pixels)
            session.filed = take_calibration(folder, kind, data, size, limits.max_pixels)
            return {"note": session.filed.note}
        if kind not in SIDES:
            raise DataError(f"'{kind[:20]}' is none of {', '.join((*SIDES, FIRST, SECOND))}")
        height, width = take_image(folder, kind, data, limits.max_pixels)
        session.version += 1
        return {"height": height, "width": width, "version": session.version}


async def _body(request: Request, most: int) -> bytes:
    """Return the body of a request. Raises: DataError where it is longer than `most` bytes; the rest is not read."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise DataError(f"the file is larger than {most / 2**20:g} MB: make it smaller, or use scripts/infer.py")
    return bytes(body)


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(content), status, media_type="application/json", headers={"cache-control": "no-store"})
