"""Every error a user can meet. The command line prints the message alone and exits with `exit_code`."""

from __future__ import annotations


class TailorError(Exception):
    """Base of all errors that Tailor raises on purpose.

    The message names the object, what was expected, what was given and what to do.
    """

    exit_code = 2


class ConfigError(TailorError):
    """A hardware or training configuration is wrong; names the key and the file."""


class SourceError(TailorError):
    """A model, checkpoint, data set or factory cannot be loaded."""


class GraphError(TailorError):
    """A network cannot be expressed, or a graph breaks one of its invariants."""


class NumericsError(TailorError):
    """A fixed-point format cannot be realised (unknown mode, too wide for 62-bit integers)."""


class FoldingError(TailorError):
    """A reuse factor cannot be realised; names the legal neighbours."""


class PlacementError(TailorError):
    """A skip implementation, storage or depth does not fit the skip it was asked for."""


class OutputError(TailorError):
    """A file or folder cannot be written."""


class ToolError(TailorError):
    """A compiler, simulator or synthesis tool is missing or failed."""


class CheckFailed(TailorError):
    """A check ran and its answer was no: mismatches, a bound of accuracy, NaN."""

    exit_code = 1
