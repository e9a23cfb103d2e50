"""A page in the browser: two images in; disparity, depth and a point cloud out.

    scripts/demo_page.py                 then open http://127.0.0.1:7860

It needs Gradio (`pip install 'stereo[page]'`, or `make page`). It is served to this computer alone and asks no other
one for anything. What is uploaded, and what comes of it, is deleted when its page is closed and when the program ends.
"""

from stereo.cli import run

import argparse
import importlib.util

from stereo.config import check_max_disparity
from stereo.errors import ConfigError
from stereo.options import add_network_options, script_parser
from stereo.page.limits import Limits


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    if args.max_disparity is not None:
        check_max_disparity(args.max_disparity, "--max-disparity")
    if not 0 <= args.port <= 65535:
        raise ConfigError(f"--port is {args.port}, expected 1 … 65535, or 0 for any that is free")
    if not 0 < args.max_megapixels <= 100:
        raise ConfigError(f"--max-megapixels is {args.max_megapixels:g}, expected a number above 0, up to 100")
    if importlib.util.find_spec("gradio") is None:
        raise ConfigError("the page needs Gradio: pip install 'stereo[page]', or in a clone: make page")
    from stereo.methods.predictor import Predictor
    from stereo.page.server import serve

    predictor = Predictor.from_checkpoint(args.checkpoint, args.device, args.max_disparity, confidence=True)
    serve(predictor, args.port, Limits(max_pixels=round(args.max_megapixels * 1e6)))
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("--port", type=int, default=7860, metavar="N", help="default: 7860; 0: any that is free")
    parser.add_argument(
        "--max-megapixels", type=float, default=4.0, metavar="M", help="of one image, millions of pixels (default: 4)"
    )
    add_network_options(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    run(main)
