"""Checks a rules document: ``python -m mtls_authorizer_cli.rules_check FILE``.

Prints how many rules it has, or on the standard error what is wrong with it, one problem a line. Ends with 0 for a
document that the authorizer takes, 1 for one that it refuses, and 2 if there is none to read.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mtls_authorizer.rules.document import LARGEST_DOCUMENT, RulesError, parse_rules


def main(arguments: list[str]) -> int:
    """Check the document that the one argument names, and return the exit code."""
    path = arguments[0] if len(arguments) == 1 else ""
    if not path:
        return _complain(2, ["usage: python -m mtls_authorizer_cli.rules_check FILE"])
    try:
        with Path(path).open("rb") as file:
            rules = parse_rules(file.read(LARGEST_DOCUMENT + 1))
    except OSError as error:
        return _complain(2, [f"{path}: {error.strerror}"])
    except RulesError as error:
        return _complain(1, [f"{path}: {problem}" for problem in error.problems])
    sys.stdout.write(f"{path}: {len(rules)} {'rule' if len(rules) == 1 else 'rules'}\n")
    return 0


def _complain(exit_code: int, lines: list[str]) -> int:
    sys.stderr.writelines(f"{line}\n" for line in lines)
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
