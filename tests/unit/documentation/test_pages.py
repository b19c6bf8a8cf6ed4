"""Pages can be found, read at once, and followed without broken links."""

from __future__ import annotations

import posixpath
import re

import pytest

from tests.unit.documentation.markdown import PROJECT, anchors, links, pages, prose

LARGEST_README = 12 * 1024
LARGEST_PAGE = 20 * 1024
PAGES = pages()
CODE = {".py", ".ts", ".tf", ".yaml"}


def targets(page: str) -> list[tuple[str, str]]:
    """Return the path and the anchor of each link of a page that stays in the project."""
    found = []
    for link in links(PAGES[page]):
        if not re.match(r"[a-z]+:", link):
            path, _, anchor = link.partition("#")
            found.append((posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page, anchor))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_anchor_resolves(page: str) -> None:
    broken = [
        f"{path}#{anchor}"
        for path, anchor in targets(page)
        if not (PROJECT / path).exists() or (anchor and anchor not in anchors(PAGES.get(path, "")))
    ]
    assert broken == []


def test_every_page_and_anchor_that_code_and_messages_name_exists() -> None:
    folders = ("layer", "authorizer", "tools", "local_gateway", "distribution", "cdk", "terraform", "templates")
    files = [file for folder in folders for file in (PROJECT / folder).rglob("*") if file.suffix in CODE]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    named = set(re.findall(r"\b(docs/[a-z0-9/-]+\.md)(?:#([a-z0-9-]+))?", text))
    assert len(named) > 10
    assert {(page, anchor) for page, anchor in named if anchor not in {"", *anchors(PAGES.get(page, ""))}} == set()
    assert {page for page, _ in named} <= PAGES.keys()


def test_every_page_is_reachable_in_two_clicks() -> None:
    reached = {"README.md"}
    for _click in range(2):
        reached |= {path for page in reached & PAGES.keys() for path, _ in targets(page)}
    assert PAGES.keys() <= reached


def test_the_readme_is_small() -> None:
    assert len(PAGES["README.md"].encode()) <= LARGEST_README


@pytest.mark.parametrize("page", PAGES)
def test_no_page_is_large(page: str) -> None:
    assert len(PAGES[page].encode()) <= LARGEST_PAGE


@pytest.mark.parametrize("page", PAGES)
def test_a_page_begins_with_a_title_and_a_paragraph(page: str) -> None:
    title, empty, first, *_ = PAGES[page].split("\n")
    assert re.fullmatch(r"# .+", title)
    assert empty == ""
    assert re.match(r"\*{0,2}[A-Z`]", first)
    assert re.findall(r"^# .+", prose(PAGES[page]), re.MULTILINE) == [title]


@pytest.mark.parametrize("page", PAGES)
def test_every_row_belongs_to_a_table_with_a_header(page: str) -> None:
    tables = re.findall(r"(?:^ *\|.*\n?)+", prose(PAGES[page]), re.MULTILINE)
    headers = [re.fullmatch(r" *\|.*\| *\n *(?:\| *:?-+:? *)+\|\n.+", table, re.DOTALL) for table in tables]
    assert [table for table, header in zip(tables, headers, strict=True) if header is None] == []


@pytest.mark.parametrize("page", PAGES)
def test_external_links_are_encrypted(page: str) -> None:
    assert [link for link in links(PAGES[page]) if link.startswith("http:")] == []


def test_every_page_that_was_promised_exists() -> None:
    promised = [
        "tutorial",
        "deploy/sam",
        "deploy/terraform",
        "deploy/cdk",
        "deploy/cloudformation",
        "deploy/cli",
        "layer/zip",
        "layer/container",
        "layer/reference",
        "layer/alb-cloudfront",
        "configuration",
        "rules",
        "revocation",
        "context",
        "deny-reasons",
        "commands",
        "observability",
        "why-403",
        "onboard-a-partner",
        "rotate-a-certificate",
        "block-a-client-now",
        "try-rules-first",
        "500-errors",
        "stale-crl",
        "security-model",
        "architecture",
        "performance",
        "cost",
        "upgrading",
        "glossary",
    ]
    assert {f"docs/{name}.md" for name in promised} <= PAGES.keys()


@pytest.mark.parametrize(
    ("page", "answers"),
    [
        ("docs/deploy/cdk.md", ["RequestAuthorizer", "default_method_options", "disable_execute_api_endpoint=True"]),
        ("docs/layer/container.md", ["docker build", "COPY build/layer/python/"]),
        ("docs/why-403.md", ['filter decision = "deny"', "make explain CERT=partner.pem"]),
        ("docs/onboard-a-partner.md", ["truststore", "add a rule that matches", "`explain` prints `ALLOWED`"]),
        ("docs/rotate-a-certificate.md", ["nothing needs to change", "make explain CERT=partner-new.pem"]),
        ("docs/block-a-client-now.md", ["deny the client in the rules document", "flush API Gateway's cache"]),
        ("docs/try-rules-first.md", ['filter decision = "allow" and shadow_decision = "deny"']),
        ("docs/cost.md", ["ten million requests", "cache hit ratio", "aws.amazon.com/lambda/pricing"]),
    ],
)
def test_the_question_of_a_page_is_answered_on_its_first_screen(page: str, answers: list[str]) -> None:
    first_screen = "\n".join(PAGES[page].splitlines()[:40])
    assert [answer for answer in answers if answer not in first_screen] == []
