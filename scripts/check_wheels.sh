#!/usr/bin/env bash
# Builds all wheels, installs the metapackage from them into an empty environment, and starts what a user would.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv=$PWD/.venv/bin/uv
"$uv" build --quiet --wheel --all-packages --out-dir "$folder/wheels"
"$uv" venv --quiet --python .venv/bin/python "$folder/venv"
"$uv" pip install --quiet --python "$folder/venv/bin/python" --find-links "$folder/wheels" --constraint <(grep -E '^[a-z0-9.-]+==' requirements.lock | sed 's/ *\\$//') "understage[postgres]" understage-testing
cd "$folder"
"$folder/venv/bin/understage" --version
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from understage.defaults import create_backend

create_backend()
points = entry_points(group="understage.features")
assert {"auth", "auth-module-guest-provider", "catalog"} <= {point.name for point in points}, points
for point in points:
    assert point.load().feature, point
rooms = sorted({wheel.name.split("-")[0].removeprefix("understage_") for wheel in Path("wheels").glob("understage_*.whl")})
for name in rooms:
    spec = find_spec(f"understage.{name}")
    assert spec is not None and spec.origin is not None, f"understage.{name} was not installed"
    assert (Path(spec.origin).parent / "py.typed").exists(), f"understage.{name} has no py.typed"
assert find_spec("understage").origin is None, "understage must stay a namespace package"
print("wheels: installed and imported")
PYTHON
