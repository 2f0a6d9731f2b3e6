"""The page that takes the owner of a Node installation to a Python plugin beside it, followed word by word."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.neighbour.installation import USER
from tests.support.pages import Block, Reader, blocks_of
from tests.support.postgres import postgres_databases
from tests.support.processes import free_port

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/how-to/add-a-python-plugin-to-your-backstage.md"
pytestmark = pytest.mark.xdist_group("neighbours")

# What the owner has before: the parts of a stock installation that matter here.
APP_CONFIG = """
app:
  title: An installation
  baseUrl: http://localhost:{port}
organization:
  name: Its owner
backend:
  baseUrl: http://localhost:{port}
  listen:
    host: 127.0.0.1
    port: {port}
  csp:
    connect-src: ["'self'", 'http:', 'https:']
  cors:
    origin: http://localhost:3000
    methods: [GET, HEAD, PATCH, POST, PUT, DELETE]
    credentials: true
  database: {database}
integrations:
  github:
    - host: github.com
      token: ${{GITHUB_TOKEN}}
auth:
  providers:
    guest:
      userEntityRef: {user}
      dangerouslyAllowOutsideDevelopment: true
"""
INDEX = """import { createBackend } from '@backstage/backend-defaults';
const backend = createBackend();
backend.add(import('@backstage/plugin-auth-backend'));
backend.add(import('@backstage/plugin-auth-backend-module-guest-provider'));
backend.start();
"""


class Owner(Reader):
    """Follows the page in an installation whose backend was built: `packages/backend` runs without TypeScript."""

    def follow(self, block: Block) -> None:
        if block.language == "ts" and block.file_name:
            # Node 20 reads no TypeScript; what the page has is JavaScript as well.
            self.write(self.built(block.file_name), block.text)
        elif block.language == "ts":
            index = self.folder / "packages/backend/index.mjs"
            added = block.text.replace("'./visitors'", "'./visitors.mjs'")
            index.write_text(index.read_text().replace("backend.start();\n", f"{added}backend.start();\n"))
        else:
            super().follow(block)

    @staticmethod
    def built(source: str) -> str:
        return re.sub(r"/src/(\w+)\.ts$", r"/\1.mjs", source)


@pytest.fixture
def owner(node: str, tmp_path: Path) -> Iterator[tuple[Owner, dict[str, int]]]:
    assert shutil.which("curl"), "the page types curl commands: apt-get install curl"
    ports = {"7007": free_port(), "7008": free_port()}
    reader = Owner(tmp_path, ports["7007"])
    with postgres_databases() as databases:
        text = APP_CONFIG.format(port=ports["7007"], database=databases.config, user=USER)
        reader.write("app-config.yaml", text)
        reader.write("package.json", '{"name": "root", "private": true}')
        reader.write("packages/backend/package.json", '{"name": "backend", "main": "index.mjs"}')
        reader.write("packages/backend/index.mjs", INDEX)
        (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
        try:
            yield reader, ports
        finally:
            reader.close()


def test_the_page_works_as_written(owner: tuple[Owner, dict[str, int]]) -> None:
    """Every file and command of the page does what the page says, beside a backend of the official packages."""
    reader, ports = owner
    for block in blocks_of(PAGE, ports):
        reader.follow(block)
    assert len(reader.running) == 2
    assert (reader.folder / "packages/backend/visitors.mjs").exists()
