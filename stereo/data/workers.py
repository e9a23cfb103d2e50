"""How many processes load data, and whether they keep up."""

import os

import torch

# More hardly help one GPU, and each holds a few batches in memory.
_MOST = 16
# A share of the time that need not be looked at.
_LITTLE = 0.1
# Of a CPU's cores, the share that loads data where the network is computed on them too.
_SHARE_BESIDE_TRAINING = 0.25


def count_workers(setting: int | str) -> int:
    """Return the number of loader processes that `data.workers` means.

    `auto`: with a GPU each core that this process has, but one; without, a quarter of them. 1 to 16 in any case.
    """
    if isinstance(setting, int):
        return setting
    cores = count_cores()
    wanted = cores - 1 if torch.cuda.is_available() else int(_SHARE_BESIDE_TRAINING * cores)
    return min(max(wanted, 1), _MOST)


def count_cores() -> int:
    """Return the cores that this process may use; of the processes that `torchrun` started here, its share of them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def advise(setting: int | str, share: float) -> str | None:
    """Return what to do about the share of the time (0 … 1) in which training waits for data; None where it is little.

    Args:
        setting: data.workers.
    """
    if share <= _LITTLE:
        return None
    workers, auto = count_workers(setting), count_workers("auto")
    if workers < auto:
        way_out = f"data.workers is {workers} here, and auto is {auto}: set data.workers=auto"
    else:
        loaders = "1 loader process is" if workers == 1 else f"{workers} loader processes are"
        way_out = (
            f"{loaders} what these cores allow: take more cores, or load from a decoded copy, which is several times "
            "as fast (scripts/pack_dataset.py)"
        )
    return f"{100 * share:.0f} % of the time is spent waiting for data; {way_out}"
