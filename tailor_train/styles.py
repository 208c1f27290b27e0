"""Style `post`: sums stand behind the activation, y = act(span) + skip instead of y = act(span + skip)."""

from __future__ import annotations

from torch import fx

from tailor_train.errors import TrainError
from tailor_train.plan import SkipPlan, SkipState, SkipStyle
from tailor_train.skips import SkipConnection, find_skips
from tailor_train.tracing import is_activation, is_dropout


def apply_styles(
    module: fx.GraphModule, skips: tuple[SkipConnection, ...], plan: SkipPlan
) -> tuple[SkipConnection, ...]:
    """Move the activation behind a sum to the end of its span, for every skip of style `post` that is not removed.

    A sum that stands behind an activation already is left as it is. A removed skip leaves the same network in
    either style.

    Args:
        module: changed in place.
        skips: of the module.
        plan: choice by skip name.

    Returns:
        The skips of the module as it is now, under the same names.

    Raises:
        TrainError: no activation stands behind or in front of such a sum, or it is not the sum's only reader.
    """
    nodes = {node.name: node for node in module.graph.nodes}
    moved = False
    for skip in skips:
        choice = plan.get(skip.name)
        if choice is None or choice.style is not SkipStyle.POST or choice.state is SkipState.REMOVED:
            continue
        if not _ends_active(module, nodes, skip):
            _move_activation(module, nodes, skip)
            moved = True
    if not moved:
        return skips
    module.graph.lint()
    module.recompile()
    return find_skips(module)


def _ends_active(module: fx.GraphModule, nodes: dict[str, fx.Node], skip: SkipConnection) -> bool:
    """Whether the span's last operation, but for dropout, is an activation."""
    last = next((nodes[name] for name in reversed(skip.span) if not is_dropout(module, nodes[name])), None)
    return last is not None and is_activation(module, last)


def _move_activation(module: fx.GraphModule, nodes: dict[str, fx.Node], skip: SkipConnection) -> None:
    join, main = nodes[skip.join], nodes[skip.main_operand]
    readers = list(join.users)
    if len(readers) != 1 or not is_activation(module, readers[0]):
        raise TrainError(
            f"skip '{skip.name}': style 'post' adds behind the activation, but '{skip.join}' is not read by one "
            "activation alone; use style 'pre', or keep or remove this skip"
        )
    activation = readers[0]
    activation.replace_all_uses_with(join)
    activation.replace_input_with(join, main)
    join.prepend(activation)
    join.replace_input_with(main, activation)
