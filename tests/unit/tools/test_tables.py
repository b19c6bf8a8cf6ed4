"""Text in lines of at most 100 columns, and CSV."""

from __future__ import annotations

import csv
import io
import shlex

import pytest

from mtls_authorizer_cli.tables import columns, csv_text, ends_with_command, fold, next_step


def test_lines_are_folded_between_words_but_never_within_quotes() -> None:
    quoted = "'" + "a  b " * 15 + "'"
    text = f'{"word " * 8}{quoted}; it\'s {quoted} ("{"x y " * 10}") {"y" * 120} end'
    lines = list(fold(text, first="  ", others="    "))
    assert " ".join(line.strip() for line in lines) == text
    assert lines[0].startswith("  word")
    assert all(line.startswith("    ") for line in lines[1:])
    assert sum(quoted in line for line in lines) == 2
    assert [len(line) <= 100 for line in lines].count(False) == 1


def test_a_word_of_a_command_is_not_broken() -> None:
    word = shlex.quote("O'Brien and Partners.pem")
    for length in range(100):
        assert word in "\n".join(fold(f"{'x' * length} explain {word} --csv"))


@pytest.mark.parametrize(
    "command",
    [
        "awk '/-BEGIN (X509 )?CERTIFICATE-/ && ++n==2, /-END/' "
        + shlex.quote("O'Brien and Partners.pem")
        + " > client.pem",
        "openssl pkcs12 -in 'a: b.p12' -clcerts -nokeys -out client.pem",
        "mtls-authorizer explain CERT --rules rules.json",
    ],
    ids=lambda command: command.split()[0],
)
def test_a_command_at_the_end_is_on_one_line(command: str) -> None:
    for length in range(100):
        text = f"{'x' * length}, the client's, is used. To extract it: {command}"
        assert command in (lines := list(fold(text)))[-1]
        assert " ".join(map(str.strip, lines)) == text
        assert ends_with_command(text)
    assert not ends_with_command(f"{command} prints more")


def test_a_sentence_that_begins_with_the_name_of_a_program_is_folded() -> None:
    text = f"note: openssl verify rejects 'CN=CA' as a CA: {'no ' * 30}. AWS does not document whether it does."
    assert len(list(fold(text))) == 2


def test_the_command_of_a_next_step_has_a_line_of_its_own() -> None:
    margin = " " * len("Next step: ")
    assert list(next_step("verify that a 'b c' prints d", "a 'b c'")) == [
        "Next step: verify that",
        f"{margin}a 'b c'",
        f"{margin}prints d",
    ]
    assert list(next_step("none", "a 'b c'")) == list(next_step("none")) == ["Next step: none"]


def test_spaces_within_a_line_are_kept() -> None:
    assert list(fold("ok  name   found x")) == ["  ok  name   found x"]
    assert list(fold("  detail", first="")) == ["  detail"]
    assert list(fold("")) == ["  "]


def test_columns_are_aligned_and_cut_off_at_their_width_and_at_the_end_of_the_line() -> None:
    rows = [("a" * 12, "b", "c" * 120), ("a\x1b", "b" * 8, "")]
    lines = list(columns(rows, (10, 10, 200)))
    assert lines == [f"  aaaaaaa...  b         {'c' * 73}...", "  a\\x1b       bbbbbbbb"]
    assert len(lines[0]) == 100
    assert list(columns([], (1, 2))) == []


def test_csv_is_ascii_and_has_no_formulas() -> None:
    rows = [("=1", "+1", "-1", "@x", "\t=1"), (None, 1, -1, "a,b", '"\u00e9\n')]
    assert csv_text("abcde", (dict(zip("abcde", row, strict=True)) for row in rows)) == (
        'a,b,c,d,e\n\'=1,\'+1,\'-1,\'@x,\\t=1\n,1,-1,"a,b","""\\xe9\\n"\n'
    )


def test_csv_has_no_formulas_either_where_a_semicolon_separates_cells() -> None:
    values: list[object] = ["URI:urn:x;=1+1;x", "a;;+1", ["DNS:a", 'x";-1', "y;@b"], 'x;y=1-1;"=1+1', 'x,""=1;""+1']
    text = csv_text("abcde", [dict(zip("abcde", values, strict=True))])
    _, *rows = csv.reader(io.StringIO(text), delimiter=";")
    cells = [cell for row in rows for cell in row]
    assert len(cells) == 10
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    assert "x;y=1-1" in text
