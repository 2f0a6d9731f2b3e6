import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.defaults.database.sqlite.scripts import only_reads, split_statements

TRIGGER = """CREATE TRIGGER t AFTER INSERT ON a BEGIN
  UPDATE a SET x = 'one; two' WHERE x = NEW.x;
  DELETE FROM b;
END;"""


def test_a_script_is_split_into_its_statements() -> None:
    """Semicolons in text, comments and trigger bodies do not end a statement; the last one needs none."""
    script = f"""
        -- first; of all
        CREATE TABLE a (x TEXT DEFAULT 'a;b'); /* ; */
        {TRIGGER}
        INSERT INTO a VALUES ('c'''';') ; ;
        SELECT 1 -- end;
    """
    statements = split_statements(script)

    assert [statement.split()[0] for statement in statements[1:]] == ["/*", "INSERT", "SELECT"]
    assert statements[0].endswith("DEFAULT 'a;b');")
    assert TRIGGER in statements[1]
    assert len(statements) == 4


@pytest.mark.parametrize("script", ["", "  \n", "-- only this", "/* a; */ ; -- b;\n;"])
def test_comments_alone_are_no_statement(script: str) -> None:
    """A script without statements gives none."""
    assert split_statements(script) == []


@given(st.lists(st.sampled_from(["SELECT 1;", "SELECT 'a;b';", "SELECT ';'';' ;", f"{TRIGGER}", "-- x;\nSELECT 2;"])))
def test_splitting_keeps_everything(statements: list[str]) -> None:
    """The statements of a script, joined again, are the script, and each is complete."""
    split = split_statements("\n".join(statements))

    assert split == statements
    assert all(sqlite3.complete_statement(statement) for statement in split)


@pytest.mark.parametrize(
    ("query", "reads"),
    [
        ("SELECT * FROM updates", True),
        ("  with a as (select 1) select * from a", True),
        ("VALUES (1)", True),
        ("WITH a AS (SELECT 1) DELETE FROM b", False),
        ("INSERT INTO a VALUES (1) RETURNING x", False),
        ("SELECT 'delete'", False),
        ("PRAGMA user_version = 2", False),
        ("-- SELECT\nUPDATE a SET x = 1", False),
        ("selection", False),
    ],
)
def test_only_what_surely_reads_counts_as_reading(query: str, reads: bool) -> None:
    """A statement goes to a reader only when nothing in it could write."""
    assert only_reads(query) is reads
