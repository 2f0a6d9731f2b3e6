"""Checks with pyright that everything the public packages export is fully typed.

`pyright --verifytypes` does not see py.typed in the portions of a namespace package, so the portions are laid together
in a temporary folder first.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PUBLIC = (
    *("errors", "config", "plugin_api", "testing", "auth_api", "catalog_api", "events_api", "permission_api"),
    "catalog_module_incremental_ingestion",
)


def main() -> int:
    """Verifies each public package; returns how many are not fully typed."""
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        namespace = Path(folder) / "understage"
        namespace.mkdir()
        (namespace / "py.typed").touch()
        for portion in ROOT.glob("p*/*/src/understage/*"):
            (namespace / portion.name).symlink_to(portion)
        # pyright asks the first python on the path where third-party packages are.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "PYTHONPATH": folder}
        for name in PUBLIC:
            command = [sys.executable, "-m", "pyright", "--ignoreexternal", "--verifytypes", f"understage.{name}"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder, check=False)
            known = "Type completeness score: 100%" in done.stdout
            print(f"understage.{name}: {'fully typed' if known else 'not fully typed'}")
            if not known:
                print(done.stdout)
                failed += 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
