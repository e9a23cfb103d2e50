"""Files and folders that an operating system leaves among the images of a data set."""

# Written by Explorer, by Finder into ZIP archives, and by NAS systems.
_NAMES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir"}


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name holds no data of ours, whatever its ending says.

    Names that begin with a dot are hidden: `.DS_Store`, and `._0006.png`, in which macOS keeps what it knows of
    `0006.png`.
    """
    return name.startswith(".") or name.lower() in _NAMES
