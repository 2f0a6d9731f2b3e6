import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from understage.defaults.database.migration_files import read_migrations
from understage.errors import ConflictError, NotFoundError
from understage.plugin_api import DatabaseService
from understage.testing.databases import TestDatabases

MakePackage = Callable[..., Path]
CREATE = "CREATE TABLE a (n integer);\nINSERT INTO a VALUES (1);"


async def applied(database: DatabaseService) -> list[tuple[object, ...]]:
    return await database.fetch("SELECT package, number, name FROM understage_migrations ORDER BY package, number")


async def test_migrations_run_once_in_order(database: DatabaseService, migration_package: MakePackage) -> None:
    """S13: files run in the order of their numbers, several statements each, and never again."""
    migration_package(
        "pkg_once",
        **{"0010_last": "INSERT INTO a VALUES (2)", "0002_next": "INSERT INTO a VALUES (5);", "1_first": CREATE},
    )
    assert database.migrations.skip is False
    await database.migrate("pkg_once")
    await database.migrate("pkg_once")

    assert await database.fetch("SELECT n FROM a") == [(1,), (5,), (2,)]
    assert await applied(database) == [("pkg_once", 1, "first"), ("pkg_once", 2, "next"), ("pkg_once", 10, "last")]
    [(at,)] = await database.fetch("SELECT count(*) FROM understage_migrations WHERE applied_at IS NOT NULL")
    assert at == 3


async def test_new_migrations_continue(database: DatabaseService, migration_package: MakePackage) -> None:
    """A newer version of a package runs what it added."""
    folder = migration_package("pkg_more", **{"1_first": CREATE})
    await database.migrate("pkg_more")
    (folder / "2_second.sql").write_text("ALTER TABLE a ADD COLUMN m integer")
    await database.migrate("pkg_more")

    assert await database.fetch("SELECT n, m FROM a") == [(1, None)]


async def test_dialects_have_variants(database: DatabaseService, migration_package: MakePackage) -> None:
    """A file may be for one dialect alone; each database runs its own."""
    migration_package(
        "pkg_dialects",
        **{
            "1_first__postgres": "CREATE TABLE a (dialect text DEFAULT 'postgres')",
            "1_first__sqlite": "CREATE TABLE a (dialect TEXT DEFAULT 'sqlite')",
            "2_only__postgres": "ALTER TABLE a ADD COLUMN extra text",
            "3_both": "INSERT INTO a (dialect) SELECT dialect FROM a; INSERT INTO a DEFAULT VALUES;",
        },
    )
    await database.migrate("pkg_dialects")

    assert await database.fetch("SELECT dialect FROM a") == [(database.dialect,)]
    assert len(await applied(database)) == {"postgres": 3, "sqlite": 2}[database.dialect]


async def test_packages_keep_their_own_books(database: DatabaseService, migration_package: MakePackage) -> None:
    """Several packages may migrate one plugin's database, each with numbers of its own."""
    migration_package("pkg_one", **{"1_first": CREATE})
    migration_package("pkg_two", **{"1_first": "CREATE TABLE b (n integer)"})
    await database.migrate("pkg_one")
    await database.migrate("pkg_two")

    assert await applied(database) == [("pkg_one", 1, "first"), ("pkg_two", 1, "first")]


async def test_a_failing_migration_leaves_nothing(database: DatabaseService, migration_package: MakePackage) -> None:
    """A migration that fails half way is undone as a whole; the error names it, and those before it stay."""
    folder = migration_package("pkg_fail", **{"1_first": CREATE, "2_bad": "CREATE TABLE c (n integer); nonsense;"})
    with pytest.raises(
        Exception, match=r"migration 0002_bad of package 'pkg_fail' failed .* nothing of it was kept"
    ) as caught:
        await database.migrate("pkg_fail")
    assert "syntax error" in str(caught.value)
    assert await applied(database) == [("pkg_fail", 1, "first")]

    (folder / "2_bad.sql").write_text("CREATE TABLE c (n integer)")
    await database.migrate("pkg_fail")
    assert await database.fetch("SELECT n FROM c") == []


@pytest.mark.parametrize("script", ["CREATE TABLE b (n integer); COMMIT;", "CREATE TABLE b (n integer); ROLLBACK;"])
async def test_a_migration_may_not_end_its_transaction(
    database: DatabaseService, migration_package: MakePackage, script: str
) -> None:
    """A script with COMMIT or ROLLBACK in it is refused, and does not count as applied."""
    migration_package("pkg_commit", **{"1_first": script})
    with pytest.raises(Exception, match="transaction"):
        await database.migrate("pkg_commit")
    assert (await database.fetch_row("SELECT 1")) == (1,)


async def test_a_changed_migration_is_refused(database: DatabaseService, migration_package: MakePackage) -> None:
    """A file whose text changed after it ran is a conflict that says what to do; other line ends are no change."""
    folder = migration_package("pkg_changed", **{"1_first": CREATE})
    await database.migrate("pkg_changed")
    (folder / "1_first.sql").write_bytes(CREATE.replace("\n", "\r\n").encode())
    await database.migrate("pkg_changed")
    (folder / "1_first.sql").write_text(CREATE + " ")

    with pytest.raises(
        ConflictError, match=r"0001_first of package 'pkg_changed' was changed .* Put its old text back"
    ):
        await database.migrate("pkg_changed")


async def test_an_older_version_is_refused(database: DatabaseService, migration_package: MakePackage) -> None:
    """A database that a newer version migrated is a conflict that says what to do."""
    folder = migration_package("pkg_older", **{"1_first": CREATE, "2_second": "CREATE TABLE b (n integer)"})
    await database.migrate("pkg_older")
    (folder / "2_second.sql").unlink()

    with pytest.raises(ConflictError, match=r"0002_second was applied .* does not know it. Install the version"):
        await database.migrate("pkg_older")


async def test_an_inserted_migration_is_refused(database: DatabaseService, migration_package: MakePackage) -> None:
    """A new file numbered before one that ran is a conflict that says what to do."""
    folder = migration_package("pkg_late", **{"1_first": CREATE, "3_third": "CREATE TABLE c (n integer)"})
    await database.migrate("pkg_late")
    (folder / "2_late.sql").write_text("CREATE TABLE b (n integer)")

    with pytest.raises(ConflictError, match=r"0002_late .* comes before 0003_third.* number after"):
        await database.migrate("pkg_late")


async def test_a_node_backends_tables_are_left_alone(database: DatabaseService, migration_package: MakePackage) -> None:
    """Books of knex beside ours are somebody's business; a plugin that brings them with it keeps working."""
    migration_package("pkg_knex", **{"1_first": "CREATE TABLE knex_migrations (n integer)"})
    await database.migrate("pkg_knex")
    await database.migrate("pkg_knex")

    assert await applied(database) == [("pkg_knex", 1, "first")]


async def test_skipping(test_databases: TestDatabases, migration_package: MakePackage) -> None:
    """S13: with skipMigrations nothing runs."""
    migration_package("pkg_skip", **{"1_first": CREATE})
    database = await test_databases.init("SQLITE", skip_migrations=True)
    assert database.migrations.skip is True
    await database.migrate("pkg_skip")

    assert await database.fetch("SELECT name FROM sqlite_master") == []


async def test_concurrent_migrations_in_one_process(database: DatabaseService, migration_package: MakePackage) -> None:
    """Migrating the same package from several tasks runs each migration once."""
    migration_package("pkg_tasks", **{f"{n}_step": f"CREATE TABLE t{n} (n integer)" for n in range(1, 6)})
    await asyncio.gather(*(database.migrate("pkg_tasks") for _ in range(4)))

    assert len(await applied(database)) == 5


async def test_wrong_packages_are_explained(database: DatabaseService, migration_package: MakePackage) -> None:
    """A package that cannot be imported, or holds no migrations, is an error that says what was expected."""
    with pytest.raises(
        NotFoundError, match="package 'pkg_nowhere', whose migrations are to be run, cannot be imported"
    ):
        await database.migrate("pkg_nowhere")
    migration_package("pkg_empty")
    with pytest.raises(NotFoundError, match=r"package 'pkg_empty' has no migrations: expected files such as"):
        await database.migrate("pkg_empty")


def test_files_must_be_named_well(migration_package: MakePackage) -> None:
    """Two files with one number, or a name without one, are conflicts that name the files."""
    migration_package("pkg_twice", **{"1_a": "", "01_b": ""})
    with pytest.raises(ConflictError, match=r"'01_b.sql' and '1_a.sql' of package 'pkg_twice' have one number"):
        read_migrations("pkg_twice", "sqlite")
    migration_package("pkg_named", first="")
    with pytest.raises(ConflictError, match=r"'first.sql' of package 'pkg_named' is not named <number>_<name>.sql"):
        read_migrations("pkg_named", "sqlite")
    migration_package("pkg_both", **{"1_a": "", "1_a__sqlite": ""})
    with pytest.raises(ConflictError, match="have one number"):
        read_migrations("pkg_both", "sqlite")
    assert [str(migration) for migration in read_migrations("pkg_both", "postgres")] == ["0001_a"]
