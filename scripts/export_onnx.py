"""Write a network as an ONNX file, and compare it with PyTorch in ONNX Runtime.

    python scripts/export_onnx.py compact --output compact.onnx
    python scripts/export_onnx.py CHECKPOINT --output FILE.onnx --size 544x960

It needs the extra `onnx` (pip install .[onnx]). Height and width stay open: multiples of 16, the width at least
max_disparity + 16; pad smaller images at the right and the bottom. docs/export.md has the inputs and outputs.
"""

from stereo.cli import run

import os
from pathlib import Path

from stereo.checkpoint import load_checkpoint
from stereo.config import check_max_disparity
from stereo.errors import ConfigError
from stereo.export import write_onnx
from stereo.options import script_parser


def main(argv: list[str] | None = None) -> int:
    parser = script_parser(__doc__)
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a checkpoint, or the name of weights that ship")
    parser.add_argument("--output", type=os.path.expanduser, required=True, metavar="FILE.onnx")
    parser.add_argument("--size", metavar="HxW", help="one size for all images; default: height and width stay open")
    parser.add_argument("--max-disparity", type=int, metavar="N", help="px, another range; a multiple of 16")
    args = parser.parse_args(argv)
    if args.max_disparity is not None:
        check_max_disparity(args.max_disparity, "--max-disparity")
    size = None if args.size is None else _size(args.size)
    loaded = load_checkpoint(args.checkpoint, "cpu", args.max_disparity)
    path = Path(args.output)
    comparisons = write_onnx(loaded.network, path, size)
    print(f"wrote {path}: {path.stat().st_size / 1e6:.1f} MB, range {loaded.network.max_disparity} px")
    for found in comparisons:
        print(
            f"  {found.height}x{found.width}: ONNX Runtime and PyTorch differ by {found.disparity:.2g} px at the most, "
            f"{found.confidence:.2g} of confidence"
        )
    return 0


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise ConfigError(f"--size is '{text}', expected HEIGHTxWIDTH, as in 544x960")
    return int(height), int(width)


if __name__ == "__main__":
    run(main)
