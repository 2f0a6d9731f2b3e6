import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

PACKAGE = """
    import asyncio, time

    async def block() -> None:
        time.sleep(0.001)

    async def work() -> None:
        await asyncio.sleep(0.001)
"""


def run_pytest(folder: Path, test: str, *, settings: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text(f"[pytest]\nanyio_mode = auto\n{dedent(settings)}")
    (folder / "test_it.py").write_text(dedent(test))
    (folder / "acme").mkdir()
    (folder / "acme" / "__init__.py").write_text(dedent(PACKAGE))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_leftover_backends_are_stopped(tmp_path: Path) -> None:
    """T1: a test backend that a test leaves running is stopped at the end of the test, on the same event loop."""
    result = run_pytest(
        tmp_path,
        """
        from understage.testing import mock_services, start_test_backend
        from understage.testing.backend.running import running_backends

        lifecycle = mock_services.root_lifecycle()
        stopped = []
        lifecycle.add_shutdown_hook(lambda: stopped.append(True))

        async def test_leaves_one() -> None:
            mock = mock_services.root_lifecycle.mock(shutdown=lifecycle.shutdown)
            await start_test_backend(features=[mock.factory])

        def test_it_was_stopped() -> None:
            assert stopped == [True]
            assert not running_backends
        """,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 passed" in result.stdout


@pytest.mark.parametrize(("setting", "outcome"), [("", "1 passed"), ("understage_detect_blocking = acme", "1 failed")])
def test_blocking_calls_are_detected_on_demand(tmp_path: Path, setting: str, outcome: str) -> None:
    """T1: with understage_detect_blocking, a call that blocks the event loop fails the test; without it, none does."""
    result = run_pytest(
        tmp_path,
        """
        import acme

        async def test_block() -> None:
            await acme.block()
        """,
        settings=setting,
    )
    assert outcome in result.stdout, result.stdout + result.stderr
    assert ("Blocking call to time.sleep" in result.stdout) == ("failed" in outcome)


def test_calls_of_other_packages_may_block(tmp_path: Path) -> None:
    """T1: only the packages that are named are watched: tests may read files, and work that does not block passes."""
    result = run_pytest(
        tmp_path,
        """
        import time
        import acme

        async def test_work(tmp_path) -> None:
            await acme.work()
            time.sleep(0.001)
            (tmp_path / "x").write_text("x")
        """,
        settings="understage_detect_blocking = acme understage",
    )
    assert "1 passed" in result.stdout, result.stdout + result.stderr


def test_an_unknown_package_is_an_error(tmp_path: Path) -> None:
    """T1: a package that does not exist is named, so that a typing error does not switch the detection off."""
    result = run_pytest(
        tmp_path, "async def test_it() -> None: pass", settings="understage_detect_blocking = acme_typo"
    )
    assert "cannot detect blocking calls of 'acme_typo': there is no such package" in result.stdout


def test_the_plugin_is_cheap() -> None:
    """T1: loading the plugin imports neither the framework nor the HTTP client, since pytest loads it everywhere."""
    code = (
        "import sys, understage.testing.pytest_plugin;"
        "sys.exit(any(name in sys.modules for name in"
        " ('understage.wiring', 'understage.defaults', 'httpx2', 'blockbuster', 'asyncpg')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_can_be_imported() -> None:
    """T5: every name that the kit exports exists, and others are refused."""
    import understage.testing

    for name in understage.testing.__all__:
        assert getattr(understage.testing, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = understage.testing.nonsense
