"""``NamedTuple`` as in ``typing``, but four times as fast to define a class with.

A cold start defines more than twenty of them. ``typing`` compiles the annotation of each field, to check its form. Type
checkers see ``typing.NamedTuple``.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 -- this form exports it
else:

    class _Definition(type):
        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = namespace.get("__annotations__", {})
            defaults = [namespace.pop(field) for field in fields if field in namespace]
            record = namedtuple(name, fields, defaults=defaults, module=namespace["__module__"])  # noqa: PYI024 -- see above
            if len(bases) > 1:
                return type(name, (record, *bases[1:]), {"__slots__": (), **namespace})
            for attribute, value in namespace.items():
                setattr(record, attribute, value)
            return record

    class NamedTuple(metaclass=_Definition):
        """The base of a class whose instances are tuples with named fields: those with an annotation."""
