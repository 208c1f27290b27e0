"""Short skips as part of the convolution's weights: conv(x) + P(x) = conv'(x), W' = W + P at the centre tap.

P is the identity or a 1x1 convolution; batch norms are folded first. In floating point the network stays the
same, one addition poorer; quantized afterwards, P shares the convolution's scale and is trained with it.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, fx, nn

from tailor_train.errors import TrainError
from tailor_train.norms import fold_batch_norm
from tailor_train.plan import SkipStyle
from tailor_train.tracing import called_module, is_batch_norm

if TYPE_CHECKING:
    from tailor_train.surgery import SkipRecord


def fold_short_skips(
    module: fx.GraphModule, records: Iterable[SkipRecord], parents: Collection[str]
) -> tuple[SkipRecord, ...]:
    """Replace the convolutions under short skips by ones that hold the skip, and drop the sums.

    The new convolutions have a bias and stand under the old ones' paths; other parameters stay the same
    objects, and modules outside `module` are not touched.

    Args:
        module: a deployed network, changed in place.
        records: its skips.
        parents: original skips whose short skips are folded.

    Returns:
        All records; those of folded skips have no nodes.

    Raises:
        TrainError: a skip cannot be folded; names it, the convolution and the reason.
    """
    folder = _Folder(module)
    given = tuple(records)
    for record in given:
        if record.parent in parents:
            folder.fold(record)
    module.graph.eliminate_dead_code()
    module.graph.lint()
    module.delete_all_unused_submodules()
    module.recompile()
    return tuple(
        replace(record, folded=True, fork=None, join=None, main_operand=None, skip_operand=None)
        if record.parent in parents
        else folder.renamed(record)
        for record in given
    )


class _Unfoldable(Exception):
    """Why a skip cannot be folded."""


class _Folder:
    def __init__(self, module: fx.GraphModule) -> None:
        self.module = module
        self.nodes = {node.name: node for node in module.graph.nodes}
        self.calls = Counter(str(node.target) for node in module.graph.nodes if node.op == "call_module")
        self.renames: dict[str, str] = {}

    def fold(self, record: SkipRecord) -> None:
        assert record.join is not None
        join = self.nodes[record.join]
        try:
            if record.style is SkipStyle.POST:
                raise _Unfoldable("style 'post' adds behind the activation")
            if len(record.main_convs) != 1:
                raise _Unfoldable(f"the short skip leads over {len(record.main_convs)} convolutions")
            main, skip = (
                self.nodes[self.renames.get(str(name), str(name))]
                for name in (record.main_operand, record.skip_operand)
            )
            conv, weight, bias = self._convolution(main)
            centre = _centre(called_module(self.module, conv))
            side, offset = self._side(skip, conv)
        except _Unfoldable as reason:
            raise TrainError(
                f"skip '{record.name}' cannot be folded into '{', '.join(record.main_convs)}' before quantization: "
                f"{reason}; use fold_skips: exact"
            ) from None
        folded = weight.clone()
        folded[:, :, centre[0], centre[1]] += side
        self._replace(conv, folded, bias + offset)
        join.replace_all_uses_with(conv)
        self.module.graph.erase_node(join)
        self.renames[join.name] = conv.name

    def renamed(self, record: SkipRecord) -> SkipRecord:
        """A record whose operands were folded sums."""

        def name(old: str | None) -> str | None:
            return None if old is None else self.renames.get(old, old)

        return replace(
            record,
            fork=name(record.fork),
            main_operand=name(record.main_operand),
            skip_operand=name(record.skip_operand),
        )

    def _convolution(self, end: fx.Node) -> tuple[fx.Node, Tensor, Tensor]:
        """The convolution whose value, behind batch norm or not, is `end`; with float64 weight and bias."""
        node = end.all_input_nodes[0] if is_batch_norm(self.module, end) else end
        layer = called_module(self.module, node)
        if not isinstance(layer, nn.Conv2d) or any(len(part.users) != 1 for part in (node, end)):
            raise _Unfoldable(f"'{end.name}' is not one Conv2d with or without batch norm that the sum alone reads")
        if self.calls[str(node.target)] > 1:
            raise _Unfoldable(f"'{node.target}' is called more than once and its weights are shared")
        if layer.groups != 1:
            raise _Unfoldable(f"'{node.target}' has {layer.groups} groups")
        if layer.padding_mode != "zeros":
            raise _Unfoldable(f"'{node.target}' pads with '{layer.padding_mode}'")
        norm = called_module(self.module, end) if end is not node else None
        return node, *fold_batch_norm(layer, norm, str(node.target))

    def _side(self, skip: fx.Node, conv: fx.Node) -> tuple[Tensor, Tensor]:
        """What the centre tap, (Cout, Cin), and the bias, (Cout,), gain."""
        layer, source = called_module(self.module, conv), conv.args[0]
        assert isinstance(layer, nn.Conv2d)
        if skip is source:
            if layer.stride != (1, 1) or layer.in_channels != layer.out_channels:
                raise _Unfoldable("an identity needs stride 1 and as many output as input channels")
            eye = torch.eye(layer.in_channels, dtype=torch.float64, device=layer.weight.device)
            return eye, eye.new_zeros(layer.out_channels)
        node, weight, bias = self._convolution(skip)
        projection = called_module(self.module, node)
        assert isinstance(projection, nn.Conv2d)
        fits = projection.kernel_size == (1, 1) and projection.stride == layer.stride
        if node.args[0] is not source or not fits or projection.padding not in ((0, 0), "same", "valid"):
            raise _Unfoldable(
                f"'{node.target}' on the skip is no 1x1 convolution of the same input with stride {layer.stride}"
            )
        return weight[:, :, 0, 0], bias

    def _replace(self, node: fx.Node, weight: Tensor, bias: Tensor) -> None:
        path = str(node.target)
        old = self.module.get_submodule(path)
        new = copy.deepcopy(old)
        for role, values in (("weight", weight), ("bias", bias)):
            setattr(new, role, nn.Parameter(values.to(next(old.parameters()).dtype)))
        parent, _, name = path.rpartition(".")
        setattr(self.module.get_submodule(parent), name, new)


def _centre(layer: nn.Module | None) -> tuple[int, int]:
    """Row and column of the tap that sees the output pixel's own input pixel."""
    assert isinstance(layer, nn.Conv2d)
    taps = tuple(size // 2 for size in layer.kernel_size)
    same = tuple(tap * step for tap, step in zip(taps, layer.dilation, strict=True))
    if any(size % 2 == 0 for size in layer.kernel_size) or layer.padding not in ("same", same):
        raise _Unfoldable(
            f"a kernel of {layer.kernel_size} with padding {layer.padding} has no tap on the output's own pixel"
        )
    return taps[0], taps[1]
