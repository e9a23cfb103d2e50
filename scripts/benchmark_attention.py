"""Time and memory of efficient, dot-product and fused dot-product attention on cost volumes up to a full frame.

    python scripts/benchmark_attention.py --output results/attention [--memory-limit 16GB] [--time-limit 60]

Every cell runs in a process of its own under the limits, so that running out of memory is a row of the table. The tests
that hold the forms against each other run first; while they fail, no speed is reported. Nothing else should be running.
"""

from stereo.cli import run

import argparse
import shlex
import sys
from pathlib import Path

from stereo.benchmark.attention import Row, Setup, forms_agree, run_forms, run_training_steps
from stereo.benchmark.attention_forms import FORMS, Widths
from stereo.benchmark.attention_report import HEADER, crossovers, line_of, write
from stereo.benchmark.machine import format_bytes, parse_bytes, parse_size
from stereo.config import choose, load_config
from stereo.device import describe_machine, select_device
from stereo.errors import ConfigError
from stereo.model.attention import FUSED_BACKENDS
from stereo.options import add_device_option, require_at_least, script_parser
from stereo.output import make_output_folder

# Height × width × max_disparity of the images, px; the last is a whole Scene Flow frame.
SIZES = "64x128x48 96x192x96 128x256x96 128x256x192 256x256x192 256x512x192 384x640x192 540x960x192"
QUICK_SIZES = "32x32x16 32x64x16 64x64x32"
_TESTS = Path(__file__).resolve().parents[1] / "tests" / "model" / "attention"
TESTS = [_TESTS / "test_attention.py", _TESTS / "test_streaming.py", _TESTS / "test_folded.py"]


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    forms = [choose(name, list(FORMS), "form") for name in args.forms]
    if args.time_limit <= 0:
        raise ConfigError(f"--time-limit is {args.time_limit:g}, expected seconds, more than 0")
    require_at_least(1, args, "channels", "key-channels", "value-channels", "num-heads")
    device = select_device(args.device)
    widths = Widths(args.channels, args.key_channels, args.value_channels, args.num_heads)
    widths.check()
    memory_limit = parse_bytes(args.memory_limit)
    sizes = [parse_size(text, 3) for text in (QUICK_SIZES.split() if args.quick else args.sizes)]
    configs = {Path(path).stem: load_config(path) for path in args.network}
    folder = make_output_folder(args.output)
    if not forms_agree(TESTS):
        print("the forms do not agree with each other: no speed is reported", file=sys.stderr)
        return 1
    backends = ", ".join(backend.name.lower() for backend in FUSED_BACKENDS)
    machine = (
        f"{describe_machine(device)}; limits of each cell: {format_bytes(memory_limit)} beyond the start, "
        f"{args.time_limit:g} s; sdpa pinned to {backends} (the math form, which holds the map, is excluded: falling "
        "back would be an error)"
    )
    print(machine, HEADER, sep="\n")
    setup = Setup(str(device), memory_limit, args.time_limit, widths)
    rows: list[Row] = []
    for measured in (run_forms(forms, sizes, setup), run_training_steps(configs, args.sites, setup)):
        for row in measured:
            rows.append(row)
            print(line_of(row), flush=True)
            if row.status == "failed":
                print(f"{row.form}, {row.mode}, {row.image}: {row.message}", file=sys.stderr)
    print(*crossovers(rows), sep="\n")
    about = {"command": shlex.join(["python", *sys.argv]), "machine": machine, "time_limit": args.time_limit}
    write(folder, rows, memory_limit, about)
    print(f"wrote attention.csv, attention.json, attention.md and a figure for each family of forms to {folder}")
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("--output", default="results/attention", metavar="DIR")
    parser.add_argument("--memory-limit", default="16GB", metavar="SIZE", help="of each cell (default: 16GB)")
    parser.add_argument("--time-limit", type=float, default=60.0, metavar="S", help="of each cell (default: 60)")
    add_device_option(parser)
    parser.add_argument("--forms", nargs="+", default=list(FORMS), metavar="NAME", help=f"of {', '.join(FORMS)}")
    parser.add_argument("--sizes", nargs="+", default=SIZES.split(), metavar="HxWxD", help="images, max_disparity")
    parser.add_argument("--quick", action="store_true", help="three tiny sizes, to see that it runs")
    parser.add_argument("--channels", type=int, default=32, metavar="C")
    parser.add_argument("--key-channels", type=int, default=16, metavar="K")
    parser.add_argument("--value-channels", type=int, default=32, metavar="V")
    parser.add_argument("--num-heads", type=int, default=1, metavar="H")
    parser.add_argument("--network", nargs="+", default=[], metavar="CONFIG", help="end-to-end training steps too")
    parser.add_argument("--sites", nargs="+", default=["quarter"], help="of the attention in --network")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run(main)
