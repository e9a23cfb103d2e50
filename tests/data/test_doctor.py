"""What the doctor says of one pair: of its ground truth, and of views that have none."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from helpers import textured_sample, truth_of, with_truth

from stereo.data.doctor import HISTOGRAM, ItemCheck, check_item, summarize
from stereo.data.sample import Image, SampleSource, StereoSample


class One:
    """A data set of one sample."""

    names = ("one",)

    def __init__(self, sample: StereoSample) -> None:
        self.sample = sample

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> StereoSample:
        return self.sample

    def source(self, index: int) -> SampleSource:
        return self.sample


def checked(sample: StereoSample) -> ItemCheck:
    return check_item(One(sample), 0)


def said(sample: StereoSample) -> str:
    return str(checked(sample).problem)


def plane(scale: float = 1.0) -> StereoSample:
    sample = textured_sample(64, 240, 6)
    return with_truth(sample, disparity=truth_of(sample).disparity * np.float32(scale))


def test_a_sound_pair() -> None:
    check = checked(plane())
    assert (check.problem, check.unconfirmed, check.known, check.largest) == (None, False, 64 * 240, 6)


def test_many_pairs_are_no_surer_of_the_scale_than_one() -> None:
    check = checked(plane())
    line = summarize([check])[1]
    assert line.startswith("by them, true disparities are 1.000 ± 0.0")
    assert summarize([check] * 100)[1] == line


def test_ground_truth_that_is_none() -> None:
    sample = plane()
    assert said(plane(0)).startswith("every disparity is 0")
    assert said(with_truth(sample, valid=np.zeros((64, 240), bool))) == "has no pixel with ground truth"
    noise = np.random.default_rng(1).integers(0, 256, (64, 240, 3), np.uint8)
    assert said(replace(sample, right=noise)).startswith("every disparity is 6 px, and the views do not confirm it")
    assert said(plane(-1)).startswith("most disparities are below 0")


def test_one_disparity_for_a_scene_of_two_planes() -> None:
    left, right = (view.copy() for view in (plane().left, plane().right))
    left[40:, 12:] = right[40:, :-12]  # 12 px there, 6 px above
    assert said(replace(plane(), left=left)).startswith("every disparity is 6 px, and the views do not confirm it")


@pytest.mark.parametrize("low", [-30.0, 0.0, 0.5, 17.0])
def test_the_histogram_is_that_of_numpy(low: float) -> None:
    disparity = np.random.default_rng(2).uniform(low, 220, (64, 240)).astype(np.float32)
    disparity[0, :5] = 1, 4, 16, 64, low
    known = np.random.default_rng(3).random((64, 240)) < 0.7
    for valid in (known, np.ones_like(known)):
        check = checked(with_truth(plane(), disparity=disparity, valid=valid))
        assert check.histogram == tuple(np.histogram(np.abs(disparity[valid]), HISTOGRAM)[0])
        assert (check.smallest, check.largest) == (disparity[valid].min(), disparity[valid].max())


@pytest.mark.parametrize("value", [240, 1000, 1e6])
def test_disparities_beyond_the_width(value: float) -> None:
    sample = plane()
    disparity = truth_of(sample).disparity.copy()
    assert (
        checked(with_truth(sample, disparity=np.where(np.arange(240) < 3, np.float32(239.9), disparity))).problem
        is None
    )
    disparity[:2, :5] = value
    assert said(with_truth(sample, disparity=disparity)).startswith(
        "10 of 15,360 disparities are as large as the image is"
    )


def views(left: Image, right: Image) -> StereoSample:
    return StereoSample(left, right)


def pair_without_truth() -> tuple[Image, Image]:
    noise = np.random.default_rng(0).random((260, 372), np.float32)
    coarse = cv2.GaussianBlur(noise, (0, 0), 2.5)
    gray = (255 * (coarse - coarse.min()) / np.ptp(coarse)).astype(np.uint8)
    canvas = np.repeat(gray[..., None], 3, axis=2)
    return canvas[:, :360].copy(), canvas[:, 12:].copy()


def test_views_without_ground_truth() -> None:
    left, right = pair_without_truth()
    assert checked(views(left, right)).problem is None
    assert not checked(views(left, right)).unconfirmed
    assert "the right image seems to be the left one" in said(views(right, left))
    assert "this pair looks unrectified" in said(views(left, np.roll(right, 5, axis=0)))
    assert "one and the same" in said(views(left, left))
    dark = (right * 0.3).astype(np.uint8)
    assert said(views(left, dark)).startswith("the left view is much brighter than the right one (mean gray levels")
    assert said(views(left, np.full_like(right, 7))) == "the right view shows one color only"
    assert checked(views(left, (right * 0.7).astype(np.uint8))).problem is None


def test_all_problems_of_views_are_named() -> None:
    left, right = pair_without_truth()
    problem = said(views((right * 0.3).astype(np.uint8), left))
    assert problem.startswith("the right image seems to be the left one")
    assert "the right view is much brighter than the left one" in problem
