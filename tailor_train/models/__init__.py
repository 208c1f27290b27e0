"""The built-in networks, and the way to any other: `package.module:factory`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from tailor_train.errors import TrainError
from tailor_train.factories import load_factory
from tailor_train.models.blocks import SkipBlock
from tailor_train.models.resnet import ResNet
from tailor_train.models.statistics import reset_for_training, set_statistics
from tailor_train.naming import nearest
from tailor_train.plan import SkipChoice, SkipPlan, SkipState, SkipStyle

_RESNET_DEPTHS = (8, 20, 32, 44, 56, 110)
_FACTORIES: dict[str, Callable[..., nn.Module]] = {
    "skip_block": SkipBlock,
    **{f"resnet{depth}": partial(ResNet, (depth - 2) // 6) for depth in _RESNET_DEPTHS},
}
BUILTIN = tuple(_FACTORIES)
"""Names of the built-in networks."""

_STATES = {
    "traditional": SkipState.KEPT,
    "removed": SkipState.REMOVED,
    "shortened": SkipState.SHORTENED,
}


def split_builtin_args(factory: str, args: Mapping[str, Any]) -> tuple[dict[str, Any], SkipPlan]:
    """Split `skips` and `style` of a built-in network from the arguments of its constructor.

    Args:
        factory: a built-in name; for any other factory all arguments are the constructor's.
        args: e.g. ``{"width": 8, "skips": "removed"}``.

    Returns:
        Constructor arguments, and the plan, empty for the network as it is written.
    """
    if factory not in _FACTORIES:
        return dict(args), {}
    rest = {key: value for key, value in args.items() if key not in ("skips", "style")}
    skips, style = args.get("skips", "traditional"), args.get("style", "pre")
    if skips not in _STATES:
        raise TrainError(f"model '{factory}': skips={skips!r} is unknown; use {', '.join(_STATES)}")
    if style not in tuple(SkipStyle):
        raise TrainError(f"model '{factory}': style={style!r} is unknown; use pre or post")
    if _STATES[skips] is SkipState.KEPT and style == SkipStyle.PRE:
        return rest, {}
    choice = SkipChoice(state=_STATES[skips], style=SkipStyle(style))
    return rest, dict.fromkeys(_skip_names(factory), choice)


def _skip_names(factory: str) -> tuple[str, ...]:
    if factory == "skip_block":
        return ("block",)
    blocks = (int(factory.removeprefix("resnet")) - 2) // 6
    return tuple(f"layer{stage}.{block}" for stage in (1, 2, 3) for block in range(blocks))


def input_shape_of(factory: str, args: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Shape of one input, channels first, of a built-in network; None for any other factory."""
    if factory not in _FACTORIES:
        return None
    rest, _ = split_builtin_args(factory, args)
    given = _checked_arguments(factory, _FACTORIES[factory], rest)
    size = given["image_size"]
    return (given["filters"] if factory == "skip_block" else given["in_channels"], size, size)


def build_model(factory: str, args: Mapping[str, Any], seed: int, plan: SkipPlan | None = None) -> nn.Module:
    """Build the original (traditional) network with seeded weights, in eval mode.

    The global random state is left as it was. Built-in networks get batch-norm parameters and statistics
    that keep activations near unit scale, in the network that `plan` makes of them.

    Args:
        factory: a built-in name or `package.module:factory` (the current folder is on the import path).
        args: keyword arguments of the constructor.
        seed: of the weights.
        plan: the form for which a built-in network's statistics are set; None is the traditional one.

    Raises:
        TrainError: unknown name, an argument that the factory does not take, or a factory that fails.
    """
    if factory in _FACTORIES:
        given = _checked_arguments(factory, _FACTORIES[factory], args)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = _FACTORIES[factory](**given)
        shape = input_shape_of(factory, args)
        assert shape is not None
        set_statistics(model, plan or {}, shape, seed)
        return model.eval()
    if ":" not in factory:
        raise TrainError(
            f"model '{factory}' is unknown{nearest(factory, BUILTIN)}; "
            f"built-in are {', '.join(BUILTIN)}; your own is given as package.module:factory"
        )
    function = load_factory(factory, "model")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            model = function(**args)
        except Exception as error:
            raise TrainError(f"model factory '{factory}' failed with {type(error).__name__}: {error}") from error
    if not isinstance(model, nn.Module):
        raise TrainError(f"model factory '{factory}' returned {type(model).__name__}, expected torch.nn.Module")
    return model.eval()


def _checked_arguments(name: str, function: Callable[..., nn.Module], args: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with defaults filled in, all of the declared types and in range."""
    parameters = inspect.signature(function).parameters
    given = {
        key: parameter.default for key, parameter in parameters.items() if parameter.default is not parameter.empty
    }
    for key, value in args.items():
        if key not in given:
            known = (*given, "skips", "style")
            raise TrainError(
                f"model '{name}' has no argument '{key}'{nearest(key, known)}; it takes {', '.join(known)}"
            )
        if key == "shortcut":
            if value not in ("A", "B"):
                raise TrainError(f"model '{name}': shortcut={value!r} is unknown; use A or B")
        elif isinstance(value, bool) or not isinstance(value, int) or value < (0 if key == "stem" else 1):
            raise TrainError(f"model '{name}': {key}={value!r}, expected a positive integer")
        given[key] = value
    return given


def initialise(model: nn.Module, factory: str, seed: int) -> None:
    """Fresh weights to train from: kaiming normal over the fan-out, neutral batch norm.

    A user's own network keeps the weights its factory gave it.

    Args:
        model: network to change.
        factory: the name it was built from.
        seed: of the weights.
    """
    if factory in _FACTORIES:
        reset_for_training(model, seed)
