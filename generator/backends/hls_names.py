"""Names of a design in C++: which are taken, and which two would become one."""

from __future__ import annotations

from collections import Counter

from generator.design import Design
from generator.errors import ConfigError, GraphError
from generator.names import identifier

_KEYWORDS = (
    "alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl const "
    "const_cast constexpr continue decltype default delete do double dynamic_cast else enum explicit export extern "
    "false float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or "
    "or_eq private protected public register reinterpret_cast return short signed sizeof static static_assert "
    "static_cast struct switch template this thread_local throw true try typedef typeid typename union unsigned using "
    "virtual void volatile wchar_t while xor xor_eq"
)
_TAKEN = (
    "main std hls tailor x y input_t result_t x_beat_t y_beat_t x_config y_config x_elements y_elements x_lanes "
    "y_lanes load_weights"
)
RESERVED = frozenset([*_KEYWORDS.split(), *_TAKEN.split()])
"""What the top function cannot be called: C++11's keywords, and the names that the emitted files use."""


def check_names(design: Design) -> None:
    """Refuse names that C++ could not tell apart.

    Raises:
        ConfigError: the design's own name is taken.
        GraphError: two stages have one name; all such names are in the message.
    """
    top = identifier(design.name)
    if top in RESERVED:
        raise ConfigError(
            f"project name {design.name!r}: is a word of C++ or of the emitted files; set another ProjectName"
        )
    counts = Counter(identifier(stage.name) for stage in design.stages)
    counts.update(("x", "y"))
    clashes = sorted(name for name, count in counts.items() if count > 1)
    if clashes:
        raise GraphError(f"design {design.name!r}: two stages would be called {', '.join(clashes)}; rename a layer")
