"""A small evaluator of Terraform modules: as much of the language as the modules of this project use.

A resource's attribute that a provider would compute is an ``Unknown``, such as ``aws_sqs_queue.failures.arn``, unless a
test knows its value. As in Terraform 1.9, ``&&`` and ``||`` evaluate both operands.
"""

from __future__ import annotations

import json
import math
import operator
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hcl2
from hcl2.rules.base import AttributeRule, BlockRule, BodyRule
from hcl2.rules.containers import ObjectRule, TupleRule
from hcl2.rules.expressions import BinaryOpRule, ConditionalRule, ExprTermRule, UnaryOpRule
from hcl2.rules.for_expressions import ForObjectExprRule, ForTupleExprRule
from hcl2.rules.functions import FunctionCallRule
from hcl2.rules.indexing import FullSplatExprTermRule, GetAttrExprTermRule, GetAttrRule, IndexExprTermRule
from hcl2.rules.literal_rules import IdentifierRule, IntLitRule, LiteralValueRule
from hcl2.rules.strings import InterpolationRule, StringRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MODULES = Path(__file__).parents[3] / "terraform/modules"


class EvaluationError(Exception):
    """An expression that Terraform would reject."""


@dataclass(frozen=True)
class Unknown:
    """A resource or data source, or an attribute of one that is known only after it is created."""

    path: str


@dataclass(frozen=True)
class Resource:
    """An instance of a resource. Its blocks are lists of objects."""

    type: str
    name: str
    key: str | int | None
    attributes: dict[str, Any]


@cache
def parse(folder: Path) -> tuple[BlockRule, ...]:
    files = sorted(folder.glob("*.tf"))
    assert files
    return tuple(
        block for file in files for block in hcl2.parses(file.read_text()).body.children if isinstance(block, BlockRule)
    )


def labels(block: BlockRule) -> list[str]:
    return [str(label.serialize()).strip('"') for label in block.labels]


def attributes(body: BodyRule) -> dict[str, Any]:
    return {
        str(child.identifier.serialize()): child.expression
        for child in body.children
        if isinstance(child, AttributeRule)
    }


def blocks(body: BodyRule) -> list[BlockRule]:
    return [child for child in body.children if isinstance(child, BlockRule)]


@dataclass(frozen=True)
class Module:
    """A module with its inputs.

    ``known`` has values of attributes, by paths such as ``data.aws_region.current.region``.
    """

    folder: Path
    inputs: Mapping[str, Any]
    known: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def variables(self) -> dict[str, Any]:
        declared = {name: attributes(block.body) for name, block in self._blocks("variable")}
        assert self.inputs.keys() <= declared.keys(), self.inputs.keys() - declared.keys()
        return {
            name: self.inputs[name] if name in self.inputs else self.evaluate(body["default"])
            for name, body in declared.items()
        }

    @cached_property
    def violations(self) -> list[tuple[str, str]]:
        """The variables whose values their validations reject, each with the message."""
        return [
            (name, self.evaluate(rule["error_message"]))
            for name, block in self._blocks("variable")
            for rule in map(attributes, (each.body for each in blocks(block.body)))
            if not self.evaluate(rule["condition"])
        ]

    @cached_property
    def resources(self) -> list[Resource]:
        return [
            Resource(block_type, name, key, self._body(block.body, scope))
            for (block_type, name), block in self._declared.items()
            for key, scope in self._instances(block)
        ]

    @cached_property
    def outputs(self) -> dict[str, Any]:
        return {name: self.evaluate(attributes(block.body)["value"]) for name, block in self._blocks("output")}

    def local(self, name: str) -> Any:  # noqa: ANN401 -- as in JSON
        return self._locals[name] if name in self._locals else self._evaluate_local(name)

    @cached_property
    def _locals(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _declared(self) -> dict[tuple[str, str], BlockRule]:
        return {(block_type, name): block for kind, block_type, name, block in self._labelled() if kind == "resource"}

    def _labelled(self) -> Iterator[tuple[str, str, str, BlockRule]]:
        for block in parse(self.folder):
            match labels(block):
                case [kind, block_type, name]:
                    yield kind, block_type, name, block

    def _blocks(self, kind: str) -> list[tuple[str, BlockRule]]:
        return [(labels(block)[1], block) for block in parse(self.folder) if labels(block)[0] == kind]

    def _evaluate_local(self, name: str) -> Any:  # noqa: ANN401
        for block in parse(self.folder):
            if labels(block) == ["locals"] and name in (found := attributes(block.body)):
                self._locals[name] = self.evaluate(found[name])
                return self._locals[name]
        message = f"there is no local.{name}"
        raise EvaluationError(message)

    def _instances(self, block: BlockRule) -> list[tuple[str | int | None, dict[str, Any]]]:
        given = attributes(block.body)
        if "count" in given:
            return [(index, {"count": {"index": index}}) for index in range(self.evaluate(given["count"]))]
        if "for_each" in given:
            each: dict[str, Any] = self.evaluate(given["for_each"])
            return [(key, {"each": {"key": key, "value": value}}) for key, value in each.items()]
        return [(None, {})]

    def _body(self, body: BodyRule, scope: Mapping[str, Any]) -> dict[str, Any]:
        given = attributes(body)
        result = {
            name: self.evaluate(expression, scope)
            for name, expression in given.items()
            if name not in {"count", "for_each", "depends_on"}
        }
        for block in blocks(body):
            match labels(block):
                case ["dynamic", name]:
                    [content] = blocks(block.body)
                    for value in self.evaluate(attributes(block.body)["for_each"], scope):
                        inner = {**scope, name: {"value": value}}
                        result.setdefault(name, []).append(self._body(content.body, inner))
                case ["lifecycle"]:
                    pass
                case [name]:
                    result.setdefault(name, []).append(self._body(block.body, scope))
        # An argument of null is not set.
        return {name: value for name, value in result.items() if value is not None}

    def evaluate(self, node: Any, scope: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912 -- a case for each kind of expression
        scope = scope or {}

        def inner(node: Any) -> Any:  # noqa: ANN401
            return self.evaluate(node, scope)

        match node:
            case ExprTermRule():
                return inner(node.expression)
            case StringRule():
                return self._string(node, scope)
            case LiteralValueRule() | IntLitRule():
                value = node.serialize()
                return None if value == "null" else value
            case IdentifierRule():
                return self._root(str(node.serialize()), scope)
            case GetAttrExprTermRule():
                return self._attribute(inner(node.expr_term), str(node.get_attr.identifier.serialize()))
            case IndexExprTermRule():
                container, index = node.children
                return self._index(inner(container), inner(index.index_expression))
            case FullSplatExprTermRule():
                names = [
                    str(each.identifier.serialize())
                    for each in node.attr_splat.get_attrs
                    if isinstance(each, GetAttrRule)
                ]
                return self._splat(inner(node.expr_term), names)
            case TupleRule():
                return [inner(element) for element in node.elements]
            case ObjectRule():
                return {self._key(each.key.value): inner(each.expression) for each in node.elements}
            case ForTupleExprRule():
                return [self.evaluate(node.value_expr, local) for local in self._iterations(node, scope)]
            case ForObjectExprRule():
                return {
                    self.evaluate(node.key_expr, local): self.evaluate(node.value_expr, local)
                    for local in self._iterations(node, scope)
                }
            case ConditionalRule():
                return inner(node.if_true if _boolean(inner(node.condition)) else node.if_false)
            case UnaryOpRule():
                value = inner(node.expr_term)
                return not _boolean(value) if node.operator == "!" else -value
            case BinaryOpRule():
                left, right = inner(node.expr_term), inner(node.binary_term.expr_term)
                return OPERATORS[node.binary_term.binary_operator.serialize()](left, right)
            case FunctionCallRule():
                return self._call(node, scope)
        message = f"unexpected {type(node).__name__}"
        raise EvaluationError(message)

    def _key(self, key: Any) -> str:  # noqa: ANN401
        return str(key.serialize()) if isinstance(key, IdentifierRule) else self._string(key, {})

    def _root(self, name: str, scope: Mapping[str, Any]) -> Any:  # noqa: ANN401
        if name in scope:
            return scope[name]
        if name == "var":
            return self.variables
        return Unknown(name)

    def _attribute(self, value: Any, name: str) -> Any:  # noqa: ANN401
        if isinstance(value, Unknown):
            if value.path == "local":
                return self.local(name)
            path = f"{value.path}.{name}"
            match path.split("."):
                case [block_type, _] if block_type.startswith("aws_") and (block_type, name) not in self._declared:
                    message = f"there is no {path}"
                    raise EvaluationError(message)
            return self.known.get(path, Unknown(path))
        if name not in value:
            message = f"there is no {name} in {value}"
            raise EvaluationError(message)
        return value[name]

    def _index(self, value: Any, index: str | int) -> Any:  # noqa: ANN401
        if not isinstance(value, Unknown):
            return value[index]
        block_type, name = value.path.split(".")
        if index not in dict(self._instances(self._declared[block_type, name])):
            message = f"there is no {value.path}[{index}]"
            raise EvaluationError(message)
        return value

    def _splat(self, value: Any, names: list[str]) -> list[Any]:  # noqa: ANN401
        block_type, name = value.path.split(".")
        result = []
        for _ in self._instances(self._declared[block_type, name]):
            element = value
            for each in names:
                element = self._attribute(element, each)
            result.append(element)
        return result

    def _iterations(self, node: Any, scope: Mapping[str, Any]) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        iterable = self.evaluate(node.for_intro.iterable, scope)
        pairs = iterable.items() if isinstance(iterable, dict) else enumerate(iterable)
        names = [node.for_intro.first_iterator, node.for_intro.second_iterator]
        for pair in pairs:
            values = pair if names[1] else pair[1:]
            local = {**scope, **{str(n.serialize()): v for n, v in zip(names, values, strict=False) if n}}
            if node.condition is None or _boolean(self.evaluate(node.condition.condition_expr, local)):
                yield local

    def _string(self, node: StringRule, scope: Mapping[str, Any]) -> Any:  # noqa: ANN401
        parts = [part.content for part in node.string_parts]
        values = [
            self.evaluate(part.expression, scope) if isinstance(part, InterpolationRule) else _unescape(str(part.value))
            for part in parts
        ]
        if len(parts) == 1 and isinstance(parts[0], InterpolationRule):
            return values[0]
        return "".join(map(to_string, values))

    def _call(self, node: FunctionCallRule, scope: Mapping[str, Any]) -> Any:  # noqa: ANN401
        name = str(node.identifiers[0].serialize())
        given = node.arguments.arguments if node.arguments else []
        if name == "can":
            try:
                self.evaluate(given[0], scope)
            except (EvaluationError, ValueError, TypeError, AttributeError):
                return False
            return True
        return FUNCTIONS[name](*(self.evaluate(argument, scope) for argument in given))


def _boolean(value: Any) -> bool:  # noqa: ANN401
    if not isinstance(value, bool):
        message = f"{value!r} is not a boolean"
        raise EvaluationError(message)
    return value


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)|\$\$\{", lambda found: {"n": "\n", "t": "\t", None: "${"}.get(found[1], found[1] or ""), text)


def to_string(value: Any) -> str:  # noqa: ANN401
    """Convert a value as templates and ``tostring`` do."""
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
        case Unknown(path):
            return path
    message = f"{value!r} is no string"
    raise EvaluationError(message)


def _regex(pattern: str, text: str) -> str:
    # Go's regular expressions and Python's agree on what the modules use, except for a final newline, and for what is
    # whitespace outside of ASCII.
    if found := re.search(re.sub(r"\$$", r"\\Z", pattern), text, re.ASCII):
        return found[0]
    message = f"{text!r} does not match"
    raise EvaluationError(message)


def _one(values: list[Any]) -> Any:  # noqa: ANN401
    if len(values) > 1:
        message = "more than one element"
        raise EvaluationError(message)
    return values[0] if values else None


def json_encode(value: Any) -> str:  # noqa: ANN401
    return json.dumps(value, default=to_string, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _flatten(value: Any) -> list[Any]:  # noqa: ANN401
    return list(chain.from_iterable(map(_flatten, value))) if isinstance(value, list) else [value]


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "&&": lambda left, right: _boolean(left) & _boolean(right),
    "||": lambda left, right: _boolean(left) | _boolean(right),
    "+": operator.add,
    "*": operator.mul,
    "/": operator.truediv,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "alltrue": all,
    "anytrue": any,
    "compact": lambda values: [value for value in values if value not in (None, "")],
    "concat": lambda *lists: list(chain(*lists)),
    "contains": lambda values, value: value in values,
    "distinct": lambda values: list(dict.fromkeys(values)),
    "endswith": lambda text, suffix: text.endswith(suffix),
    "filebase64sha256": lambda path: f"digest of {path}",
    "flatten": _flatten,
    "floor": math.floor,
    "join": lambda separator, values: separator.join(values),
    "jsondecode": json.loads,
    "jsonencode": json_encode,
    "keys": lambda value: sorted(value.keys()),
    "length": len,
    "lookup": lambda value, key, default: value.get(key, default),
    "merge": lambda *values: {key: value for each in values for key, value in each.items()},
    "one": _one,
    "regex": _regex,
    "replace": lambda text, old, new: text.replace(old, new),
    "setsubtract": lambda one, other: sorted(set(one) - set(other)),
    "sha1": lambda text: f"SHA-1 of {text}",
    "split": lambda separator, text: text.split(separator),
    "startswith": lambda text, prefix: text.startswith(prefix),
    "strcontains": lambda text, part: part in text,
    "substr": lambda text, start, length: text[start : start + length],
    "tostring": to_string,
    "trimprefix": lambda text, prefix: text.removeprefix(prefix),
    "trimspace": str.strip,
    "values": lambda value: [value[key] for key in sorted(value)],
}
