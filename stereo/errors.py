"""The errors that a user can cause and can mend.

Every one of them is a :class:`StereoError` whose message is one line: what was wrong, which value was got, what was
expected, what to do next. Scripts print that line and exit with code 2 (see :mod:`stereo.cli`); anything else that
escapes is a defect of ours and keeps its traceback.
"""


class StereoError(Exception):
    """The base of all errors that the user of a script can mend."""


class ConfigError(StereoError):
    """A configuration file, key, value or command-line override is wrong."""


class DataError(StereoError):
    """A data set, list file or pair is missing, empty or inconsistent."""


class FormatError(DataError):
    """A single file is missing, broken, truncated or of the wrong type. The message begins with its path."""


class CheckpointError(StereoError):
    """A checkpoint is missing, truncated, of another format, or does not fit the network."""


class OutputError(StereoError):
    """A result cannot be written."""


class ForbiddenError(OutputError):
    """A result cannot be written for want of rights: to its own file or folder, perhaps to no other."""


class TrainingError(StereoError):
    """Training cannot go on: a non-finite loss, or a resume that does not fit."""


class NotFiniteError(StereoError):
    """A network predicts values that are not finite."""
