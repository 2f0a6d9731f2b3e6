import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.waiting import until

from understage.config import ConfigSchema, LoadOptions, load_config
from understage.config.files import FileReader

PATIENCE = 10


@asynccontextmanager
async def watching(folder: Path, env: Any = None, **options: Any) -> AsyncIterator[Any]:
    loaded = await load_config(LoadOptions(root_dir=folder, env=env or {}, **options))
    async with loaded.watch():
        # The watch begins a moment after its start; changes before that are found by their stamps, but later.
        await asyncio.sleep(0.2)
        yield loaded.config


@pytest.fixture
def main(tmp_path: Path) -> Any:
    path = tmp_path / "app-config.yaml"
    path.write_text("a: {n: 1}\nb: 1\n")
    return path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def link(path: Path, target: str) -> None:
    path.symlink_to(target)


def move(path: Path, target: Path) -> None:
    path.replace(target)


def remove(path: Path) -> None:
    path.unlink()


async def test_a_change_of_a_file_reaches_views_and_subscribers(main: Path) -> None:
    """C40: a change re-reads the source; views read the new value, subscribers are told once."""
    calls = []
    async with watching(main.parent) as config:
        section = config.get_config("a")
        config.subscribe(lambda: calls.append(config.get_number("a.n")))
        write(main, "a: {n: 2}\nb: 1\n")
        await until(lambda: calls)
        assert section.get_number("n") == 2
        assert calls == [2]


async def test_the_library_below_logs_no_changes(main: Path, caplog: pytest.LogCaptureFixture) -> None:
    """C40: a change of a watched folder leaves no line of the watching library in the log."""
    caplog.set_level(logging.INFO)
    async with watching(main.parent) as config:
        write(main, "a: {n: 2}\nb: 1\n")
        await until(lambda: config.get_number("a.n") == 2)
    assert not [record for record in caplog.records if record.name.startswith("watchfiles")]


async def test_only_subscribers_of_changed_sections_are_called(main: Path) -> None:
    """C40: a view's subscriber hears of changes of its section, until it unsubscribes."""
    calls = []
    async with watching(main.parent) as config:
        config.get_config("a").subscribe(lambda: calls.append("a"))
        ended = config.subscribe(lambda: calls.append("ended"))
        ended.unsubscribe()
        ended.unsubscribe()
        config.subscribe(lambda: calls.append("root"))
        write(main, "a: {n: 1}\nb: 2\n")
        await until(lambda: calls)
        assert calls == ["root"]


async def test_included_files_are_watched(main: Path) -> None:
    """C40: a change of an included file, in a folder of its own, re-reads the file that includes it."""
    write((main.parent / "sub" / "x.yaml"), "k: {$file: t.txt}\n")
    write((main.parent / "sub" / "t.txt"), "one")
    write(main, "a: {$include: sub/x.yaml}\n")
    async with watching(main.parent) as config:
        write((main.parent / "sub" / "t.txt"), "two")
        await until(lambda: config.get("a.k") == "two")
        write((main.parent / "sub" / "x.yaml"), "k: three\n")
        await until(lambda: config.get("a.k") == "three")


async def test_files_that_are_replaced_are_watched_on(main: Path) -> None:
    """C40: editors rename a new file into place, and Kubernetes switches a link to another folder."""
    for version in ("v1", "v2"):
        write((main.parent / version / "app-config.yaml"), f"a: {version}\n")
    remove(main)
    link((main.parent / "data"), "v1")
    link(main, "data/app-config.yaml")
    async with watching(main.parent) as config:
        assert config.get("a") == "v1"
        link((main.parent / "next"), "v2")
        move((main.parent / "next"), main.parent / "data")
        await until(lambda: config.get("a") == "v2")
        write((main.parent / "tmp"), "a: v3\n")
        move((main.parent / "tmp"), main)
        await until(lambda: config.get("a") == "v3")


async def test_a_file_that_is_included_later_is_watched_too(main: Path) -> None:
    """C40: after a reload, the files that are included now are those that are watched."""
    write((main.parent / "later" / "x.yaml"), "k: 1\n")
    async with watching(main.parent) as config:
        write(main, "a: {$include: later/x.yaml}\n")
        await until(lambda: config.get("a") == {"k": 1})
        await asyncio.sleep(0.2)
        write((main.parent / "later" / "x.yaml"), "k: 2\n")
        await until(lambda: config.get("a.k") == 2)


def test_an_empty_read_is_retried(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C40: an empty file is read again after 10 ms, since an editor may be about to write it."""
    write(main, "")
    waits = []

    def write_while_waiting(seconds: Any) -> None:
        waits.append(seconds)
        write(main, "a: 1\n")

    monkeypatch.setattr("understage.config.files.time.sleep", write_while_waiting)
    assert FileReader(main.parent).read(main) == "a: 1\n"
    assert waits == [0.01]


async def test_the_environment_is_read_once(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C41: $env, ${VAR} and APP_CONFIG_ keep the values of the start; a change of the environment needs a restart."""
    monkeypatch.setenv("CONFIG_TEST", "one")
    monkeypatch.setenv("APP_CONFIG_b", "11")
    write(main, "a: ${CONFIG_TEST}\nb: 1\nc: 1\n")
    loaded = await load_config(LoadOptions(root_dir=main.parent))
    monkeypatch.setenv("CONFIG_TEST", "two")
    monkeypatch.setenv("APP_CONFIG_b", "22")
    write(main, "a: ${CONFIG_TEST}\nb: 1\nc: 2\n")
    assert await loaded.reload()
    assert loaded.config.get() == {"a": "one", "b": 11, "c": 2}


async def test_included_files_are_read_at_load_time_only(main: Path) -> None:
    """C41: without watching, a change of an included file has no effect."""
    write((main.parent / "t.txt"), "one")
    write(main, "a: {$file: t.txt}\n")
    loaded = await load_config(LoadOptions(root_dir=main.parent, env={}))
    write((main.parent / "t.txt"), "two")
    assert loaded.config.get("a") == "one"


async def test_a_broken_reload_keeps_the_running_value(main: Path, caplog: pytest.LogCaptureFixture) -> None:
    """C42: a file that no longer parses, or is gone, is logged once and changes nothing; a repaired one is read."""
    with caplog.at_level(logging.WARNING, "understage.config"):
        async with watching(main.parent) as config:
            write(main, "a: [\n")
            await until(lambda: "not valid YAML" in caplog.text)
            assert config.get("a") == {"n": 1}
            write(main, "a: {n: 3}\n")
            await until(lambda: config.get("a.n") == 3)
            remove(main)
            await until(lambda: "does not exist" in caplog.text)
            assert config.get("a.n") == 3
    assert caplog.text.count("not valid YAML") == 1
    assert "app-config.yaml:2:1" in caplog.text


async def test_the_same_failure_is_logged_once(main: Path, caplog: pytest.LogCaptureFixture) -> None:
    """C42: a broken file is tried again every few seconds, but told once."""
    loaded = await load_config(LoadOptions(root_dir=main.parent, env={}))
    write(main, "a: [\n")
    assert [await loaded.reload(), await loaded.reload()] == [False, False]
    assert caplog.text.count("it stays as it was") == 1


async def test_a_reload_that_does_not_fit_the_schema_is_refused(main: Path, caplog: pytest.LogCaptureFixture) -> None:
    """C42: values of the wrong type do not replace the running ones."""
    schema = ConfigSchema({"x": {"properties": {"b": {"type": "number"}}}})
    loaded = await load_config(LoadOptions(root_dir=main.parent, env={}, schema=schema))
    write(main, "b: text\n")
    assert not await loaded.reload()
    assert loaded.config.get("b") == 1
    assert "app-config.yaml:1:4: b: expected a number, got a string ('text')" in caplog.text


async def test_a_failing_subscriber_harms_no_other(main: Path, caplog: pytest.LogCaptureFixture) -> None:
    """C42: what a subscriber raises is logged; the value is replaced and other subscribers are called."""
    calls = []
    loaded = await load_config(LoadOptions(root_dir=main.parent, env={}))

    def fail() -> None:
        raise RuntimeError("subscriber broke")

    loaded.config.subscribe(fail)
    loaded.config.subscribe(lambda: calls.append(1))
    write(main, "b: 2\n")
    assert await loaded.reload()
    assert calls == [1]
    assert loaded.config.get("b") == 2
    assert "subscriber broke" in caplog.text


async def test_a_subscriber_may_unsubscribe_others_while_it_is_called(main: Path) -> None:
    """C40: a subscription that ended is not called, even if it ended during the same change."""
    calls = []
    loaded = await load_config(LoadOptions(root_dir=main.parent, env={}))
    loaded.config.subscribe(lambda: second.unsubscribe())
    second = loaded.config.subscribe(lambda: calls.append(1))
    write(main, "b: 2\n")
    await loaded.reload()
    assert calls == []


async def test_changes_before_the_watch_began_are_found(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C40: a file that changed between load and watch is found by its stamp."""
    monkeypatch.setattr("understage.config.watching._CHECK_MILLISECONDS", 100)
    loaded = await load_config(LoadOptions(root_dir=main.parent, env={}))
    write(main, "b: 2\n")
    async with loaded.watch():
        await until(lambda: loaded.config.get("b") == 2)


async def test_a_watch_stops_at_once(main: Path) -> None:
    """C40: stop() ends all work within a moment, and stopping twice or starting twice does no harm."""
    watcher = (await load_config(LoadOptions(root_dir=main.parent, env={}))).watch()
    await watcher.start()
    await watcher.start()
    await asyncio.sleep(0.1)
    async with asyncio.timeout(1):
        await watcher.stop()
    await watcher.stop()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and "_watch" in repr(task)]
