"""A Node backend and an Understage backend that read one configuration, each with a port of its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests.support.postgres import postgres_databases
from tests.support.processes import free_port, running_backend

HERE = Path(__file__).parent
Side = Literal["node", "python"]


@contextmanager
def side_by_side(
    shared: str,
    *,
    node: str,
    folder: Path,
    features: Mapping[Side, Sequence[str]],
    values: Mapping[str, object] | None = None,
) -> Iterator[dict[Side, int]]:
    """Runs both backends until the block ends, and gives their ports.

    Args:
        shared: the configuration, with places for `{node}` and `{python}`, the ports, `{database}`, and the values.
        node: Node's program.
        folder: takes configuration and logs.
        features: what each side is made of, in the order in which they start.
        values: further values of the configuration.
    """
    ports: dict[Side, int] = {"node": free_port(), "python": free_port()}
    with postgres_databases() as databases:
        text = shared.format(**ports, database=databases.config, **(values or {}))
        (folder / "app-config.yaml").write_text(text)
        first, second = features
        with (
            _running(first, features[first], ports[first], node, folder),
            _running(second, features[second], ports[second], node, folder),
        ):
            yield ports


@contextmanager
def _running(side: Side, features: Sequence[str], port: int, node: str, folder: Path) -> Iterator[None]:
    own = folder / f"app-config.{side}.yaml"
    own.write_text(f"backend: {{listen: {{host: 127.0.0.1, port: {port}}}}}")
    main = "backend.cjs" if side == "node" else "backend.py"
    # Features that lie in the folder find their packages here, too.
    environment = {"FEATURES": ",".join(features), "NODE_PATH": str(HERE / "node_modules")}
    options = {"program": node} if side == "node" else {}
    with running_backend(
        [main, "--config", str(folder / "app-config.yaml"), "--config", str(own)],
        folder=HERE,
        port=port,
        log=folder / f"{side}.log",
        environment=environment,
        **options,
    ):
        yield
