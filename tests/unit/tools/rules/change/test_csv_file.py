"""The CSV file of ``rules import``: what spreadsheets write is read, and every problem names its line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.rules.change.csv_file import CsvError, Problems, read_rows

if TYPE_CHECKING:
    from pathlib import Path

    from mtls_authorizer_cli.rules.change.csv_file import Row


def read(folder: Path, content: str | bytes) -> list[Row]:
    file = folder / "a.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = Problems(str(file))
    rows = read_rows(str(file), found)
    found.check()
    return rows


def problems(folder: Path, content: str | bytes) -> list[str]:
    with pytest.raises(CsvError) as raised:
        read(folder, content)
    return [problem.removeprefix(f"{folder / 'a.csv'}:") for problem in raised.value.problems]


@pytest.mark.parametrize(
    "content",
    [
        "name,certificate,allow\nacme,a.pem,GET /a|POST /b\n",
        "\ufeffname;certificate;allow\r\nacme;a.pem;GET /a | POST /b\r\n",
        "name\tcertificate\tallow\nacme\ta.pem\tGET /a|POST /b",
        "name\tcertificate\tallow\r\nacme\ta.pem\tGET /a|POST /b\r\n".encode("utf-16"),
        '\n\n"allow","name","certificate"\n\n"GET /a|\nPOST /b",acme,a.pem\n,,\n',
        " name , certificate , allow \n acme , a.pem , GET /a||POST /b| \n",
        "sep=;\r\nname;certificate;allow\r\nacme;a.pem;GET /a|POST /b\r\n",
        '\ufeff\n"SEP=:"\nname:certificate:allow\nacme:a.pem:GET /a|POST /b\n',
        "sep=\t\nname\tcertificate\tallow\nacme\ta.pem\tGET /a|POST /b\n".encode("utf-16"),
        "name;certificate;allow;;\r\nacme;a.pem;GET /a|POST /b; ;\r\n;;;;\r\n",
        "name,certificate,allow\nacme,a.pem,GET /a|POST /b,,\n",
        "  \nname;certificate;allow\nacme;a.pem;GET /a|POST /b\n",
        # Spreadsheets can also end lines as earlier Macintosh computers did.
        "sep=;\rname;certificate;allow\racme;a.pem;GET /a|POST /b\r",
        "name;certificate;allow;description\racme;a.pem;GET /a|POST /b;a, b, c, d, e, f, g\r",
        # More of these characters than of the one that is named.
        'sep=;\nname;certificate;"allow";"context.,,,,,,"\nacme;a.pem;GET /a|POST /b;\n',
    ],
)
def test_files_of_several_spreadsheets_are_read(content: str | bytes, tmp_path: Path) -> None:
    (row,) = read(tmp_path, content)
    assert (row.cells["name"], row.cells["certificate"], row.routes) == ("acme", "a.pem", ["GET /a", "POST /b"])
    assert row.context == {}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("sep=;\nname,certificate,allow\n", "2: column allow: is missing"),
        ("sep=;\nname;certificate;allow\n", "2: there are no rows"),
        ("sep=;\nname;certificate;allow\na;;GET /a\n", "3: column certificate: is empty"),
        ("sep=;;\nname;certificate;allow\na;b;GET /a\n", "1: column allow: is missing"),
        ("sep=;", "1: column allow: is missing"),
    ],
)
def test_lines_are_counted_from_the_one_that_names_the_delimiter(content: str, expected: str, tmp_path: Path) -> None:
    assert any(problem.startswith(expected) for problem in problems(tmp_path, content))


def test_columns_with_a_prefix_are_the_context_and_empty_cells_are_left_out(tmp_path: Path) -> None:
    first, second = read(
        tmp_path,
        "name,certificate,allow,description,context.tenant,context.tier\n"
        "a,a.pem,GET /a,x,Acme,gold\n"
        "b,b.pem,GET /b,,,\n",
    )
    assert (first.context, first.cells["description"]) == ({"tenant": "Acme", "tier": "gold"}, "x")
    assert second.context == {}


def test_a_row_has_the_line_on_which_it_starts(tmp_path: Path) -> None:
    rows = read(tmp_path, 'name,certificate,allow\na,a.pem,"GET /a|\nGET /b"\n\nb,b.pem,GET /c\n')
    assert [row.line for row in rows] == [2, 5]


HEADER = "name,certificate,allow\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", ["1: column allow: is missing", "1: column certificate: is missing", "1: column name: is missing"]),
        (
            "name,allow\na,GET /a\n",
            ["1: column certificate: is missing: the first row must contain the names of the columns"],
        ),
        (HEADER, ["1: there are no rows below the names of the columns"]),
        (
            "name,certificate,allow,routes\na,b,c,d\n",
            ["1: column 'routes': is unknown: the columns are name, certificate"],
        ),
        # A private key on one line, as in a variable: nothing of it is printed.
        (
            "-----BEGIN PRIVATE KEY-----\\nMIIE",
            [
                "1: column '-----BEGIN PRIVATE KEY--'...: is unknown",
                *(f"1: column {name}: is missing" for name in ("allow", "certificate", "name")),
            ],
        ),
        ("name,certificate,allow,context.\na,b,c,d\n", ["1: column 'context.': is unknown"]),
        ("name,name,certificate,allow\na,a,b,c\n", ["1: column name: occurs twice: remove one of them"]),
        (f"{HEADER}a\n\na,b,c,d\n", ["2: has 1 cell, and the first row has 3", "4: has 4 cells"]),
        (
            f"{HEADER}a,,\n,b,c\n",
            ["2: column allow: is empty", "2: column certificate: is empty", "3: column name: is"],
        ),
        (f'{HEADER}a,b,GET /a\n"a,b,c\n', ["3: is not CSV: unexpected end of data"]),
        (b"PK\x03\x04\x14\0\6\0", ["1: is a workbook (.xlsx) or another ZIP file: save it as CSV in UTF-8"]),
        (f"{HEADER}a,b,\xe9\n".encode("latin-1"), ["2: is not UTF-8: save the file as CSV in UTF-8"]),
    ],
)
def test_every_problem_names_its_line_and_its_column(content: str | bytes, expected: list[str], tmp_path: Path) -> None:
    found = problems(tmp_path, content)
    assert len(found) == len(expected)
    assert all(problem.startswith(beginning) for problem, beginning in zip(found, expected, strict=True))


@pytest.mark.parametrize(("count", "rest"), [(50, []), (51, ["and 1 more"]), (60, ["and 10 more"])])
def test_many_problems_are_counted(count: int, rest: list[str], tmp_path: Path) -> None:
    found = problems(tmp_path, HEADER + "a,b\n" * count)
    assert found[50:] == rest
    assert found[49].startswith("51: has 2 cells")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        read_rows(str(tmp_path / "no.csv"), Problems("no.csv"))
