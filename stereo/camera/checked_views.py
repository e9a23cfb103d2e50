"""Look at a pair for what would spoil it, before it is matched."""

from dataclasses import dataclass, field, replace

from stereo.camera.checks import (
    black_border,
    find_matches,
    largest_disparity,
    same_image,
    swapped_eyes,
    vertical_offset,
)
from stereo.camera.rig import RectifiedViews


@dataclass(frozen=True, eq=False)
class CheckedViews:
    """A pair and what its images show to be amiss.

    views: with the black borders that were found. warnings: sentences for the user, by kind. largest: disparity of
    the matches, px; None where too few were found, or nobody looked.
    """

    views: RectifiedViews
    warnings: dict[str, str] = field(default_factory=dict)
    largest: float | None = None


def check_views(views: RectifiedViews, *, vertical: bool = False) -> CheckedViews:
    """Return what is amiss with a pair: rows that do not fit, swapped eyes, one image twice, black borders.

    Args:
        views: Those that a rig has rectified have borders that are known.
        vertical: The views were turned: what is a row here is a column of the user's images.
    """
    matches = find_matches(views.left, views.right)
    rectified_here = views.left_shown is not None
    rows = vertical_offset(matches).sentence
    if rows is not None and vertical:
        rows = rows.replace("vertical", "horizontal")
    if rows is not None and rectified_here:
        rows = (
            rows.replace("this pair looks unrectified", "rows do not fit after rectification")
            + "; check that the calibration is of these cameras, and that both images were taken at once"
        )
    border = None
    if not rectified_here:
        left, right = black_border(views.left), black_border(views.right)
        border = left.sentence or right.sentence
        if border is not None:
            views = replace(views, left_shown=~left.mask, right_shown=~right.mask)
    sentences = {
        "rows": rows,
        "eyes": swapped_eyes(matches).sentence,
        "same": same_image(matches).sentence,
        "border": border,
    }
    found = {kind: sentence for kind, sentence in sentences.items() if sentence is not None}
    return CheckedViews(views, found, largest_disparity(matches))
