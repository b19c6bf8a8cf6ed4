"""Commands of the AWS CLI in documents, compared with AWS's models of its APIs, which botocore and the CLI share."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from typing import TYPE_CHECKING

import botocore.session
from botocore import xform_name
from botocore.model import ListShape, StructureShape

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

_GLOBAL_OPTIONS = {"no-paginate": 0, "output": 1, "profile": 1, "query": 1, "region": 1}
# Where the CLI has another parameter than the API, and which one it stands for.
_FILES = {("lambda", "create-function"): "code", ("lambda", "publish-layer-version"): "content"}
# Where the CLI has a file at the end, for the answer to go to.
_WITH_OUTPUT_FILE = {("lambda", "invoke"), ("s3api", "get-object")}
_VARIABLE = re.compile(r"\$\w+")


def find_commands(text: str) -> list[str]:
    """Return the commands of a document's code blocks, also in ``$(…)``, with continued lines joined."""
    joined = re.sub(r" *\\\n *", " ", text)
    # The output of a command may be piped to a loop, or stored in a file.
    joined = re.sub(r" (\||> [a-z-]+\.(?:json|pem))$", "", joined, flags=re.MULTILINE)
    substituted = re.findall(r"=\$\((aws .+)\)$", joined, re.MULTILINE)
    return re.findall(r"^ *(aws [a-z0-9-]+ [a-z].+?) *$", joined, re.MULTILINE) + substituted


def mistakes(command: str) -> list[str]:
    """Return what the CLI, or the API behind it, would refuse of a command."""
    _, service, name, *words = shlex.split(command, comments=True)
    if name == "wait":
        name, words = _waited_for(service, words[0]), words[1:]
    if (service, name) in _WITH_OUTPUT_FILE:
        words.pop()
    operation = _operations(service).get(name)
    if operation is None:
        return [f"{service} has no {name}"]
    stray, options = _parse(words)
    assert operation.input_shape
    members = {xform_name(member, "-"): shape for member, shape in operation.input_shape.members.items()}
    # The CLI adds idempotency tokens.
    named = set(operation.input_shape.required_members) - set(operation.idempotent_members)
    required = {xform_name(member, "-") for member in named}
    given = {_FILES[service, name] if option == "zip-file" else option for option in options}
    wrong = [f"{word} belongs to no option" for word in stray]
    wrong += [f"--{option} is missing" for option in sorted(required - given)]
    for option, values in options.items():
        if option == "max-items" and _is_paginated(service, operation.name):
            wrong += [] if len(values) == 1 and values[0].isdigit() else ["--max-items is not a number"]
        elif option == "zip-file":
            wrong += [] if re.fullmatch("fileb://.+", " ".join(values)) else ["--zip-file is not a file"]
        elif option in _GLOBAL_OPTIONS:
            wrong += [] if len(values) == _GLOBAL_OPTIONS[option] else [f"--{option} has too many values, or too few"]
        elif shape := members.get(option) or members.get(option.removeprefix("no-")):
            wrong += [f"--{option} {' '.join(values)}: {what}" for what in _wrong_values(shape, values)]
        else:
            wrong.append(f"there is no --{option}")
    return wrong


@cache
def _operations(service: str) -> dict[str, OperationModel]:
    """Return a service's operations under the CLI's names; none for a service that there is not."""
    session = botocore.session.Session()
    # The CLI's `s3` is a set of commands of its own.
    service = {"s3api": "s3", "s3": ""}.get(service, service)
    if service not in session.get_available_services():
        return {}
    model = session.get_service_model(service)
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


def _is_paginated(service: str, operation: str) -> bool:
    """Return whether the CLI requests all pages of an operation, so that it has options about them."""
    model = botocore.session.Session().get_paginator_model({"s3api": "s3"}.get(service, service))
    try:
        model.get_paginator(operation)
    except ValueError:
        return False
    return True


def _waited_for(service: str, waiter: str) -> str:
    """Return the operation that a waiter asks, or the waiter's own name if there is no such waiter."""
    model = botocore.session.Session().get_waiter_model(service)
    names = {xform_name(name, "-"): name for name in model.waiter_names}
    return xform_name(model.get_waiter(names[waiter]).operation, "-") if waiter in names else waiter


def _parse(words: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the words before the first option, and each option's values."""
    stray: list[str] = []
    options: dict[str, list[str]] = {}
    values = stray
    for word in words:
        if word.startswith("--"):
            values = options.setdefault(word.removeprefix("--"), [])
        else:
            values.append(word)
    return stray, options


def _wrong_values(shape: Shape, values: list[str]) -> list[str]:
    if shape.type_name == "boolean":
        return ["takes no value"] if values else []
    if not values:
        return ["takes a value"]
    if isinstance(shape, ListShape):
        if len(values) == 1 and values[0].startswith("["):
            return [what for item in json.loads(values[0]) for what in _wrong_json(shape.member, item)]
        return [what for value in values for what in _wrong_value(shape.member, value)]
    return _wrong_value(shape, values[0]) if len(values) == 1 else ["takes one value"]


def _wrong_json(shape: Shape, value: dict[str, str]) -> list[str]:
    """Return the mistakes of a structure in JSON."""
    assert isinstance(shape, StructureShape)
    unknown = [f"there is no {key}" for key in value if key not in shape.members]
    known = [(shape.members[key], item) for key, item in value.items() if key in shape.members]
    return unknown + [what for member, item in known for what in _wrong_value(member, item)]


def _wrong_value(shape: Shape, value: str) -> list[str]:
    if isinstance(shape, StructureShape) and re.fullmatch(r"file://.+\.json", value):
        return []
    if isinstance(shape, StructureShape):  # in the CLI's shorthand
        inner = value[1:-1] if value.startswith("{") and value.endswith("}") else value
        pairs = [pair.partition("=")[::2] for pair in re.split(r",(?![^{]*})", inner)]
        unknown = [f"there is no {key}" for key, _ in pairs if key not in shape.members]
        known = [(shape.members[key], item) for key, item in pairs if key in shape.members]
        return unknown + [what for member, item in known for what in _wrong_value(member, item)]
    if _VARIABLE.search(value):
        return []
    if shape.type_name in {"integer", "long"}:
        return [] if value.isdigit() else [f"{value} is not a number"]
    enum = getattr(shape, "enum", [])
    return [f"{value} is none of {', '.join(enum)}"] if enum and value not in enum else []
