"""What a backend imports before anybody needs it."""

import json
import subprocess
import sys

HEAVY = {
    "aiohttp",
    "asyncpg",
    "click",
    "cryptography",
    "fastapi",
    "httpx2",
    "jinja2",
    "joserfc",
    "jsonschema",
    "pydantic",
    "pymemcache",
    "redis",
    "requests",
    "rich",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "watchfiles",
    "yaml",
}
# Services that only some plugins ask for.
LAZY = {
    f"understage.defaults.{name}"
    for name in (
        "actions",
        "actions_registry",
        "auditor",
        "cache",
        "events",
        "permissions",
        "permissions_registry",
        "scheduler",
        "url_reader",
        "user_info",
    )
}


def modules_after(statements: str) -> set[str]:
    """Returns what a fresh interpreter has imported after some statements."""
    program = f"{statements}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_creating_a_backend_imports_no_heavy_library() -> None:
    """W28: a backend is created without the libraries that only some services need, and without those services."""
    imported = modules_after("from understage.defaults import create_backend\ncreate_backend()")
    assert "understage.wiring.backend" in imported
    assert imported & HEAVY == set()
    assert imported & LAZY == set()


def test_serving_does_not_import_the_servers_command_line() -> None:
    """W46: the server's modules are imported without its command line; whoever asks for that later still gets it."""
    serving = (
        "from understage.defaults.root_http_router.uvicorn_package import announce_uvicorn\n"
        "announce_uvicorn()\n"
        "import understage.defaults.root_http_router.connection\n"
    )
    assert modules_after(serving) & {"uvicorn.main", "uvicorn.config"} == {"uvicorn.config"}
    asking = "import uvicorn\nassert callable(uvicorn.run)\nassert uvicorn.Config is uvicorn.config.Config\n"
    assert "uvicorn.main" in modules_after(serving + asking)
    assert "uvicorn.main" in modules_after(asking + serving)
