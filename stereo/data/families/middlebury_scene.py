"""The files of a scene of Middlebury stereo: what they are called, and finding them."""

from dataclasses import dataclass, replace
from pathlib import Path

from stereo.data.families.folders import first_file
from stereo.data.pairs import PairFiles


@dataclass(frozen=True)
class Layout:
    """The names of a scene's files without suffix.

    scales: for 8-bit ground truth, pairs of (width, gray levels in one px); the first pair counts whose width is larger
        than the images'.
    """

    left: str
    right: str
    disparity: str
    disparity_right: str | None
    scales: tuple[tuple[float, float], ...] = ()

    @property
    def disparity_suffixes(self) -> tuple[str, ...]:
        return (".png", ".pgm") if self.scales else (".pfm",)


_ANY = float("inf")
# Widths of full, half and quarter size: 1800, 900, 450. The limits lie halfway between.
_SCALES_2003 = ((675, 4.0), (1350, 2.0), (_ANY, 1.0))
# Widths of full, half and third size: 1240–1396, 620–698, 413–465.
_SCALES_2005 = ((540, 3.0), (970, 2.0), (_ANY, 1.0))
_LAYOUT_2005 = Layout("view1", "view5", "disp1", "disp5", _SCALES_2005)

LAYOUTS = {
    2001: (
        Layout("im2", "im6", "disp2", "disp6", ((_ANY, 8.0),)),
        Layout("im0", "im1", "disp0", "disp1", ((_ANY, 8.0),)),  # map
        Layout("im3", "im4", "disp3", None, ((_ANY, 16.0),)),  # tsukuba, in either naming
        Layout("scene1.row3.col3", "scene1.row3.col4", "truedisp.row3.col3", None, ((_ANY, 16.0),)),
    ),
    2003: (
        Layout("im2", "im6", "disp2", "disp6", _SCALES_2003),
        Layout("imL", "imR", "disp2", "disp6", _SCALES_2003),
    ),
    2005: (_LAYOUT_2005,),
    2006: (_LAYOUT_2005,),
    2014: (
        Layout("im0", "im1", "disp0GT", "disp1GT"),  # MiddEval3
        Layout("im0", "im1", "disp0", "disp1"),
    ),
}
IMAGE_SUFFIXES = (".png", ".ppm", ".pgm")


def find_pair(
    folder: Path, name: str, layouts: tuple[Layout, ...], load_right_disparity: bool, with_truth: bool
) -> tuple[PairFiles, Layout] | None:
    """Return the pair in a scene's folder, complete or not; None if there is no left image."""
    incomplete: tuple[PairFiles, Layout] | None = None
    for layout in layouts:
        left = find_file(folder, layout.left, IMAGE_SUFFIXES)
        if left is None:
            continue
        right = find_file(folder, layout.right, IMAGE_SUFFIXES)
        disparity = find_file(folder, layout.disparity, layout.disparity_suffixes) if with_truth else None
        if right is not None and (disparity is not None or not with_truth):
            disparity_right = None
            if load_right_disparity and layout.disparity_right is not None:
                disparity_right = find_file(folder, layout.disparity_right, layout.disparity_suffixes)
            visible_mask = first_file(folder, ["mask0nocc.png"])
            files = PairFiles(name, left, right, disparity, disparity_right, visible_mask=visible_mask)
            if not layout.scales:
                files = replace(files, calibration=first_file(folder, ["calib.txt"]))
            return files, layout
        missing = layout.disparity if right else layout.right
        suffixes = layout.disparity_suffixes if right else IMAGE_SUFFIXES
        problem = (
            f"{left}: has no partner: looked for {folder / missing} with {' or '.join(suffixes)}; copy or "
            "download the missing file, or remove the incomplete scene"
        )
        expected = right or folder / f"{layout.right}{left.suffix}"
        incomplete = incomplete or (PairFiles(name, left, expected, problem=problem), layout)
    return incomplete


def find_file(folder: Path, stem: str, suffixes: tuple[str, ...]) -> Path | None:
    """Return the file of this stem with the first of the suffixes that is there; None if none is."""
    return first_file(folder, [stem + suffix for suffix in suffixes])
