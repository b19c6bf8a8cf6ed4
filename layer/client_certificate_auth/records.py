"""``NamedTuple`` as in ``typing``, but more than five times as fast to define a class with.

A cold start defines more than twenty of them. ``typing`` and ``collections`` compile a constructor for each class, in
50 to 130 µs. Here, the classes with the same number of fields share the code of one, under the names of their own
fields. Type checkers see ``typing.NamedTuple``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 -- this form exports it
    from typing import Self
else:
    # From which ``collections.namedtuple`` makes the fields, too.
    from collections import _tuplegetter
    from types import FunctionType

    _new = tuple.__new__

    def _any_constructor(cls: type[tuple[object, ...]]) -> tuple[object, ...]:
        """Return a record with the values of all variables but the first. ``_constructor`` adds them as parameters."""
        return _new(cls, tuple(locals().values())[1:])

    # The same for most classes, by the number of fields: four times as fast.
    _CONSTRUCTORS = {
        2: lambda cls, a, b: _new(cls, (a, b)),
        3: lambda cls, a, b, c: _new(cls, (a, b, c)),
        4: lambda cls, a, b, c, d: _new(cls, (a, b, c, d)),
        5: lambda cls, a, b, c, d, e: _new(cls, (a, b, c, d, e)),
        6: lambda cls, a, b, c, d, e, f: _new(cls, (a, b, c, d, e, f)),
        7: lambda cls, a, b, c, d, e, f, g: _new(cls, (a, b, c, d, e, f, g)),
        8: lambda cls, a, b, c, d, e, f, g, h: _new(cls, (a, b, c, d, e, f, g, h)),
        10: lambda cls, a, b, c, d, e, f, g, h, i, j: _new(cls, (a, b, c, d, e, f, g, h, i, j)),
    }

    class _Record(tuple):
        """The methods of ``typing.NamedTuple``, which all classes inherit. Each class has a constructor of its own."""

        __slots__ = ()

        # Without annotations: readers of type hints, such as Pydantic, consider them as fields of each class.
        _fields = ()
        _field_defaults = {}  # noqa: RUF012 -- never changed

        @classmethod
        def _make(cls, values: Iterable[object]) -> Self:
            record = tuple.__new__(cls, values)
            if len(record) != len(cls._fields):
                message = f"{cls.__name__} has {len(cls._fields)} fields, not {len(record)}"
                raise TypeError(message)
            return record

        def _asdict(self) -> dict[str, object]:
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **named: object) -> Self:
            record = self._make(map(named.pop, self._fields, self))
            if named:
                message = f"{type(self).__name__} has no {', '.join(named)}"
                raise TypeError(message)
            return record

        # For copy.replace of Python 3.13.
        __replace__ = _replace

        def __getnewargs__(self) -> tuple[object, ...]:
            return tuple(self)

        def __repr__(self) -> str:
            fields = [f"{field}={value!r}" for field, value in self._asdict().items()]
            return f"{type(self).__name__}({', '.join(fields)})"

    def _constructor(name: str, fields: tuple[str, ...], defaults: tuple[object, ...]) -> FunctionType:
        """Return the ``__new__`` of a class with these fields, the last of which have the defaults."""
        code = _CONSTRUCTORS.get(len(fields), _any_constructor).__code__
        parameters = ("cls", *fields)
        numbers = {"co_argcount": len(parameters), "co_nlocals": len(parameters)}
        names = {"co_name": "__new__", "co_qualname": f"{name}.__new__", "co_varnames": parameters}
        return FunctionType(code.replace(**numbers, **names), globals(), None, defaults)

    class _Definition(type):
        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, object]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = tuple(namespace.get("__annotations__", ()))
            defaults = {field: namespace[field] for field in fields if field in namespace}
            namespace |= {"_field_defaults": defaults, "__new__": _constructor(name, fields, tuple(defaults.values()))}
            namespace.update({field: _tuplegetter(index, None) for index, field in enumerate(fields)})
            namespace |= {"_fields": fields, "__match_args__": fields, "__slots__": ()}
            return type.__new__(type, name, (_Record, *bases[1:]), namespace)

    class NamedTuple(metaclass=_Definition):
        """The base of a class whose instances are tuples with named fields: those with an annotation."""
