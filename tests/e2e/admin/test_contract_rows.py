"""Every row of the contract's tables (entities.md, admin-api.md, declarative-config.md) has a test that names it.

tests/contract_rows.txt has their names: file and section, and the first cell without marks; a number where the same cell comes again. Two dashes
and a reason stand where there is nothing to test. A test names rows in its id, a docstring or a comment: "entities 4.1: retries", and of one section
several, with bars between them."""
import re

import kit

NAMED = re.compile(r"\b((?:entities|admin-api|declarative-config) \d[\w./ ]*?): ([^\"\n]+?)(?= \*/|\"|\n)")


def rows_named_in(text):
    for section, names in NAMED.findall(text):
        for name in names.split(" | "):
            yield name if NAMED.match(name + "\n") else f"{section}: {name}"


def test_every_row_of_the_contract_is_named_by_a_test():
    tests = kit.ROOT / "tests"
    named = {row for path in [*tests.rglob("test_*.py"), *tests.rglob("test_*.c")] for row in rows_named_in(path.read_text())}
    rows = [line.partition(" -- ") for line in (tests / "contract_rows.txt").read_text().splitlines()]
    assert len(rows) > 480 and len({name for name, _, _ in rows}) == len(rows)
    assert not [name for name, _, reason in rows if not reason and name not in named]
    assert not [name for name, _, reason in rows if reason and name in named], "has a test, so it needs no reason"
