"""Mutants: a module with one small mistake each, of the kinds that mutation testing tools make.

The operators are those of mutmut, cosmic-ray and Stryker: comparisons, boolean and arithmetic operators, conditions
that are always or never true, constants (also as default arguments), return values, deleted statements, and exceptions
that aren't caught. Left out is what doesn't run: annotations, type aliases, ``if TYPE_CHECKING``, docstrings,
``__all__``.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OTHER_OPERATOR: Mapping[type[ast.AST], Any] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
_NOT_RUN = {"annotation", "returns", "type_comment", "type_params"}
_TYPING_CALLS = {"TypeVar", "NewType", "cast"}
_LONGEST_CONTEXT = 90


class Mutant(NamedTuple):
    """A place in a module's tree and what to put there."""

    line: int
    function: str
    """The function's qualified name, empty for what runs when the module is imported."""
    before: str
    after: str
    parent: ast.AST
    field: str
    place: int | None
    replacement: ast.AST

    def apply(self) -> None:
        """Make the mistake in the tree."""
        _put(self.parent, self.field, self.place, self.replacement)

    @property
    def name(self) -> str:
        """What it is called in the list of survivors, unless a function has the same twice."""
        return f"{self.function or 'module'}: {self.before} → {self.after}"


def mutants(tree: ast.Module) -> list[Mutant]:
    """Return all mutants of a module, in the order of its lines."""
    return sorted(_below(tree, "", ""), key=lambda mutant: mutant.line)


def _below(node: ast.AST, path: str, function: str) -> Iterator[Mutant]:
    """Find the mutants below a node. ``path`` is its qualified name, ``function`` that of the function around it."""
    for field, index, child in _children(node):
        if field in _NOT_RUN or _is_declaration(child) or (_calls(node, "cast") and index == 0):
            continue
        inner_path, inner_function = path, function
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and field == "body":
            inner_path = inner_function = f"{path}.{node.name}".lstrip(".")
        elif isinstance(node, ast.ClassDef):
            inner_path = f"{path}.{node.name}".lstrip(".")
        for replacement in _replacements(child, node, field):
            yield _mutant(inner_function, node, field, index, child, replacement)
        if not isinstance(child, ast.JoinedStr):
            yield from _below(child, inner_path, inner_function)
        else:
            for part in child.values:
                if isinstance(part, ast.FormattedValue):
                    yield from _below(part, inner_path, inner_function)


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            yield from ((field, index, each) for index, each in enumerate(value) if isinstance(each, ast.AST))


def _is_declaration(node: ast.AST) -> bool:
    """Return whether a node says something to readers or type checkers only."""
    match node:
        case ast.Expr(value=ast.Constant()):  # a docstring, or an ellipsis
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
    return _calls(node, "TypeVar", "NewType")


def _calls(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _replacements(  # noqa: C901, PLR0912 -- a table, in the form of a match
    node: ast.AST, parent: ast.AST, field: str
) -> Iterator[ast.AST]:
    """Return what may stand in a node's place."""
    match node:
        case ast.Constant(value=value):
            yield from map(ast.Constant, _other_constants(value))
        case ast.JoinedStr():
            yield ast.Constant("")
        case ast.Compare(left=left, ops=operators, comparators=comparators):
            for index, operator in enumerate(operators):
                others = [*operators[:index], _OTHER_OPERATOR[type(operator)](), *operators[index + 1 :]]
                yield ast.Compare(left, others, comparators)
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(_OTHER_OPERATOR[type(operator)](), values)
        case ast.BinOp(left=left, op=operator, right=right):
            yield ast.BinOp(left, _OTHER_OPERATOR[type(operator)](), right)
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            yield operand
        case ast.AugAssign(target=target, op=operator, value=value):
            yield ast.AugAssign(target, _OTHER_OPERATOR[type(operator)](), value)
            yield ast.Pass()
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Expr() | ast.Raise() | ast.Delete() | ast.Break() | ast.Continue() | ast.Return(value=None):
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.ExceptHandler(type=ast.Tuple(elts=caught)):
            for index in range(len(caught)):
                rest = ast.Tuple([*caught[:index], *caught[index + 1 :]], ast.Load())
                yield ast.ExceptHandler(rest, node.name, node.body)
        case ast.ExceptHandler():
            yield ast.ExceptHandler(ast.Tuple([], ast.Load()), node.name, node.body)
    is_condition = (field == "test" and isinstance(parent, (ast.If, ast.IfExp, ast.While))) or field == "ifs"
    if is_condition and not isinstance(node, ast.Constant):
        yield ast.Constant(False)  # noqa: FBT003 -- no flag
        if not isinstance(parent, ast.While):
            yield ast.Constant(True)  # noqa: FBT003 -- no flag


def _other_constants(value: object) -> Iterator[str | bytes | float]:
    match value:
        case bool():
            yield not value
        case int() | float():
            yield value + 1
        case str():
            yield "" if value else "mutant"
        case bytes():
            yield b"" if value else b"mutant"


def _mutant(  # noqa: PLR0913, PLR0917 -- a node's place, and what is there
    function: str, parent: ast.AST, field: str, index: int | None, node: ast.AST, replacement: ast.AST
) -> Mutant:
    ast.fix_missing_locations(ast.copy_location(replacement, node))
    before, after = _text(node), _text(replacement)
    if isinstance(parent, (ast.expr, ast.keyword, ast.Return, ast.Assign, ast.comprehension)):
        around = _text(parent)
        if len(around) <= _LONGEST_CONTEXT:
            _put(parent, field, index, replacement)
            before, after = around, _text(parent)
            _put(parent, field, index, node)
    line = getattr(node, "lineno", 0)
    return Mutant(line, function, before, after, parent, field, index, replacement)


def _text(node: ast.AST) -> str:
    """Return the first line of a node's code."""
    first, _, rest = ast.unparse(node).partition("\n")
    return f"{first} …" if rest and not isinstance(node, ast.ExceptHandler) else first


def _put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node
