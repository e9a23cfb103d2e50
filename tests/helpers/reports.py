"""Evaluation reports as evaluate.py writes them, made up for tests."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# The errors on an image: pixels, EPE, bad-2.
Scores = Mapping[str, tuple[int, float, float]]

SPEC = "eth3d:/somewhere"
ROW: dict[str, Any] = {
    "data": SPEC,
    "method": "network",
    "protocol": "all",
    "region": "all",
    "averaging": "pixels",
    "images": 3,
    "epe": 1.234,
    "epe_image_mean": 2.0,
} | dict.fromkeys(("bad_1", "bad_2", "bad_3", "d1", "seconds_per_pair"), 12.345)
COLUMNS = (
    "data",
    "method",
    "protocol",
    "region",
    "index",
    "name",
    "pixels",
    "seconds",
    "loading_seconds",
    "epe",
    "bad_2",
)


def write_json(path: Path, *rows: Mapping[str, Any], **rest: Any) -> Path:
    """A report without its images: entries as `ROW` but for what each of `rows` says, and all else of `rest`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"results": [{**ROW, **row} for row in rows or ({},)], **rest}), encoding="utf-8")
    return path


def write_folder(folder: Path, methods: Mapping[str, Scores], *rows: Mapping[str, Any], **rest: Any) -> Path:
    """The folder of an evaluation: for each method and each of `rows` an entry, whose EPE its images make up."""
    entries, lines = [], []
    for method, scores in methods.items():
        for row in rows or ({},):
            entry = {**ROW, "method": method, "images": len(scores), **row}
            weights = [pixels if entry["averaging"] == "pixels" else 1 for pixels, _, _ in scores.values()]
            for place, key in ((1, "epe"), (2, "bad_2")):
                values = [score[place] for score in scores.values()]
                entry[key] = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
            entries.append(entry)
            words = [entry[key] for key in COLUMNS[:4]]
            for index, (name, (pixels, epe, bad_2)) in enumerate(scores.items()):
                lines.append([*words, index, name, pixels, 0.1, 0.1, repr(epe), repr(bad_2)])
    write_json(folder / "report.json", *entries, **rest)
    with (folder / "per_image.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *lines])
    return folder
