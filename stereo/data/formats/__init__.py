"""The file formats of stereo data: images, masks, maps of disparity and depth, point clouds and calibration.

Every reader raises FormatError for a file that is missing, unreadable, empty, truncated, damaged or of another type,
and checks that the file can hold what its header promises before memory is taken for it. Every writer writes the file
whole or not at all, and raises OutputError if it cannot.
"""

from stereo.data.formats.calibration import read_calibration, read_kitti_calibration
from stereo.data.formats.depth import read_depth_png16, write_depth_npy, write_depth_png16
from stereo.data.formats.disparity import (
    DISPARITY_SUFFIXES,
    read_disparity,
    read_pfm,
    write_disparity_png16,
    write_pfm,
)
from stereo.data.formats.images import IMAGE_SUFFIXES, read_image, read_mask, write_image
from stereo.data.formats.ply import read_ply, write_ply

__all__ = [
    "DISPARITY_SUFFIXES",
    "IMAGE_SUFFIXES",
    "read_calibration",
    "read_depth_png16",
    "read_disparity",
    "read_image",
    "read_kitti_calibration",
    "read_mask",
    "read_pfm",
    "read_ply",
    "write_depth_npy",
    "write_depth_png16",
    "write_disparity_png16",
    "write_image",
    "write_pfm",
    "write_ply",
]
