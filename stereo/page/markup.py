"""The parts of the page that Gradio does not have, as HTML. `elements.js` has their behavior, the CSS their looks."""

from collections.abc import Mapping
from html import escape
from typing import Literal

from stereo.evaluation.page.colors import gradients
from stereo.page.inputs import Side
from stereo.page.limits import Limits
from stereo.page.session import Session

Upload = Side | Literal["calibration", "second"]

_LABELS: dict[Upload, str] = {
    "left": "Left image",
    "right": "Right image",
    "calibration": "Calibration file",
    "second": "Second calibration file",
}
_HINTS: dict[Upload, str] = {
    "left": "PNG, JPEG, WebP, PPM or PGM",
    "right": "PNG, JPEG, WebP, PPM or PGM",
    "calibration": "calib.txt, YAML, XML or JSON; fills the fields above",
    "second": "of the right camera, or the extrinsics, where there are two",
}


def uploads(session: Session, limits: Limits, kinds: tuple[Upload, ...], *, shown: bool = False) -> str:
    """Return the places where files are chosen.

    Args:
        shown: The session has the images already: show them.
    """
    version = {"version": session.version} if shown else {}
    places = [
        _element(
            "stereo-upload",
            {
                "address": f"sessions/{session.key}/{kind}",
                "label": _LABELS[kind],
                "hint": _HINTS[kind],
                "max-bytes": limits.max_bytes,
                **version,
            },
        )
        for kind in kinds
    ]
    return f'<div class="uploads">{"".join(places)}</div>'


def view(session: Session) -> str:
    """Return the result of a session, to be looked at and downloaded; "" where there is none."""
    shown, calibration = session.shown, session.calibration
    if shown is None:
        return ""
    values: dict[str, float | str] = {
        "address": f"sessions/{session.key}",
        "version": session.version,
        "width": shown.width,
        "height": shown.height,
        "step": shown.step,
        "end": shown.end,
        "scale": gradients()["disparity"],
        "png": int(shown.has_png),
    }
    if calibration is not None:
        values["depth-factor"] = calibration.focal_length * calibration.baseline
        values["offset"] = calibration.disparity_offset
    return _element("stereo-view", values)


def sentence(text: str) -> str:
    """Return a sentence on how things stand."""
    return f'<p class="sentence" role="status">{escape(text)}</p>' if text else ""


def problem(text: str) -> str:
    """Return a sentence on what is wrong."""
    return f'<p class="sentence problem" role="alert">{escape(text[:1].upper() + text[1:])}.</p>'


def _element(name: str, values: Mapping[str, float | str]) -> str:
    attributes = "".join(f' data-{key}="{escape(str(value))}"' for key, value in values.items())
    return f"<{name}{attributes}></{name}>"
