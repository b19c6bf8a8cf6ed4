"""``make figures``: copy what the benchmarks wrote to the page on performance.

A block on the page begins with a comment that names the result file, and ends with ``END``.
"""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs" / "performance.md"

END = "<!-- end -->"
_BLOCK = re.compile(rf"<!-- (?P<file>benchmarks/results/[a-z-]+\.md) -->\n.*?{END}", re.DOTALL)


def with_figures(page: str) -> str:
    """Return a page whose blocks contain what the result files contain now."""

    def block(match: re.Match[str]) -> str:
        results = (PROJECT / match["file"]).read_text(encoding="utf-8")
        return f"<!-- {match['file']} -->\n{results.rstrip()}\n{END}"

    return _BLOCK.sub(block, page)


if __name__ == "__main__":
    PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
