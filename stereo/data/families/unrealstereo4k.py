"""UnrealStereo4K (Tosi et al., CVPR 2021): rendered places at 3840×2160; disparity is a float NPY in px."""

from stereo.data.families.layout import Layout, PairPaths

LAYOUT = Layout(
    family="unrealstereo4k",
    pairs=(
        PairPaths(
            left="{scene}/Image0/{frame}",
            right="{scene}/Image1/{frame}",
            truth="{scene}/Disp0/{frame}.npy",
            truth_right="{scene}/Disp1/{frame}.npy",
        ),
    ),
)
