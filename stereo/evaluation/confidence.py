"""How well a method knows where it is wrong: errors after leaving out the pixels that it is least sure of."""

import numpy as np

from stereo.data.sample import Map
from stereo.evaluation.metrics import Values

# At which shares of kept pixels two curves are compared: 1 %, 2 %, …, 100 %.
_DENSITIES = np.arange(1, 101) / 100
_RISKS = {"risk_90": 0.9, "risk_80": 0.8, "risk_50": 0.5}


def confidence_metrics(error: Values, confidence: Map | Values) -> dict[str, float]:
    """Return ause, risk_90, risk_80 and risk_50 of one image, px.

    risk_90 is the EPE of the 90 % of the pixels with the highest confidence. ause is the area between two curves of the
    EPE over the share of pixels that are kept: those of the highest confidence, and those of the smallest error, which
    no confidence can beat. It is the mean difference at 1 %, 2 %, …, 100 % of the pixels, px, not divided by the EPE.
    Where pixels have one confidence, their mean error stands for each of them, so that their order does not matter.

    Args:
        error: px, [N], N > 0. confidence: 0 … 1, [N].

    Source: Ilg et al., ECCV 2018, section 5 (sparsification error); Poggi et al., ICCV 2021, for stereo.
    """
    by_confidence = _mean_of_first(error, -confidence, _DENSITIES)
    by_error = _mean_of_first(error, error, _DENSITIES)
    shares = np.array(list(_RISKS.values()))
    risks = _mean_of_first(error, -confidence, shares)
    # Both curves end in the same mean, but for rounding.
    area = max(float(np.mean(by_confidence - by_error)), 0.0)
    return {"ause": area, **dict(zip(_RISKS, map(float, risks), strict=True))}


def _mean_of_first(error: Values, key: Values | Map, shares: Values) -> Values:
    """Return the mean error of the first so large shares of the pixels in ascending order of a key."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, ordered.size)  # where a run of equal keys ends
    sums = np.cumsum(error[order])[ends - 1]
    kept = shares * error.size
    return np.interp(kept, np.append(0, ends), np.append(0.0, sums)) / kept
