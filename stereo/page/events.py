"""What happens on the page: an event in, the parts of the page that change out. No event raises."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stereo.camera.checked_views import check_views
from stereo.camera.rig import RectifiedViews
from stereo.errors import DataError, StereoError
from stereo.methods.predictor import Predictor
from stereo.page import markup
from stereo.page.cameras import FIRST, SECOND, rectified_views
from stereo.page.inputs import SIDES, calibration_of, fields_of, read_pair, take_example
from stereo.page.limits import Limits
from stereo.page.results import match, write_result
from stereo.page.session import Session, Sessions

# The text of each field of the calibration, by name; see stereo.page.inputs.FIELDS.
Fields = Mapping[str, str]
# Called with a share of the work, 0 … 1, and what is done next.
Report = Callable[[float, str], None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """The parts of the page that change, as HTML; None where one stays as it is.

    status: how things stand. view: the result. note: on the calibration. images, file: where they are chosen. fields:
    the calibration for the fields. rectify: whether the images are to be rectified first.
    """

    status: str | None = None
    view: str | None = None
    note: str | None = None
    images: str | None = None
    file: str | None = None
    fields: Fields | None = None
    rectify: bool | None = None


class Events:
    """The page's events. Each takes what Gradio calls the page.

    Args:
        predictor: With confidence.
    """

    def __init__(self, predictor: Predictor, sessions: Sessions, limits: Limits) -> None:
        self._predictor = predictor
        self._sessions = sessions
        self._limits = limits

    def open(self, page: str) -> Answer:
        """Give a page its session, and the places to choose files."""
        session = self._sessions.begin(page)
        return Answer(
            images=markup.uploads(session, self._limits, SIDES),
            file=markup.uploads(session, self._limits, (FIRST, SECOND)),
        )

    def close(self, page: str) -> None:
        """Delete what a page has."""
        self._sessions.end(page)

    def compute(
        self, page: str, fields: Fields, rectify: bool = False, report: Report = lambda share, text: None
    ) -> Answer:
        """Match the pair, rectified by the calibration file where that is asked, and show the result."""

        def work() -> Answer:
            session = self._sessions.of_page(page)
            report(0.05, "Reading the images")
            with session.folder() as folder:
                left, right = read_pair(folder, self._limits.max_pixels)
            report(0.1, "Checking the pair")
            views = RectifiedViews(left, right)
            if rectify:
                views = rectified_views(session.filed, left, right, self._limits.max_pixels)
            checked = check_views(views)
            left, right = checked.views.left, checked.views.right
            report(0.2, f"Matching {left.shape[1]} × {left.shape[0]} px")
            result, seconds = match(self._predictor, left, right)
            report(0.9, "Drawing the result")
            with session.folder() as folder:
                session.shown = write_result(folder, result, seconds, self._predictor.max_disparity, checked)
            session.version += 1
            return self._show(session, fields)

        return _told(work, lambda text: Answer(status=text))

    def calibrate(self, page: str, fields: Fields) -> Answer:
        """Show the result with the calibration of the fields."""
        return _told(lambda: self._show(self._sessions.of_page(page), fields), lambda text: Answer(note=text))

    def use_example(self, page: str) -> Answer:
        """Take the example pair and its calibration."""

        def work() -> Answer:
            session = self._sessions.begin(page)
            with session.folder() as folder:
                calibration = take_example(folder, self._limits.max_pixels)
            session.version += 1
            images = markup.uploads(session, self._limits, SIDES, shown=True)
            return Answer(images=images, fields=fields_of(calibration), rectify=False, note="")

        return _told(work, lambda text: Answer(status=text))

    def use_file(self, page: str) -> Answer:
        """Put what the calibration file says into the fields."""

        def work() -> Answer:
            filed = self._sessions.of_page(page).filed
            if filed is None:
                raise DataError("there is no calibration file yet: choose one")
            return Answer(fields=fields_of(filed.calibration), rectify=filed.unrectified)

        return _told(work, lambda text: Answer(note=text))

    def _show(self, session: Session, fields: Fields) -> Answer:
        shown = session.shown
        session.calibration, note = None, ""
        try:
            calibration = calibration_of(fields)
            if calibration is not None and shown is not None:
                calibration = calibration.for_image(shown.height, shown.width)
            session.calibration = calibration
        except StereoError as error:
            note = markup.problem(str(error))
        if shown is None:
            return Answer(note=note)
        return Answer(status=self._summary(session), view=markup.view(session), note=note)

    def _summary(self, session: Session) -> str:
        shown = session.shown
        assert shown is not None
        text = (
            f"{shown.width} × {shown.height} px, disparity {shown.lowest:.1f} … {shown.highest:.1f} px, matched in "
            f"{shown.seconds:.1f} s on {self._predictor.device}."
        )
        if shown.wider_range is not None:
            text += (
                f" The scene seems to reach beyond the network's range of {self._predictor.max_disparity} px: what is "
                f"nearer than that comes out wrong. Start the page with --max-disparity {shown.wider_range}."
            )
        return markup.sentence(text) + "".join(map(markup.problem, shown.warnings))


def _told(work: Callable[[], Answer], answer: Callable[[str], Answer]) -> Answer:
    """Return what `work` returns, or an answer with the sentence on what is wrong."""
    try:
        return work()
    except StereoError as error:
        return answer(markup.problem(str(error)))
    except Exception:  # a defect of ours: the terminal gets the traceback, the page a sentence
        _log.exception("The page failed")
        return answer(markup.problem("something failed here that is not your mistake; the terminal shows what"))
