"""What names in emitted C++ stand for: visible variables, arrays, constants."""

from __future__ import annotations

from collections.abc import Iterable

from clang.cindex import Cursor, CursorKind, StorageClass, Type, TypeKind

_ARRAYS = (
    TypeKind.CONSTANTARRAY,
    TypeKind.DEPENDENTSIZEDARRAY,
    TypeKind.INCOMPLETEARRAY,
    TypeKind.VARIABLEARRAY,
)
_REFERENCES = (CursorKind.DECL_REF_EXPR, CursorKind.MEMBER_REF_EXPR)
_QUALIFIERS = (CursorKind.TYPE_REF, CursorKind.TEMPLATE_REF, CursorKind.NAMESPACE_REF)


class Scope:
    """The variables that a statement sees."""

    def __init__(self, names: dict[str, Cursor], parameters: frozenset[str] = frozenset()) -> None:
        self._names = names
        self.parameters = parameters

    @classmethod
    def of(cls, declarations: Iterable[Cursor]) -> Scope:
        """A scope of these variables."""
        return cls({declaration.spelling: declaration for declaration in declarations})

    def inside(self, function: Cursor) -> Scope:
        """What a function's body sees: members of its class and its parameters too."""
        names = dict(self._names)
        for member in function.semantic_parent.get_children():
            if member.kind in (CursorKind.FIELD_DECL, CursorKind.VAR_DECL):
                names[member.spelling] = member
        parameters = [child for child in function.get_children() if child.kind is CursorKind.PARM_DECL]
        names |= {parameter.spelling: parameter for parameter in parameters}
        return Scope(names, frozenset(parameter.spelling for parameter in parameters))

    def copy(self) -> Scope:
        """A scope that further declarations do not leave."""
        return Scope(dict(self._names), self.parameters)

    def declare(self, statement: Cursor) -> None:
        """Take in what a declaration statement declares."""
        if statement.kind is CursorKind.DECL_STMT:
            for child in statement.get_children():
                if child.kind is CursorKind.VAR_DECL:
                    self._names[child.spelling] = child

    def find(self, name: str) -> Cursor | None:
        """The variable of that name."""
        return self._names.get(name)


def array_dimensions(kind: Type) -> int | None:
    """Dimensions of an array or of a pointer to one; 0 for a scalar, None where it depends on a template."""
    if kind.kind in (TypeKind.LVALUEREFERENCE, TypeKind.RVALUEREFERENCE):
        return array_dimensions(kind.get_pointee())
    if kind.kind in _ARRAYS:
        return 1 + (array_dimensions(kind.get_array_element_type()) or 0)
    if kind.kind is TypeKind.POINTER:
        return 1 + (array_dimensions(kind.get_pointee()) or 0)
    canonical = kind.get_canonical()
    if canonical.kind is not kind.kind:
        return array_dimensions(canonical)
    return None if kind.kind in (TypeKind.UNEXPOSED, TypeKind.DEPENDENT) else 0


def has_constant_bounds(loop: Cursor) -> bool:
    """Whether a for loop runs from a constant to a constant by constant steps."""
    parts = list(loop.get_children())
    if loop.kind is not CursorKind.FOR_STMT or len(parts) != 4 or parts[0].kind is not CursorKind.DECL_STMT:
        return False
    counters = [child for child in parts[0].get_children() if child.kind is CursorKind.VAR_DECL]
    if len(counters) != 1:
        return False
    start, bound, step, body = parts
    constant = all(_is_constant(part, counters[0]) for part in (start, bound, step))
    return constant and not any(_changes(statement, counters[0]) for statement in body.walk_preorder())


def _is_constant(expression: Cursor, counter: Cursor) -> bool:
    return all(_is_constant_name(part, counter) for part in expression.walk_preorder())


def _is_constant_name(part: Cursor, counter: Cursor) -> bool:
    if part.kind is CursorKind.CALL_EXPR:
        return _called(part).startswith("operator")
    if part.kind not in _REFERENCES:
        return True
    declaration = part.referenced
    if declaration is None:  # a member of a template's parameter: a constant, unless it is a member of an object
        kinds = {child.kind for child in part.get_children()}
        return bool(kinds) and kinds <= set(_QUALIFIERS)
    if declaration == counter or declaration.spelling.startswith("operator"):
        return True
    if declaration.kind in (CursorKind.ENUM_CONSTANT_DECL, CursorKind.TEMPLATE_NON_TYPE_PARAMETER):
        return True
    if declaration.kind is not CursorKind.VAR_DECL or not declaration.type.is_const_qualified():
        return False
    if declaration.semantic_parent.kind in (CursorKind.FUNCTION_DECL, CursorKind.FUNCTION_TEMPLATE):
        static = declaration.storage_class is StorageClass.STATIC
        return static or all(_is_constant(child, counter) for child in declaration.get_children())
    return True


def _called(call: Cursor) -> str:
    """The name of what is called; in a template, that of the first unresolved function."""
    if call.referenced is not None:
        return str(call.referenced.spelling)
    for part in call.walk_preorder():
        if part.kind is CursorKind.OVERLOADED_DECL_REF:
            return str(part.spelling)
    return ""


def _changes(statement: Cursor, counter: Cursor) -> bool:
    """Whether an expression writes to the counter."""
    if statement.kind is CursorKind.UNARY_OPERATOR:
        if not {"++", "--"} & {token.spelling for token in statement.get_tokens()}:
            return False
    elif statement.kind is CursorKind.BINARY_OPERATOR:
        operators = [token.spelling for token in statement.get_tokens()]
        if len(operators) < 2 or operators[1] != "=":
            return False
    elif statement.kind is not CursorKind.COMPOUND_ASSIGNMENT_OPERATOR:
        return False
    target = next(statement.get_children(), None)
    return target is not None and target.kind is CursorKind.DECL_REF_EXPR and target.referenced == counter
