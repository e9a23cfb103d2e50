"""The methods that a command line asks for: from the words of --method and the options beside it."""

from collections.abc import Sequence

from stereo.config import check_max_disparity, choose
from stereo.config.checks import require
from stereo.methods.bm import Bm
from stereo.methods.matcher import Matcher, TrueRange
from stereo.methods.method import Method
from stereo.methods.predictor import Predictor
from stereo.methods.sgbm import Sgbm
from stereo.methods.stored import StoredPredictions
from stereo.methods.variants import FlipTest, Scaled

MATCHERS: dict[str, type[Matcher]] = {"sgbm": Sgbm, "bm": Bm}
# Of a word for stored predictions, what stands before the folder.
STORED = "predictions:"


def methods_from(
    words: Sequence[str],
    *,
    checkpoint: str | None = None,
    device: str = "auto",
    max_disparity: int | None = None,
    oracle_range: bool = False,
    confidence: bool = False,
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
        confidence: The network gives one.
        flip_test, scale: Run network, sgbm and bm so; see :class:`FlipTest` and :class:`Scaled`. None: at the images'
            own size.
        resize_predictions: See :class:`StoredPredictions`.

    Raises: ConfigError where a word is unknown, two methods would have one name, or an option fits none of them; what
        the methods raise when they are made.
    """
    words = list(dict.fromkeys(words))
    for word in words:
        _check_word(word)
    network, matcher = "network" in words, any(word in MATCHERS for word in words)
    stored = any(word.startswith(STORED) for word in words)
    _require_user(checkpoint is not None, "--checkpoint", network, "network")
    _require_user(max_disparity is not None, "--max-disparity", network or matcher, "network, sgbm or bm")
    _require_user(oracle_range, "--oracle-range", matcher, "sgbm or bm")
    _require_user(flip_test, "--flip-test", network or matcher, "network, sgbm or bm")
    _require_user(scale is not None, "--scale", network or matcher, "network, sgbm or bm")
    _require_user(resize_predictions, "--resize-predictions", stored, f"{STORED}DIR")
    if max_disparity is not None:
        require(
            network or not oracle_range,
            "--max-disparity: --oracle-range takes the range from the ground truth; give one of them",
        )
        if network:
            check_max_disparity(max_disparity, "--max-disparity")
        require(max_disparity >= 1, f"--max-disparity is {max_disparity}, expected 1 or more")

    methods: list[Method] = []
    for word in words:
        if word.startswith(STORED):
            methods.append(StoredPredictions(word.removeprefix(STORED), resize_predictions))
            continue
        method: Method
        if word == "network":
            method = Predictor.from_checkpoint(checkpoint, device, max_disparity, confidence=confidence)
        elif oracle_range:
            method = TrueRange(MATCHERS[word])
        else:
            method = MATCHERS[word]() if max_disparity is None else MATCHERS[word](max_disparity)
        method = method if scale is None else Scaled(method, scale)
        methods.append(FlipTest(method) if flip_test else method)
    _check_names(words, methods)
    return methods


def _check_word(word: str) -> None:
    if word.startswith(STORED):
        require(word != STORED, f"--method {word}: needs a folder, as in {STORED}results/raft")
    else:
        choose(word, ("network", *MATCHERS, f"{STORED}DIR"), "method")


def _require_user(given: bool, option: str, used: bool, users: str) -> None:
    """Raise ConfigError where an option is given that none of the methods uses."""
    require(used or not given, f"{option} goes with --method {users} only; leave it out, or add that method")


def _check_names(words: Sequence[str], methods: Sequence[Method]) -> None:
    known: dict[str, str] = {}
    for word, method in zip(words, methods, strict=True):
        require(
            method.name not in known,
            f"--method {known.get(method.name)} {word}: both would be called '{method.name}' in the report; rename one "
            "of the folders",
        )
        known[method.name] = word
