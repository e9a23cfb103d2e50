"""The page in Gradio: what stands where, and which event changes what."""

from typing import Any

import gradio as gr

from stereo.page import markup
from stereo.page.events import Answer, Events
from stereo.page.inputs import FIELDS

TITLE = "Depth from two images"
_INTRO = f"""# {TITLE}
Choose the left and the right image of a rectified pair: a point of the scene lies in the same row of both. You get the
disparity and, with the camera's focal length and baseline, depth in meters and a point cloud. A pair that is not
rectified takes a calibration file of both cameras. All stays on this computer.
"""

# Where the queue was filled, a page waited for its fields in vain.
_CONNECTING = "Connecting … If this stays, too many are waiting here: load the page again in a minute."
_RECTIFY = "Rectify first, by the calibration file: the images are as the cameras took them"


def build_page(events: Events, max_waiting: int) -> gr.Blocks:
    """Return the page. Requests beyond `max_waiting` are refused."""
    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        gr.Markdown(_INTRO)
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                images = gr.HTML(markup.sentence(_CONNECTING), elem_id="images")
                with gr.Row():
                    example = gr.Button("Use an example pair", elem_id="example", min_width=120)
                    run = gr.Button("Compute disparity", variant="primary", elem_id="run", min_width=120)
                with gr.Accordion("Calibration, for depth in meters (optional)"):
                    with gr.Row():
                        fields = [_field("focal_length"), _field("baseline")]
                    file = gr.HTML(elem_id="file")
                    rectify = gr.Checkbox(label=_RECTIFY, elem_id="rectify")
                    note = gr.HTML(elem_id="note")
                    with gr.Accordion("Principal point and more", open=False):
                        with gr.Row():
                            fields += [_field("cx"), _field("cy")]
                        with gr.Row():
                            fields += [_field("disparity_offset"), _field("focal_length_y")]
            with gr.Column(scale=3, min_width=300):
                status = gr.HTML(markup.sentence("The result will be here."), elem_id="status")
                view = gr.HTML(elem_id="view")
        # elements.js presses it when a calibration file has arrived.
        filed = gr.Button("calibration file", elem_id="filed", visible="hidden")
        result = [status, view, note]

        def open_page(request: gr.Request) -> list[Any]:
            return _parts(events.open(request.session_hash), "images", "file")

        def close_page(request: gr.Request) -> None:
            events.close(request.session_hash)

        def compute(
            request: gr.Request,
            rectify: bool | None,
            *texts: str | None,
            progress: Any = gr.Progress(),  # noqa: B008
        ) -> list[Any]:
            answer = events.compute(
                request.session_hash, _named(texts), bool(rectify), lambda share, text: progress(share, desc=text)
            )
            return _parts(answer, "status", "view", "note")

        def calibrate(request: gr.Request, *texts: str | None) -> list[Any]:
            return _parts(events.calibrate(request.session_hash, _named(texts)), "status", "view", "note")

        def use_example(request: gr.Request) -> list[Any]:
            answer = events.use_example(request.session_hash)
            return [*_parts(answer, "images", "status", "note", "rectify"), *_texts(answer)]

        def use_file(request: gr.Request) -> list[Any]:
            answer = events.use_file(request.session_hash)
            return [*_parts(answer, "note", "rectify"), *_texts(answer)]

        # One pair at a time: the network takes all cores by itself.
        alone = {"concurrency_limit": 1, "concurrency_id": "network", "show_progress_on": status}
        page.load(open_page, None, [images, file], show_progress="hidden")
        page.unload(close_page)
        run.click(compute, [rectify, *fields], result, **alone)
        example.click(use_example, None, [images, status, note, rectify, *fields], show_progress="hidden").then(
            compute, [rectify, *fields], result, **alone
        )
        filed.click(use_file, None, [note, rectify, *fields], show_progress="hidden")
        for field in fields:
            field.change(calibrate, fields, result, show_progress="hidden", trigger_mode="always_last")
    page.queue(max_size=max_waiting, api_open=False)
    return page


def _field(name: str) -> gr.Textbox:
    # Gradio's own field for numbers cannot be empty.
    return gr.Textbox(label=FIELDS[name], elem_id=name.replace("_", "-"), min_width=100, max_length=30)


def _named(texts: tuple[str | None, ...]) -> dict[str, str]:
    """Return the text of each field by name; Gradio gives None for one that was never written to."""
    return {name: text or "" for name, text in zip(FIELDS, texts, strict=True)}


def _parts(answer: Answer, *names: str) -> list[Any]:
    """Return these parts of an answer for Gradio, which is to leave as it is what does not change."""
    parts = [getattr(answer, name) for name in names]
    return [gr.skip() if part is None else part for part in parts]


def _texts(answer: Answer) -> list[Any]:
    """Return what the fields are to show; they stay as they are where the answer has none."""
    return [gr.skip()] * len(FIELDS) if answer.fields is None else [answer.fields[name] for name in FIELDS]
