"""What attends to what, and the code by which positions are told apart.

Attention itself sees positions without an order. Here stands which of them meet in one softmax: all of the site, those
of one pixel along disparity, or those of one disparity slice.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from stereo.errors import ConfigError

# The longest wavelength is near 2π times this, in positions. Vaswani et al. have 10,000, for sentences; here an axis
# has 12 to 240 positions, and a head few channels for each axis.
LONGEST = 100.0

# From queries and keys [B, heads, K / heads, N] and values [B, heads, V / heads, N] to the shape of the values.
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
# From queries or keys [B, heads, K / heads, N] and the sizes of the axes whose product is N, to the same shape.
Code = Callable[[Tensor, Sequence[int]], Tensor]


# ------------------------------------------------------------------------------------------------- position codes


def add_sine(x: Tensor, grid: Sequence[int]) -> Tensor:
    """Return x [..., channels, N] plus sine and cosine of the position along each axis of the grid.

    Source: Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.5; several axes share the channels.
    """
    angles = _angles((x.shape[-2] + 1) // 2, grid, x)
    code = torch.stack([angles.sin(), angles.cos()], dim=1).flatten(0, 1)[: x.shape[-2]]
    return x + code.to(x.dtype)


def rotate(x: Tensor, grid: Sequence[int]) -> Tensor:
    """Return x [..., channels, N] with each pair of channels turned by an angle in proportion to the position.

    The product of a query and a key then depends on their distance alone. A last channel without a partner stays.

    Source: Su et al., "RoFormer", arXiv 2104.09864, section 3.2; several axes share the pairs.
    """
    pairs = x.shape[-2] // 2
    angles = _angles(pairs, grid, x)
    sine, cosine = angles.sin().to(x.dtype), angles.cos().to(x.dtype)
    first, second = x[..., 0 : 2 * pairs : 2, :], x[..., 1 : 2 * pairs : 2, :]
    turned = torch.stack([first * cosine - second * sine, first * sine + second * cosine], dim=-2)
    return torch.cat([turned.flatten(-3, -2), x[..., 2 * pairs :, :]], dim=-2)


def _angles(pairs: int, grid: Sequence[int], like: Tensor) -> Tensor:
    """Return the angle of each pair of channels at each position of the grid, [pairs, N].

    The axes take turns, so that each has as many pairs as the others or one more; along an axis the wavelengths rise
    geometrically from 2π.

    Raises: ConfigError where there are fewer pairs than axes.
    """
    if pairs < len(grid):
        raise ConfigError(
            f"attention: a position code needs 2 key channels for each of {len(grid)} axes in every head, got "
            f"{2 * pairs}; raise key_channels or lower num_heads"
        )
    dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
    axes = [torch.arange(size, dtype=dtype, device=like.device) for size in grid]
    coordinates = [axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij")]
    of_each_axis = -(-pairs // len(grid))
    frequencies = [LONGEST ** -(pair // len(grid) / of_each_axis) for pair in range(pairs)]
    return torch.stack([coordinates[pair % len(grid)] * frequency for pair, frequency in enumerate(frequencies)])


POSITION_CODES: dict[str, Code] = {"none": lambda x, grid: x, "sine": add_sine, "rope": rotate}


# -------------------------------------------------------------------------------------------- what attends to what


def over_volume(
    attend: Attend, code: Code, grid: Sequence[int], queries: Tensor, keys: Tensor, values: Tensor
) -> Tensor:
    """Return what each position attends to among all of them.

    Args:
        attend: The kind of attention.
        code: The position code.
        grid: Sizes of the spatial axes of the values: those of the whole site, (D, H, W) in the aggregation.
        queries, keys: [B, heads, K / heads, N].
        values: [B, heads, V / heads, N].
    """
    return attend(code(queries, grid), code(keys, grid), values)


def over_disparity(
    attend: Attend, code: Code, grid: Sequence[int], queries: Tensor, keys: Tensor, values: Tensor
) -> Tensor:
    """Return what each position attends to among the D of its own pixel; arguments as for :func:`over_volume`."""
    batch, bins = len(values), grid[0]

    def by_pixel(part: Tensor) -> Tensor:
        return part.unflatten(3, (bins, -1)).movedim(4, 1).flatten(0, 1)  # [B · H · W, heads, channels / heads, D]

    attended = attend(code(by_pixel(queries), (bins,)), code(by_pixel(keys), (bins,)), by_pixel(values))
    return attended.unflatten(0, (batch, -1)).movedim(1, 4).flatten(3)


def over_plane(
    attend: Attend, code: Code, grid: Sequence[int], queries: Tensor, keys: Tensor, values: Tensor
) -> Tensor:
    """Return what each position attends to within its disparity slice, by queries and keys that all slices share.

    Args:
        queries, keys: [B, heads, K / heads, H · W].
        The others as for :func:`over_volume`.
    """
    bins, plane = grid[0], grid[1:]
    slices = values.unflatten(3, (bins, -1)).flatten(2, 3)  # [B, heads, V / heads · D, H · W]: more values a position
    attended = attend(code(queries, plane), code(keys, plane), slices)
    return attended.unflatten(2, (-1, bins)).flatten(3)


OVER: dict[str, Callable[[Attend, Code, Sequence[int], Tensor, Tensor, Tensor], Tensor]] = {
    "volume": over_volume,
    "disparity": over_disparity,
    "plane": over_plane,
}
