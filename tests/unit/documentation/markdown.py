"""The pages of the documentation, and what a test needs to know of their Markdown, as GitHub renders it."""

from __future__ import annotations

import re
import textwrap
from functools import cache
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parents[3]
TOP_LEVEL = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[a-z]*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)


class Fence(NamedTuple):
    """A fenced block: its page, its first line there, its language and its text."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def pages() -> dict[str, str]:
    """Return all pages, by their path in the project."""
    files = [*(PROJECT / name for name in TOP_LEVEL), *sorted((PROJECT / "docs").rglob("*.md"))]
    return {str(file.relative_to(PROJECT)): file.read_text(encoding="utf-8") for file in files}


def fences(*languages: str) -> list[Fence]:
    """Return the fenced blocks in some languages; in all of them, if none is named."""
    return [
        Fence(page, text.count("\n", 0, match.start()) + 1, match["language"], textwrap.dedent(match["text"]))
        for page, text in pages().items()
        for match in _FENCE.finditer(text)
        if not languages or match["language"] in languages
    ]


def prose(text: str) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", text)


def links(text: str) -> list[str]:
    """Return the targets of a page's links and pictures."""
    return _LINK.findall(_CODE.sub("code", prose(text)))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, which GitHub numbers if they are repeated."""
    found: dict[str, int] = {}
    result = set()
    for heading in _HEADING.findall(prose(text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w -]", "", plain.lower()).replace(" ", "-")
        number = found.get(anchor, 0)
        found[anchor] = number + 1
        result.add(f"{anchor}-{number}" if number else anchor)
    return result


def section(page: str, heading: str) -> str:
    """Return the text below a heading, up to the next heading of any level."""
    _, found, rest = pages()[page].partition(f"# {heading}\n")
    assert found, f"{page} has no heading {heading!r}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def tables(page: str, heading: str) -> list[list[list[str]]]:
    """Return the rows of a section's tables, without their headings."""
    found = re.findall(r"(?:^\|.*\n)+", section(page, heading), re.MULTILINE)
    return [
        [[cell.strip() for cell in row.strip().strip("|").split(" | ")] for row in table.splitlines()[2:]]
        for table in found
    ]


def codes(*texts: str) -> list[str]:
    """Return the inline code in some texts."""
    return [code for text in texts for _, code in _CODE.findall(text)]


def first_column(page: str, heading: str, table: int = 0) -> list[str]:
    """Return the inline code in the first column of a table."""
    return codes(*(row[0] for row in tables(page, heading)[table]))
