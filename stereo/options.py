"""The options that scripts share, each declared once, and the settings that they name."""

import argparse
import os
import sys
from dataclasses import replace
from typing import Any, NoReturn

from stereo.config import FAMILIES, DataConfig, DatasetConfig, choose, with_overrides
from stereo.config.hints import meant_by
from stereo.errors import ConfigError


def script_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser that shows a script's docstring as it is and takes no abbreviated options."""
    return _Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)


class _Parser(argparse.ArgumentParser):
    """Says which setting is meant by an option such as `--lr`, which scripts of other projects have."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:  # argparse's own passes over a full disk and a closed pipe, and then ends with 0
            (file or sys.stderr).write(message)

    def error(self, message: str) -> NoReturn:
        # Without --config there are no settings of an experiment.
        if message.startswith("unrecognized arguments") and "--config" in self._option_string_actions:
            unknown = [word.partition("=")[0] for word in message.split() if word.startswith("--")]
            meant = {word: meant_by(word) for word in unknown}
            hints = [f"for {word} use {setting}" for word, setting in meant.items() if setting is not None]
            if hints:
                message += "; settings are given as key=value: " + "; ".join(hints)
        super().error(message)


def add_data_options(
    parser: argparse.ArgumentParser, *, many: bool = False, default: str | None = None, split: str | None = "test"
) -> None:
    """Add the options that say which samples: --data, --split, --rendering, --names, --skip-list, --limit, key=value.

    Args:
        many: Take several data sets.
        default: The data set where none is named. None: one must be named.
        split: The split where none is named. None: one must be named, of the families that have two.
    """
    what = "data sets" if many else "data set"
    parser.add_argument(
        "--data",
        nargs="+" if many else None,
        action="extend" if many else "store",
        required=default is None,
        default=None if default is None else ([default] if many else default),
        metavar="FAMILY[:PATH]",
        help=f"{what}: {', '.join(FAMILIES)}; synthetic takes no path"
        + ("" if default is None else f" (default: {default})"),
    )
    parser.add_argument(
        "--split",
        choices=("train", "test"),
        default=split,
        help="which half, of scene_flow and of sets whose folders tell; synthetic: training or held-out scenes; "
        + (f"default: {split}" if split else "to be named"),
    )
    parser.add_argument(
        "--rendering", choices=("cleanpass", "finalpass"), default="cleanpass", help="scene_flow and sintel"
    )
    parser.add_argument("--names", metavar="FILE", help="only the samples that FILE names, one a line")
    parser.add_argument("--skip-list", metavar="FILE", help="all but the samples that FILE names")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N pairs of each data set")
    add_data_settings(parser, "synthetic.preset=driving")


def add_data_settings(parser: argparse.ArgumentParser, example: str) -> None:
    """Add the arguments `key=value`, which are settings of the data."""
    parser.add_argument("overrides", nargs="*", metavar="key=value", help=f"settings of the data, as in {example}")


def chosen_data(args: argparse.Namespace) -> dict[str, DatasetConfig]:
    """Return the settings of each data set that the options of :func:`add_data_options` name, by `FAMILY[:PATH]`.

    Raises: ConfigError for an unknown family, a path that is missing or one too many, or a setting that is not there.
    """
    words = [args.data] if isinstance(args.data, str) else list(args.data)
    # `--data A B key=value`: argparse takes all three for data sets.
    overrides = [word for word in words if _is_override(word)] + list(args.overrides)
    for word in overrides:
        # The split decides which scenes synthetic draws, and family and path which set it is: before any setting.
        key = word.partition("=")[0]
        if key in ("family", "path", "split"):
            raise ConfigError(f"'{word}': give it by {'--split' if key == 'split' else '--data FAMILY:PATH'}")
    chosen = {}
    for spec in dict.fromkeys(word for word in words if not _is_override(word)):
        config = replace(
            dataset_config(spec, args.split),
            split=args.split,
            rendering=args.rendering,
            names=args.names,
            skip_list=args.skip_list,
            limit=args.limit,
        )
        chosen[spec] = with_overrides(config, overrides)
    if not chosen:
        raise ConfigError("--data: names no data set, only settings")
    return chosen


def _is_override(word: str) -> bool:
    return "=" in word.partition(":")[0]


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which network: --checkpoint, --max-disparity, --device."""
    parser.add_argument(
        "--checkpoint",
        "--weights",
        type=os.path.expanduser,
        metavar="FILE",
        help="a checkpoint, or weights that ship: compact, guided or slim (default: compact)",
    )
    parser.add_argument(
        "--max-disparity",
        type=int,
        metavar="N",
        help="px, a multiple of 16 (default: as the network was trained)",
    )
    add_device_option(parser)


def add_method_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what predicts: --method, --oracle-range, --flip-test, --scale, --resize-predictions.

    :func:`stereo.methods.choice.methods_from` takes them, with those of :func:`add_network_options`.
    """
    parser.add_argument(
        "--method",
        nargs="+",
        default=["network"],
        metavar="METHOD",
        help="one or several of network (default), sgbm, bm and predictions:DIR, which are disparity maps in files",
    )
    parser.add_argument(
        "--oracle-range",
        action="store_true",
        help="sgbm and bm search up to each image's true maximum, which no method knows in use",
    )
    parser.add_argument(
        "--flip-test", action="store_true", help="take the mean with the prediction for the pair turned upside down"
    )
    parser.add_argument(
        "--scale", type=float, metavar="S", help="run at S times the images' size; disparities are given at their own"
    )
    parser.add_argument(
        "--resize-predictions", action="store_true", help="take predictions:DIR of another size than the images too"
    )


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Add the option --device."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")


def add_workers_option(parser: argparse.ArgumentParser) -> None:
    """Add the option --workers."""
    cores = count_cores()
    parser.add_argument("--workers", type=int, default=cores, metavar="N", help=f"processes (default: {cores})")


def require_at_least(least: int, args: argparse.Namespace, *names: str) -> None:
    """Raise ConfigError unless each of the options is `least` or more."""
    for name in names:
        value = getattr(args, name.replace("-", "_"))
        if value < least:
            raise ConfigError(f"--{name} is {value}, expected {least} or more")


def dataset_config(spec: str, split: str | None = "test") -> DatasetConfig:
    """Return the settings of the data set that `FAMILY:PATH` on a command line names.

    Of `synthetic`, split `train` is the scenes that a training without settings draws, `test` the held-out ones.

    Raises: ConfigError for an unknown family, for a path that is missing or one too many, or without a split where the
    family has two.
    """
    name, _, path = spec.partition(":")
    family = choose(name, FAMILIES, "data set family")
    if split is None and family in ("scene_flow", "synthetic"):
        raise ConfigError(f"--data {spec}: has two halves; name one by --split train or --split test")
    if family == "synthetic":
        if path:
            raise ConfigError(f"--data {spec}: synthetic takes no path; the scenes are drawn, not read")
        return DataConfig().train if split == "train" else DataConfig().validation
    if not path:
        raise ConfigError(f"--data {spec}: needs a path, as in {family}:data/{family}")
    return DatasetConfig(family=family, path=path)  # type: ignore[arg-type]  # chosen above


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
