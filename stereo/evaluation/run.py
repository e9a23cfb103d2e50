"""A whole evaluation: every method on every data set, on the screen and in a folder."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stereo.config import DatasetConfig
from stereo.data.datasets import StereoDataset
from stereo.data.sample import StereoSample
from stereo.errors import ConfigError
from stereo.evaluation.evaluator import ScoredSample, tally_pairs
from stereo.evaluation.folder import image_rows, remove_reports, write_folder
from stereo.evaluation.page.pictures import PagePictures, Picture
from stereo.evaluation.previews import Previews
from stereo.evaluation.protocols import PROTOCOLS, Protocol
from stereo.evaluation.provenance import describe_run, identity
from stereo.evaluation.records import RecordLog
from stereo.evaluation.report import TextTable, remarks
from stereo.evaluation.tally import Tally, regions_of
from stereo.methods.method import Method, Prediction
from stereo.methods.stored import save_prediction
from stereo.methods.stored_names import path_of
from stereo.output import make_output_folder, safe_name
from stereo.processes import Processes

# Pairs of each data set and method that the page shows: so many of the worst, and so many around the median.
PAGE_PICTURES = 10


@dataclass(frozen=True)
class Output:
    """What an evaluation writes.

    folder: for report, records and previews; None: nothing. previews: how many of each data set and method.
    html: also report.html. resume: go on with the records that are in the folder.
    predictions: a folder that every prediction is saved into.
    """

    folder: Path | None = None
    previews: int = 4
    html: bool = False
    resume: bool = False
    predictions: Path | None = None


@dataclass
class Evaluation:
    """Every method on every data set.

    methods: in the report's order. data, datasets: settings and samples by FAMILY[:PATH].
    protocols: those that were asked for; of these each data set is scored under those that apply to it.
    regions: by name, beside those of the protocols. shard: (i, n), only the i-th of n shares of each data set.
    command: the command line, for the report.
    """

    methods: Sequence[Method]
    data: Mapping[str, DatasetConfig]
    datasets: Mapping[str, StereoDataset]
    protocols: Sequence[str]
    regions: Sequence[str]
    shard: tuple[int, int] = (1, 1)
    command: str = ""
    output: Output = field(default_factory=Output)
    progress: bool = True
    processes: Processes = field(default_factory=Processes)

    def run(self) -> list[Tally]:
        """Print a table and what must be said beside it, write what `output` asks for, and return the tallies.

        Raises: ConfigError where no protocol applies to a data set, or two samples' predictions would be saved in one
            file; DataError, OutputError.
        """
        applying = {spec: self._applying(spec) for spec in self.data}
        if self.output.predictions is not None:
            self._check_names()
            make_output_folder(self.output.predictions)
        about = describe_run(self.methods, self.data, self.command)
        folder = None if self.output.folder is None else make_output_folder(self.output.folder)
        log = None if folder is None else RecordLog(folder, self._identity(about), self.output.resume, self.processes)
        if folder is not None and self.processes.is_main:
            remove_reports(folder)
            if os.path.isdir(folder / "previews"):
                make_output_folder(folder / "previews")  # before the work, not after the first data set
        table = self._table(applying)
        print(table.header())
        tallies: list[Tally] = []
        pictures: list[Picture] = []
        said: set[str] = set()
        for spec, protocols in applying.items():
            for method in self.methods:
                with self._saying_what_is_kept():
                    tallies.append(self._evaluate(spec, method, protocols, log, pictures, len(tallies) + 1))
                self._show(table, tallies[-1], said)
                if folder is not None and self.processes.is_main:
                    # After every data set: a long evaluation that breaks off keeps what it has.
                    self._write(folder, tallies, about, pictures)
        if folder is not None:
            print(f"wrote {folder / ('report.html' if self.output.html else 'report.json')}")
        return tallies

    @contextmanager
    def _saying_what_is_kept(self) -> Iterator[None]:
        """Where a signal ends an evaluation within a data set, say what becomes of the pairs that are finished."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            kept = "nothing is kept; with --output DIR it would be, for --resume"
            if self.output.folder is not None:
                kept = "the pairs that are finished are kept: the same command with --resume goes on"
            if self.processes.is_main:
                print(kept, file=sys.stderr)
            raise

    def _write(self, folder: Path, tallies: Sequence[Tally], about: Mapping[str, Any], pictures: list[Picture]) -> None:
        report = write_folder(folder, tallies, about, self._shard if self.shard != (1, 1) else None)
        if self.output.html:
            from stereo.evaluation.page.write import write_page  # Jinja2 and Matplotlib

            write_page(folder / "report.html", report, image_rows(folder, tallies), pictures)

    def _applying(self, spec: str) -> list[Protocol]:
        """Return the protocols that apply to a data set, and say why the others do not."""
        samples = self.datasets[spec].names
        applying: list[Protocol] = []
        refused: dict[str, list[str]] = {}
        for name in self.protocols:
            refusal = PROTOCOLS[name].refusal(samples)
            if refusal is None:
                applying.append(PROTOCOLS[name])
            else:
                refused.setdefault(refusal, []).append(name)
        left_out = "; ".join(f"{', '.join(names)} ({refusal})" for refusal, names in refused.items())
        if not applying:
            raise ConfigError(f"{spec}: no protocol applies to it: {left_out}; add --protocol all")
        if left_out:
            print(f"{spec}: protocols that do not apply: {left_out}", file=sys.stderr)
        return applying

    @property
    def _shard(self) -> str:
        return f"{self.shard[0]}/{self.shard[1]}"

    def _identity(self, about: Mapping[str, Any]) -> dict[str, Any]:
        samples = {spec: dataset.names for spec, dataset in self.datasets.items()}
        return identity(about, samples, self.protocols, self.regions, self._shard, self.output.predictions)

    def _check_names(self) -> None:
        """Raise ConfigError where the predictions of two samples would be saved in one file."""
        owners: dict[str, str] = {}
        for spec, dataset in self.datasets.items():
            for name in dataset.names:
                path = path_of(name)
                if path in owners:
                    raise ConfigError(
                        f"--save-predictions: {owners[path]} and {spec} both have a sample of the name {name}, whose "
                        "predictions would lie in one file; evaluate them one by one, each with a folder of its own"
                    )
                owners[path] = spec

    def _table(self, applying: Mapping[str, Sequence[Protocol]]) -> TextTable:
        protocols = {protocol.name: protocol for own in applying.values() for protocol in own}
        regions = dict.fromkeys(name for protocol in protocols.values() for name in regions_of(protocol, self.regions))
        return TextTable(
            {
                "data": list(applying),
                "method": [method.name for method in self.methods],
                "protocol": list(protocols),
                "region": list(regions),
            }
        )

    def _evaluate(
        self,
        spec: str,
        method: Method,
        protocols: Sequence[Protocol],
        log: RecordLog | None,
        pictures: list[Picture],
        number: int,
    ) -> Tally:
        """Evaluate one method on one data set; write its previews, and add its pictures for the page to those given."""
        folder, dataset, settings = self.output.folder, self.datasets[spec], self.data[spec]
        previews = Previews(0 if folder is None else self.output.previews, protocols[0].name)
        kept = PagePictures(spec, method.name, PAGE_PICTURES if self.output.html else 0)
        key = protocols[0].name, "all"
        for record in log.finished(spec, method.name) if log is not None and self.output.html else ():
            sums = record.scores.get(key)
            if sums is not None:
                kept.observe(record.name, record.index, sums.metrics())
        tally = tally_pairs(
            method,
            dataset,
            protocols,
            self.regions,
            data=spec,
            rendering=settings.rendering if settings.family == "scene_flow" else None,
            progress=self.progress,
            processes=self.processes,
            shard=self.shard,
            observe=self._observer(previews, kept, key, method),
            log=log,
        )
        previews.gather(self.processes)
        kept.gather(self.processes)
        if folder is not None and self.processes.is_main:
            # The number is that of the data set's and method's place in the report.
            previews.write(folder / "previews" / f"{number:02d}_{settings.family}")

            def again(index: int) -> tuple[StereoSample, Prediction]:
                """The median pairs are known only once all are scored."""
                sample = dataset[index]
                return sample, method.predict_sample(sample)

            pictures += kept.pictures(again)
        return tally

    def _observer(
        self, previews: Previews, kept: PagePictures, key: tuple[str, str], method: Method
    ) -> Callable[[ScoredSample], None]:
        predictions = self.output.predictions
        # One method's lie in the folder itself, where `--method predictions:DIR` looks.
        own_folder = predictions
        if predictions is not None and len(self.methods) > 1:
            own_folder = predictions / safe_name(method.name)

        def observe(scored: ScoredSample) -> None:
            previews.observe(scored)
            sums = scored.scores.get(key)
            if sums is not None and self.output.html:
                kept.observe(scored.name, scored.index, sums.metrics(), scored.sample, scored.prediction)
            if own_folder is not None:
                save_prediction(own_folder, scored.name, scored.prediction)

        return observe

    def _show(self, table: TextTable, tally: Tally, said: set[str]) -> None:
        """Print the rows of one method on one data set, and what has not been said of that data set."""
        results = tally.results()
        for result in results:
            if result.images or result.region == "all":
                print(table.row(result.to_dict()), flush=True)
        for line in remarks(results):
            if line not in said:
                print(line, file=sys.stderr)
                said.add(line)
