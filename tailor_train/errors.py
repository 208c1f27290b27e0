"""Errors a user of the training package can meet. The message alone is shown; `exit_code` is the command's."""

from __future__ import annotations


class TrainError(Exception):
    """Something given to the training package is wrong.

    The message names the object, what was expected, what was given and what to do.
    """

    exit_code = 2


class TrainFailed(TrainError):
    """The inputs were fine but the run was not: a loss of NaN, a bound that does not hold."""

    exit_code = 1
