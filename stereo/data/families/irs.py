"""IRS (Wang et al., ICME 2021): rendered rooms, for robots. Disparity in px is EXR, which takes the library OpenEXR."""

from stereo.data.families.layout import Layout, PairPaths
from stereo.data.formats.encodings import read_exr

_ROOM = "{kind:Home|Office|Restaurant|Store}/{scene}/"

LAYOUT = Layout(
    family="irs",
    pairs=(PairPaths(left=_ROOM + "l_{frame}", right=_ROOM + "r_{frame}", truth=_ROOM + "d_{frame}.exr"),),
    read_truth=read_exr,
)
