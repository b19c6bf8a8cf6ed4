"""CloudFormation's intrinsic functions, as far as the templates use them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NO_VALUE = object()


def resolve(  # noqa: C901 -- a case for each function
    node: Any,  # noqa: ANN401 -- as in JSON
    values: Mapping[str, str],
    conditions: Mapping[str, bool],
) -> Any:  # noqa: ANN401
    """Evaluate the functions whose arguments are known, and leave the others.

    ``values`` are those of parameters (``Name``) and of resources' attributes (``LogicalId.Attribute``).
    """

    def substitute(text: str, variables: dict[str, Any]) -> Any:  # noqa: ANN401
        known = {
            **values,
            **{name: str(value) for name, value in variables.items() if isinstance(value, str | int)},
        }
        text = re.sub(r"\$\{([\w:.]+)\}", lambda name: known.get(name[1], name[0]), text)
        unknown = {name: value for name, value in variables.items() if name not in known}
        if "${" not in text:
            return text
        return {"Fn::Sub": [text, unknown] if unknown else text}

    def inner(node: Any) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912 -- a case for each function
        match node:
            case {"Ref": "AWS::NoValue"}:
                return NO_VALUE
            case {"Ref": str(name)}:
                return values.get(name, node)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return values.get(f"{name}.{attribute}", node)
            case {"Fn::Sub": [str(text), dict(variables)]}:
                return substitute(text, inner(variables))
            case {"Fn::Sub": str(text)}:
                return substitute(text, {})
            case {"Fn::Join": [str(delimiter), parts]}:
                resolved = inner(parts)
                whole = isinstance(resolved, list) and all(isinstance(value, str) for value in resolved)
                return delimiter.join(resolved) if whole else {"Fn::Join": [delimiter, resolved]}
            case {"Fn::Split": [str(delimiter), whole]}:
                value = inner(whole)
                return value.split(delimiter) if isinstance(value, str) else {"Fn::Split": [delimiter, value]}
            case {"Fn::Select": [int(index), parts]}:
                items = inner(parts)
                return items[index] if isinstance(items, list) else {"Fn::Select": [index, items]}
            case {"Fn::Equals": [one, other]}:
                return str(inner(one)) == str(inner(other))
            case {"Fn::Not": [condition]}:
                return not inner(condition)
            case {"Fn::And": [*operands]}:
                return all(map(inner, operands))
            case {"Fn::Or": [*operands]}:
                return any(map(inner, operands))
            case {"Condition": str(name), **others} if not others:
                return conditions[name]
            case {"Fn::If": [condition, yes, no]}:
                return inner(yes if conditions[condition] else no)
            case dict():
                children = ((key, inner(child)) for key, child in node.items())
                return {key: child for key, child in children if child is not NO_VALUE}
            case list():
                return [child for child in map(inner, node) if child is not NO_VALUE]
        return node

    return inner(node)


def references(node: object) -> Iterator[str]:
    """Yield the names of the parameters and resources that a node refers to, and those of its conditions."""
    match node:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::Sub": [str(text), dict(variables)]}:
            yield from (name for name in re.findall(r"\$\{(\w+)", text) if name not in variables)
            yield from references(variables)
        case {"Fn::Sub": str(text)}:
            yield from re.findall(r"\$\{(\w+)", text)
        case {"Fn::If": [str(condition), *branches]}:
            yield condition
            yield from references(branches)
        case {"Condition": str(condition), **others}:
            yield condition
            yield from references(others)
        case dict():
            yield from references(list(node.values()))
        case list():
            for child in node:
                yield from references(child)
