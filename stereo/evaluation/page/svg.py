"""Charts as SVG that belongs to the page: its fonts, and its colors in light and in dark."""

import io
import re
import warnings
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Colors that stand for variables of the style sheet. Nothing else on a chart has them.
INK, MUTED, GRID = "#010201", "#010202", "#010203"
SERIES = tuple(f"#0103{number:02x}" for number in range(6))
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    **{color: f"var(--series-{number})" for number, color in enumerate(SERIES, 1)},
}
# A number with more than two decimals, which no screen shows.
_LONG_NUMBER = re.compile(r"(\d\.\d\d)\d+")
# Inches at 72 px: as wide as a telephone shows it, so that the text is as large there as elsewhere.
_WIDTH, _HEIGHT = 5.0, 3.5
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "report",
    "text.parse_math": False,  # a $ in a file's name is a $
    "font.family": "DejaVu Sans",  # comes with matplotlib; the page replaces it by its own, which is narrower
    "font.size": 10.5,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "legend.frameon": False,
}


def draw_svg(identity: str, draw: Callable[[Axes], None], height: float = _HEIGHT) -> Markup:
    """Return a chart as an SVG element.

    Args:
        identity: Begins the ids within the chart; no two charts of a page may have the same.
        draw: Draws on the axes. Artists with a label stand in the legend, below.
        height: Inches.
    """
    with rc_context(_STYLE), warnings.catch_warnings():
        # A name in a script that the font lacks is measured as boxes, and the page shows it in a font of its own.
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        figure = Figure(figsize=(_WIDTH, height), dpi=72, layout="constrained")
        axes = figure.subplots()
        draw(axes)
        labels = axes.get_legend_handles_labels()[1]
        if labels:
            columns = max(1, min(len(labels), 60 // (max(map(len, labels)) + 6)))
            figure.legend(loc="outside lower left", ncols=columns)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", transparent=True)
    return Markup(_adapt(buffer.getvalue(), identity))


def _adapt(content: bytes, identity: str) -> str:
    """Return the SVG as an element of HTML: no namespaces, no styles for all, ids of its own, the page's colors."""
    root = ElementTree.fromstring(content)
    for element in root.iter():
        element.tag = _local(element.tag)
        for key, value in list(element.attrib.items()):
            del element.attrib[key]
            if key == "id":
                value = f"{identity}-{value}"
            value = value.replace("url(#", f"url(#{identity}-")
            if _local(key) == "href":
                value = f"#{identity}-{value.removeprefix('#')}"
            value = _LONG_NUMBER.sub(r"\1", value)
            for color, variable in _VARIABLES.items():
                value = value.replace(color, variable)
            element.set(_local(key), value)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):
                parent.remove(child)
    for name in ("width", "height", "version", "id"):
        root.attrib.pop(name, None)
    root.set("aria-hidden", "true")
    return ElementTree.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    return name.rpartition("}")[2]
