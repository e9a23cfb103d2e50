"""Make a checkpoint of ours from official PSMNet weights, which evaluate.py and infer.py then take.

    python scripts/import_psmnet.py OFFICIAL.tar OUT.pt --align-corners true|false

The names in the file tell basic from stackhourglass. The file does not say how its network interpolated: the authors'
weights of 2018 were trained with PyTorch before 0.4.1, which aligned the corners (true); weights trained with the
authors' code and a later PyTorch do not align them (false).
"""

from stereo.cli import run

import os
from pathlib import Path

from stereo.checkpoint import save_checkpoint
from stereo.config import config_from_dict
from stereo.model.network import StereoNetwork
from stereo.model.weights import convert_psmnet, load_weights
from stereo.options import script_parser
from stereo.torch_file import read_torch_file


def main(argv: list[str] | None = None) -> int:
    parser = script_parser(__doc__)
    parser.add_argument(
        "official", type=os.path.expanduser, metavar="OFFICIAL.tar", help="a file of the authors' training script"
    )
    parser.add_argument("output", type=os.path.expanduser, metavar="OUT.pt", help="the checkpoint to write")
    parser.add_argument("--align-corners", choices=("true", "false"), required=True, help="true for weights of 2018")
    parser.add_argument("--max-disparity", type=int, default=192, metavar="N", help="px, a multiple of 16")
    args = parser.parse_args(argv)
    content = read_torch_file(Path(args.official), "use a file written by torch.save")
    preset, weights = convert_psmnet(content, args.official)
    config = config_from_dict(
        {
            "preset": preset,
            "model": {"align_corners": args.align_corners == "true", "max_disparity": args.max_disparity},
        }
    )
    network = StereoNetwork(config.model)
    load_weights(network, weights, args.official)
    save_checkpoint(args.output, network, config, step=0)
    count = sum(parameter.numel() for parameter in network.parameters())
    print(
        f"wrote {args.output}: {preset}, {count:,} parameters, align_corners {args.align_corners}\n"
        f"  python scripts/infer.py LEFT RIGHT --output DIR --checkpoint {args.output}"
    )
    return 0


if __name__ == "__main__":
    run(main)
