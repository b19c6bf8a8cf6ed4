"""Reading CloudFormation's YAML with the parser in C: the one in Python takes a third of a second for each template."""

from __future__ import annotations

from typing import Any

import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own
from samtranslator.yaml_helper import intrinsics_multi_constructor  # type: ignore[import-untyped]


class _Loader(yaml.CSafeLoader):  # type: ignore[misc]  # see above
    """A safe loader that knows the short forms of intrinsic functions, such as ``!Ref``."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def yaml_parse(text: str) -> Any:  # noqa: ANN401 -- as in YAML
    """Return the content of a document, with the long forms of intrinsic functions."""
    return yaml.load(text, _Loader)  # noqa: S506 -- it is a safe loader
