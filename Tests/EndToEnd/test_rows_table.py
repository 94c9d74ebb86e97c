# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""What `docs/reliability.md` names is there."""

import re

from gateway import ROOT

TABLE = (ROOT / "docs/reliability.md").read_text()


def test_every_test_that_the_table_names_is_there():
    named = 0
    for line in TABLE.splitlines():
        file = None
        for given, name in re.findall(r"`(test_\w+\.py)?::(\w+)(?:\.\.\.)?`", line):
            file = given or file
            assert file, f"no file before {name}"
            text = (ROOT / "Tests/EndToEnd" / file).read_text()
            exact = rf"^def {name}" if f"{name}...`" in line else rf"^def {name}\("
            assert re.search(exact, text, re.M), f"{file} has no {name}"
            named += 1
    assert named > 100


def test_every_unit_test_file_and_page_that_the_table_names_is_there():
    files = {path.name for path in (ROOT / "Tests").rglob("*.swift")}
    named = {name.rpartition("/")[2] for name in re.findall(r"`([\w/]+\.swift)`", TABLE)}
    assert named and named <= files, named - files
    for link in re.findall(r"\]\(([^)]+)\)", TABLE):
        assert (ROOT / "docs" / link).is_file(), link


def test_every_row_has_its_line_once():
    rows = re.findall(r"^\| ([A-Z]\d\d(?:, [A-Z]\d\d)*) \|", TABLE, re.M)
    ids = [row for line in rows for row in line.split(", ")]
    assert len(ids) == len(set(ids))
    groups = {"T": 13, "M": 12, "R": 10, "P": 21, "X": 17, "V": 10}
    for letter, last in groups.items():
        assert {f"{letter}{number:02}" for number in range(1, last + 1)} == {row for row in ids if row[0] == letter}, letter
