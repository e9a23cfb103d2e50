"""Copies of shards on a machine's own disk, for data sets that lie on a slower one which many machines read."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from stereo.errors import DataError, OutputError
from stereo.locks import lock_file
from stereo.output import atomic_output, make_output_folder


class ShardCache:
    """The copies of one packed data set. Each shard is copied as a whole by the process that first reads of it.

    Any number of processes share the copies, and a later run finds them. A data set that was made anew has others.

    Args:
        folder: Where the copies go; several data sets may have one folder.
        index: The data set's index.json.
        sizes: The bytes of each of its shards.

    Raises: OutputError where the folder cannot be made; DataError where it has no room for the copies still to be made.
    """

    def __init__(self, folder: Path, index: Path, sizes: Mapping[Path, int]) -> None:
        state = index.stat()
        of_this_set = hashlib.sha256(f"{index.resolve()} {state.st_mtime_ns} {state.st_size}".encode()).hexdigest()
        self.folder = make_output_folder(folder / of_this_set[:16])
        needed = sum(size for shard, size in sizes.items() if not os.path.isfile(self._copy_of(shard)))
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise DataError(
                f"{folder}: has {free / 1e9:.1f} GB free, but copies of {index.parent} take {needed / 1e9:.1f} GB; "
                "name a folder on a larger disk, or leave `cache` out"
            )

    def local(self, shard: Path) -> Path | None:
        """Return a shard's copy, made now where there is none; None while another process makes it.

        Where it cannot be made after all, the shard itself is returned.
        """
        copy = self._copy_of(shard)
        if os.path.isfile(copy):
            return copy
        try:
            release = lock_file(copy.with_suffix(".lock"))
            if release is None:
                return None
            try:
                with atomic_output(copy) as temporary:
                    shutil.copyfile(shard, temporary)
            finally:
                release()
        except OutputError:
            return shard
        return copy

    def _copy_of(self, shard: Path) -> Path:
        return self.folder / shard.name
