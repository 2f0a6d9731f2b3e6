"""The `--config` arguments of a backend."""

from collections.abc import Sequence

from understage.errors import InputError


def parse_config_args(argv: Sequence[str]) -> list[str]:
    """Returns the files and URLs of all `--config X` and `--config=X` arguments, in their order.

    Args:
        argv: the arguments of a command line; others than `--config`, and those after `--`, are not looked at.

    Raises:
        InputError: `--config` has no value.
    """
    targets: list[str] = []
    arguments = iter(argv)
    for argument in arguments:
        if argument == "--":
            break
        name, equals, value = argument.partition("=")
        if name != "--config":
            continue
        target = value if equals else next(arguments, "")
        if not target or target.startswith("--"):
            raise InputError("--config needs a value: the path of a YAML file, or a URL")
        targets.append(target)
    return targets
