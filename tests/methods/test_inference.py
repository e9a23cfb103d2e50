"""Pairs become files: what is checked, labeled, turned, put together and left out on the way."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from helpers import textured_sample
from PIL import Image as PilImage

from stereo.camera.rig import Rig
from stereo.data.formats import read_pfm, read_ply
from stereo.data.image_pairs import ImagePair
from stereo.data.sample import Calibration, Image, StereoSample
from stereo.errors import DataError
from stereo.methods.inference import Failed, Inference, Inferred, Skipped
from stereo.methods.labels import Label
from stereo.methods.method import Prediction
from stereo.methods.outputs import Cloud, Outputs
from stereo.methods.sgbm import Sgbm
from stereo.methods.summary import Summary
from stereo.methods.variants import Scaled


class Constant:
    """Predicts one disparity, and remembers how many pairs it got at once."""

    name = "constant"
    settings: Mapping[str, Any] = {}
    device: torch.device | None = None
    max_disparity: int | None = 64

    def __init__(self, disparity: float = 4.0) -> None:
        self.disparity = disparity
        self.batches: list[int] = []

    def predict_sample(self, sample: StereoSample) -> Prediction:
        return self.predict_samples([sample])[0]

    def predict_samples(self, samples: Sequence[StereoSample]) -> list[Prediction]:
        self.batches.append(len(samples))
        size = samples[0].left.shape[:2]
        plane = np.full(size, self.disparity, np.float32)
        return [Prediction(plane, np.ones(size, np.float32), plane) for _ in samples]


def pair_of(left: Image, right: Image, name: str = "a") -> ImagePair:
    return ImagePair(name, lambda: (left, right))


def broken() -> tuple[Image, Image]:
    raise DataError("is broken")


def textured(height: int = 200, width: int = 320, shift: int = 8) -> tuple[Image, Image]:
    """Smooth texture, as features need it."""
    noise = np.random.default_rng(1).random((height, width + shift), np.float32)
    coarse = cv2.GaussianBlur(noise, (0, 0), 2.0)
    gray = (255 * (coarse - coarse.min()) / np.ptp(coarse)).astype(np.uint8)
    image = np.repeat(gray[..., None], 3, axis=2)
    return image[:, :width].copy(), image[:, shift:].copy()


def run(inference: Inference, pairs: Sequence[ImagePair]) -> Summary:
    summary = Summary()
    for outcome in inference.run(pairs):
        summary.add(outcome)
    return summary


def warnings_of(tmp_path: Path, left: Image, right: Image, **options: Any) -> dict[str, str]:
    inference = Inference(Constant(), tmp_path, Outputs(("npy",), preview=None), **options)
    (done,) = run(inference, [pair_of(left, right)]).done
    return done.warnings


def test_pairs_of_one_size_in_a_row_are_predicted_at_once_and_given_in_order(tmp_path: Path) -> None:
    sizes = [(32, 40), (32, 40), (32, 40), (32, 50), (32, 40)]
    pairs = [
        pair_of(np.zeros((*size, 3), np.uint8), np.zeros((*size, 3), np.uint8), str(number))
        for number, size in enumerate(sizes)
    ]
    pairs.insert(1, ImagePair("broken", broken))
    method = Constant()
    inference = Inference(method, tmp_path, Outputs(("npy",), preview=None), check=False, batch=2)
    outcomes = list(inference.run(pairs))
    assert method.batches == [2, 1, 1, 1]
    assert [outcome.name for outcome in outcomes if isinstance(outcome, Inferred)] == list("01234")
    assert [outcome for outcome in outcomes if isinstance(outcome, Failed)] == [Failed("broken", "is broken")]
    assert np.load(tmp_path / "3/disparity.npy").shape == (32, 50)


def test_pairs_that_do_not_fit_together_are_predicted_one_by_one(tmp_path: Path) -> None:
    class Small(Constant):
        def predict_samples(self, samples: Sequence[StereoSample]) -> list[Prediction]:
            if len(samples) > 1 or samples[0].name == "1":
                raise DataError("does not fit into memory")
            return super().predict_samples(samples)

    image = np.zeros((32, 40, 3), np.uint8)
    inference = Inference(Small(), tmp_path, Outputs(("npy",), preview=None), check=False, batch=3)
    summary = run(inference, [pair_of(image, image, name) for name in "012"])
    assert [pair.name for pair in summary.done] == ["0", "2"]
    assert summary.failed == [Failed("1", "does not fit into memory")]


def test_a_source_may_be_endless_and_is_read_as_it_goes(tmp_path: Path) -> None:
    image = np.zeros((32, 40, 3), np.uint8)

    def frames() -> Any:
        for number in range(10**9):
            yield pair_of(image, image, f"{number:06d}")

    stream = Inference(Constant(), tmp_path, Outputs(("npy",), preview=None), check=False).run(frames())
    assert [next(stream).name for _ in range(3)] == ["000000", "000001", "000002"]


def test_pairs_whose_files_are_there_are_not_read(tmp_path: Path) -> None:
    inference = Inference(Constant(), tmp_path, Outputs(("npy",), preview=None), check=False, skip_existing=True)
    image = np.zeros((32, 40, 3), np.uint8)
    run(inference, [pair_of(image, image)])
    assert list(inference.run([ImagePair("a", broken), ImagePair("b", broken)])) == [
        Skipped("a"),
        Failed("b", "is broken"),
    ]


def test_a_good_pair_draws_no_warning(tmp_path: Path) -> None:
    assert warnings_of(tmp_path, *textured()) == {}


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda left, right: (left, np.roll(right, 6, axis=0)), "rows", "looks unrectified: 6.0 px median vertical"),
        (lambda left, right: (right, left), "eyes", "the right image seems to be the left one"),
        (lambda left, right: (left, left), "same", "the two images seem to be one and the same"),
    ],
)
def test_a_pair_that_cannot_be_matched_is_said_to_be_so(
    tmp_path: Path, change: Callable[[Image, Image], tuple[Image, Image]], kind: str, message: str
) -> None:
    left, right = change(*textured())
    found = warnings_of(tmp_path, left, right)
    assert message in found[kind]
    assert warnings_of(tmp_path, left, right, check=False) == {}


def test_black_borders_are_found_and_labeled_in_both_views(tmp_path: Path) -> None:
    left, right = textured()
    left, right = np.maximum(left, 20), np.maximum(right, 20)
    left[:20] = 0
    right[:, -40:] = 0
    inference = Inference(Constant(8.0), tmp_path, Outputs(("npy",), labels=True, preview=None))
    (done,) = run(inference, [pair_of(left, right)]).done
    assert "black border" in done.warnings["border"]
    labels = np.asarray(PilImage.open(tmp_path / "a/labels.png"))
    expected = np.zeros((200, 320), bool)
    expected[:20] = expected[:, :8] = True
    expected[:, 320 - 40 + 8 :] = True  # whose matches are black
    np.testing.assert_array_equal(labels == Label.BORDER, expected)


def test_what_has_a_label_is_filled_but_the_cloud_shows_what_was_measured(tmp_path: Path) -> None:
    class Doubtful(Constant):
        def predict_samples(self, samples: Sequence[StereoSample]) -> list[Prediction]:
            (one,) = super().predict_samples(samples)
            assert one.confidence is not None
            one.disparity[:, 20:25] = 9
            one.confidence[:, 20:25] = 0.1
            return [one]

    outputs = Outputs(("npy",), fill=True, preview=None, cloud=Cloud(max_jump=None))
    inference = Inference(
        Doubtful(), tmp_path, outputs, rig=Rig(calibration=Calibration(100, 0.1, 0, 29.5, 19.5)), check=False
    )
    image = np.zeros((40, 60, 3), np.uint8)
    run(inference, [pair_of(image, image)])
    assert (np.load(tmp_path / "a/disparity.npy") == 4).all()
    assert len(read_ply(tmp_path / "a/cloud.ply")[0]) == 40 * 55


def test_cameras_one_above_the_other_see_what_they_see_side_by_side(tmp_path: Path) -> None:
    """The pair lies on its side: the upper view's row y is the lower view's row y − d."""
    sample = textured_sample(64, 96, 6)
    upper, lower = (np.ascontiguousarray(np.rot90(view, -1)) for view in (sample.left, sample.right))
    np.testing.assert_array_equal(upper[6:], lower[:-6])
    inference = Inference(Sgbm(32), tmp_path, Outputs(("pfm",), preview=None), vertical=True, single=True, check=False)
    (done,) = run(inference, [pair_of(upper, lower)]).done
    disparity = read_pfm(tmp_path / "disparity.pfm")
    assert (done.height, done.width) == disparity.shape == upper.shape[:2] == (96, 64)
    assert np.median(np.abs(disparity[10:] - 6)) < 0.2


def test_a_range_too_small_at_a_scale_names_the_option_s_value_there(tmp_path: Path) -> None:
    scaled = Scaled(Constant(63.0), 0.5)  # 126 px of 128 at the images' size
    inference = Inference(scaled, tmp_path, Outputs(("npy",), preview=None), check=False)
    image = np.zeros((64, 600, 3), np.uint8)
    (done,) = run(inference, [pair_of(image, image)]).done
    assert "range of 128 px" in done.warnings["range"]
    assert done.warnings["range"].endswith("try --max-disparity 128")


def test_matches_beyond_the_range_are_told_though_the_map_does_not_reach_its_end(tmp_path: Path) -> None:
    left, right = textured(200, 400, 120)
    found = warnings_of(tmp_path, left, right)  # the method gives 4 of its 64 px everywhere
    message = r"disparities of 12\d px and more, .* range of 64 px: try --max-disparity 1(44|60), or --scale 0\.4\d$"
    assert re.search(message, found["range"])
    inference = Inference(Scaled(Constant(), 0.4), tmp_path, Outputs(("npy",), preview=None))  # up to 160 px
    assert run(inference, [pair_of(left, right)]).done[0].warnings == {}


def test_a_summary_says_each_thing_once_with_the_first_pair() -> None:
    def done(name: str, **warnings: str) -> Inferred:
        return Inferred(name, 1, 1, 0, 0, [], 0, ("in mm",), warnings)

    one, other = Summary(), Summary(skipped=2)
    one.add(done("a", rows="6 px"))
    other.add(done("b", rows="7 px", eyes="swapped"))
    both = Summary.of([one, other])
    assert both.warnings() == ["a and 1 more: 6 px", "b: swapped"]
    assert both.notes() == ["in mm"]
    assert (len(both.done), both.skipped) == (2, 2)
    assert one.warnings(single=True) == ["6 px"]
