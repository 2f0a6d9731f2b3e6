"""`understage catalog explain` as users run it: a process of its own, on the database of a backend that ran before."""

import json
import subprocess
import sys
from pathlib import Path

CONFIG = """\
app: {{baseUrl: http://localhost:3000}}
backend:
  baseUrl: http://localhost:7007
  listen: 127.0.0.1:0
  database:
    client: better-sqlite3
    connection: {{directory: {folder}/data}}
catalog:
  locations:
    - {{type: file, target: {folder}/entities.yaml}}
"""
MAIN = """\
import asyncio

from understage.defaults import create_backend
from understage.plugin_api import Database, ModuleRegistrationPoints, create_backend_module

databases = []


@create_backend_module(plugin_id="catalog", module_id="waiting")
def waiting(env: ModuleRegistrationPoints) -> None:
    @env.register_init
    async def init(database: Database) -> None:
        databases.append(database)


async def run() -> None:
    backend = create_backend()
    backend.add("understage.catalog")
    backend.add(waiting)
    await backend.start()
    async with asyncio.timeout(20):
        query = "SELECT 1 FROM final_entities WHERE entity_ref = 'component:default/web'"
        while not await databases[0].fetch(query):
            await asyncio.sleep(0.02)
    await backend.stop()


asyncio.run(run())
"""
ENTITY = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: web}
spec: {type: service, lifecycle: production, owner: team}
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments, "--config", "app-config.yaml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_the_command_explains_what_a_backend_has_stored(tmp_path: Path) -> None:
    """K400: without a backend that runs, the configured database is read, which is neither created nor changed."""
    (tmp_path / "app-config.yaml").write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "entities.yaml").write_text(ENTITY)
    explain = ("-m", "understage.cli", "catalog", "explain")
    missing = run(tmp_path, *explain, "component:web")
    assert missing.returncode == 1
    assert "there is no catalog of this version in the configured database" in missing.stderr
    started = run(tmp_path, "main.py")
    assert started.returncode == 0, started.stderr
    text = run(tmp_path, *explain, "component:web")
    assert (text.returncode, text.stdout.splitlines()[0]) == (0, "component:default/web: served"), text.stderr
    as_json = run(tmp_path, *explain, "component:web", "--json")
    assert json.loads(as_json.stdout)["chain"][-1] == {"kind": "provider", "name": "ConfigLocationProvider"}
    unknown = run(tmp_path, *explain, "component:nobody")
    assert unknown.returncode == 1
    assert "nobody has brought an entity of this name" in unknown.stdout
    wrong = run(tmp_path, *explain, "nobody")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("error: ")
