"""The `tailor` command: finds the subcommand and turns every error into one message and an exit code."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence

import click

from generator.errors import TailorError
from generator.version import VERSION

_COMMANDS = {
    "demo": "Train, alter, quantize, build and verify T, S and R, and lay them side by side.",
    "skips": "List the skip connections of a network.",
    "train": "Train a network and alter its skip connections by Algorithm 1.",
    "quantize": "Quantize a trained network to powers of two.",
    "evaluate": "Accuracy of the integers, compared with PyTorch in every logit.",
    "generate": "Write the hardware project: HLS C++, SystemVerilog, scripts and test data.",
    "check": "Hold the C++ of a project against what HLS compilers take.",
    "csim": "Compile the C++ of a project and compare its outputs with PyTorch.",
    "cosim": "Simulate the SystemVerilog of a project and compare its outputs with PyTorch.",
    "synth": "Count LUTs, flip-flops, DSPs and block RAMs of a project.",
    "report": "Lay projects side by side in one HTML file.",
}


class _Commands(click.Group):
    """Imports a command's module when it is asked for: `tailor csim` need not wait for torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"generator.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="tailor")
def tailor() -> None:
    """PyTorch networks with skip connections on FPGAs: altered in training, built lean, proved equal."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Returns:
        0 done; 1 a check failed or the run was interrupted; 2 bad input.
    """
    try:
        tailor.main(args=list(arguments), prog_name="tailor", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except TailorError as error:
        return _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", 1)
    except OSError as error:
        return _fail(f"{error.filename or 'file'}: {error.strerror or error}", 2)
    except Exception as error:
        if not _is_training_error(error):
            raise
        return _fail(str(error), int(getattr(error, "exit_code", 2)))
    return 0


def _is_training_error(error: Exception) -> bool:
    """Whether the training package raised this on purpose; it is not imported for commands without it."""
    errors = sys.modules.get("tailor_train.errors")
    return errors is not None and isinstance(error, errors.TrainError)


def main() -> None:
    """Entry point of the console script."""
    signal.signal(signal.SIGTERM, _interrupt)  # else the tools that a command started would live on
    sys.exit(run(sys.argv[1:]))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _fail(message: str, exit_code: int) -> int:
    click.echo(f"Error: {message}", err=True)
    return exit_code


if __name__ == "__main__":
    main()
