"""Time, peak memory and multiplications of a network, and the share that each of its stages takes.

    python scripts/benchmark_network.py psmnet --size 544x960
    python scripts/benchmark_network.py psmnet --size 544x960 --against straightforward      # ratios, in paired runs
    python scripts/benchmark_network.py configs/ea_psmnet.yaml --mode training --size 256x512 --against psmnet

A network is a preset or a YAML file, with random weights. Inference is what Predictor does, padding included; training
is forward, loss and backward on one pair. `straightforward` is the same network as the paper's code would run it: the
volume held as a whole, upsampled to full resolution at once, batch normalization not folded, default memory layout.
Memory is measured in a process of its own under the limit, the ratio of times by alternating runs in one process.
"""

from stereo.cli import run

import argparse
import json
import shlex
import sys
from typing import Any

from stereo.benchmark.machine import format_bytes, parse_bytes, parse_size
from stereo.benchmark.network import HEADER, STRAIGHTFORWARD, Setup, compare
from stereo.config import PRESETS, load_network
from stereo.device import describe_machine, select_device
from stereo.errors import ConfigError
from stereo.options import add_device_option, script_parser
from stereo.output import atomic_output, make_output_folder


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    device = select_device(args.device)
    names = [args.network] if args.against is None else [args.network, args.against]
    for name in names:
        load_network(args.network if name == STRAIGHTFORWARD else name, args.overrides)
    if args.time_limit <= 0:
        raise ConfigError(f"--time-limit is {args.time_limit:g}, expected seconds, more than 0")
    memory_limit = parse_bytes(args.memory_limit)
    sizes = [parse_size(text, 2, least=32) for text in args.size]
    folder = None if args.output is None else make_output_folder(args.output)
    setup = Setup(args.network, tuple(args.overrides), args.mode, str(device), memory_limit)
    print(describe_machine(device), f"limit of memory {format_bytes(memory_limit)}", sep="; ")
    print(HEADER)
    results: list[dict[str, Any]] = []
    for size in sizes:
        for result, line in compare(names, size, setup, args.time_limit):
            results.append(result)
            print(line, flush=True)
    if folder is not None:
        record = {"command": shlex.join(["python", *sys.argv]), "machine": describe_machine(device), "results": results}
        with atomic_output(folder / "network.json") as path:
            path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("network", metavar="NETWORK", help=f"a YAML file, or one of {', '.join(PRESETS)}")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings of the network, as in train.py")
    parser.add_argument("--size", nargs="+", default=["544x960"], metavar="HxW", help="images, px")
    parser.add_argument("--mode", choices=("inference", "training"), default="inference")
    parser.add_argument("--against", metavar="NETWORK", help=f"a second network, or {STRAIGHTFORWARD}")
    parser.add_argument("--output", metavar="DIR", help="write network.json there")
    parser.add_argument("--memory-limit", default="22GB", metavar="SIZE", help="of each cell (default: 22GB)")
    parser.add_argument("--time-limit", type=float, default=600.0, metavar="S", help="of each cell (default: 600)")
    add_device_option(parser)
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run(main)
