"""The methods that a command line asks for: from the words of --method and the options beside it."""

from collections.abc import Collection, Sequence

from stereo.config import check_max_disparity, choose
from stereo.config.checks import require
from stereo.methods.bm import Bm
from stereo.methods.matcher import Matcher, TrueRange
from stereo.methods.method import Method
from stereo.methods.predictor import Precision, Predictor
from stereo.methods.sgbm import Sgbm
from stereo.methods.stored import StoredPredictions
from stereo.methods.variants import FlipTest, Scaled

MATCHERS: dict[str, type[Matcher]] = {"sgbm": Sgbm, "bm": Bm}
# Methods that look at the images; the others are read from files.
RUN = ["network", *MATCHERS]
STORED = "predictions:DIR"
_PREFIX = "predictions:"


def methods_from(
    words: Sequence[str],
    *,
    checkpoint: str | None = None,
    device: str = "auto",
    max_disparity: int | None = None,
    oracle_range: bool = False,
    confidence: bool = False,
    precision: Precision = "fp32",
    flip_test: bool = False,
    scale: float | None = None,
    resize_predictions: bool = False,
) -> list[Method]:
    """Return the methods that the words name, in their order, each once.

    Args:
        words: network, sgbm, bm or predictions:DIR, one or more.
        checkpoint, device: Of the network; see :meth:`Predictor.from_checkpoint`.
        max_disparity: px, the range of network, sgbm and bm. None: their own.
        oracle_range: sgbm and bm search up to each image's true maximum instead.
        confidence: network, sgbm and bm give one; see :class:`Predictor` and :class:`Matcher`.
        precision: Of the network; see :class:`Predictor`.
        flip_test, scale: Run network, sgbm and bm so; see :class:`FlipTest` and :class:`Scaled`. None: at the images'
            own size.
        resize_predictions: See :class:`StoredPredictions`.

    Raises: ConfigError where a word is unknown, two methods would have one name, or an option fits none of them; what
        the methods raise when they are made.
    """
    words = list(dict.fromkeys(words))
    kinds = {_kind_of(word) for word in words}
    _check_user("--checkpoint", checkpoint is not None, kinds, ["network"])
    _check_user("--max-disparity", max_disparity is not None, kinds, RUN)
    _check_user("--oracle-range", oracle_range, kinds, list(MATCHERS))
    _check_user("--confidence", confidence, kinds, RUN)
    _check_user("--precision", precision != "fp32", kinds, ["network"])
    _check_user("--flip-test", flip_test, kinds, RUN)
    _check_user("--scale", scale is not None, kinds, RUN)
    _check_user("--resize-predictions", resize_predictions, kinds, [STORED])
    if max_disparity is not None:
        _check_range(max_disparity, "network" in kinds, oracle_range)

    methods: list[Method] = []
    for word in words:
        method: Method
        if word == "network":
            method = Predictor.from_checkpoint(
                checkpoint, device, max_disparity, confidence=confidence, precision=precision
            )
        elif word not in MATCHERS:
            method = StoredPredictions(word.removeprefix(_PREFIX), resize_predictions)
        elif oracle_range:
            method = TrueRange(MATCHERS[word], confidence=confidence)
        else:
            searched = {} if max_disparity is None else {"num_disparities": max_disparity}
            method = MATCHERS[word](**searched, confidence=confidence)
        if scale is not None and word in RUN:
            method = Scaled(method, scale)
        if flip_test and word in RUN:
            method = FlipTest(method)
        methods.append(method)
    _check_names(words, methods)
    return methods


def _kind_of(word: str) -> str:
    """Return what a word of --method asks for, without the folder. Raises: ConfigError where that is not known."""
    if not word.startswith(_PREFIX):
        return choose(word, [*RUN, STORED], "method")
    require(word != _PREFIX, f"--method {word}: needs a folder, as in {_PREFIX}results/raft")
    return STORED


def _check_user(option: str, given: bool, kinds: Collection[str], users: Sequence[str]) -> None:
    """Raise ConfigError where an option is given that none of the methods uses."""
    require(
        not given or any(kind in users for kind in kinds),
        f"{option} goes with --method {' or '.join(users)} only; leave it out, or add such a method",
    )


def _check_range(max_disparity: int, network: bool, oracle_range: bool) -> None:
    require(
        network or not oracle_range,
        "--max-disparity: --oracle-range takes the range from the ground truth; give one of them",
    )
    if network:
        check_max_disparity(max_disparity, "--max-disparity")
    require(max_disparity >= 1, f"--max-disparity is {max_disparity}, expected 1 or more")


def _check_names(words: Sequence[str], methods: Sequence[Method]) -> None:
    known: dict[str, str] = {}
    for word, method in zip(words, methods, strict=True):
        require(
            method.name not in known,
            f"--method {known.get(method.name)} {word}: both would be called '{method.name}' in the report; rename one "
            "of the folders",
        )
        known[method.name] = word
