"""`$env`, `$file`, `$include` and `${VAR}`: what happens to a parsed source before it is merged."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from understage.config import keys
from understage.config.errors import ConfigSourceError
from understage.config.files import FileReader
from understage.config.location import SourceLocation
from understage.config.node import Node, child
from understage.config.substitution import substitute

_DIRECTIVES = ("$file", "$env", "$include")
_EXTENSIONS = (".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Transformer:
    """Replaces directives and placeholders in a tree.

    Attributes:
        env: the environment.
        reader: reads the files that are referred to, and remembers them.
        chain: the file that the tree was read from, after those that included it; empty for a remote source, in which
            directives that read files are errors.
    """

    env: Mapping[str, str]
    reader: FileReader
    chain: tuple[Path, ...] = ()

    def transform(self, node: Node, path: keys.Path = ()) -> Node | None:
        """Returns the tree with everything replaced, without what is undefined; None if all of it is.

        Args:
            node: the tree.
            path: where it stands, for errors.

        Raises:
            ConfigSourceError: a directive is malformed, or what it refers to cannot be read.
        """
        value = node.value
        if isinstance(value, str):
            text = substitute(value, self.env)
            if text is None or text is value:
                return None if text is None else node
            return Node(text, node.location, substituted=True)
        if isinstance(value, list):
            items = [self.transform(item, (*path, index)) for index, item in enumerate(value)]
            return Node([item for item in items if item is not None], node.location)
        if isinstance(value, dict):
            return self._object(node, value, path)
        return node

    def _object(self, node: Node, members: dict[str, Node], path: keys.Path) -> Node | None:
        for directive in _DIRECTIVES:
            if directive in members:
                argument = self._argument(node, members, directive, path)
                return self._apply(directive, argument, path)
        results = {key: self.transform(item, (*path, key)) for key, item in members.items()}
        return Node({key: item for key, item in results.items() if item is not None}, node.location)

    def _argument(self, node: Node, members: dict[str, Node], directive: str, path: keys.Path) -> Node:
        if len(members) > 1:
            others = ", ".join(repr(key) for key in members if key != directive)
            _fail(f"{directive} must be the only key of its object; remove {others}", node.location, path)
        argument = members[directive]
        if not isinstance(argument.value, str):
            _fail(f"{directive} must be a text", argument.location, path)
        text = substitute(argument.value, self.env)
        if text is None:
            _fail(f"the value of {directive}, {argument.value!r}, has an undefined variable", argument.location, path)
        return replace(argument, value=text)

    def _apply(self, directive: str, argument: Node, path: keys.Path) -> Node | None:
        target = str(argument.value)
        if directive == "$env":
            value = self.env.get(target)
            return None if value is None else Node(value, argument.location, substituted=True)
        if not self.chain:
            _fail(f"{directive} works in files only, not in remote configuration", argument.location, path)
        if directive == "$file":
            text = self._read(self._resolve(target), directive, argument, path)
            return Node(text.rstrip(), argument.location, substituted=True)
        return self._include(target, argument, path)

    def _resolve(self, target: str) -> Path:
        # Not Path.resolve(): a link must stay one, so that watching sees it point elsewhere.
        return self.chain[-1].parent / target

    def _read(self, file: Path, directive: str, argument: Node, path: keys.Path) -> str:
        try:
            return self.reader.read(file)
        except FileNotFoundError:
            _fail(f"{directive}: the file {file} does not exist", argument.location, path)

    def _include(self, target: str, argument: Node, path: keys.Path) -> Node | None:
        name, _, fragment = target.partition("#")
        file = self._resolve(name)
        if file.suffix not in _EXTENSIONS:
            _fail(f"$include: {name} must end in {', '.join(_EXTENSIONS)}", argument.location, path)
        if file.resolve() in [included.resolve() for included in self.chain]:
            circle = " -> ".join(self.reader.name(included) for included in (*self.chain, file))
            _fail(f"$include: the files include each other: {circle}", argument.location, path)
        from understage.config.yaml_parser import parse_json, parse_yaml

        parse = parse_json if file.suffix == ".json" else parse_yaml
        document = parse(self._read(file, "$include", argument, path), self.reader.name(file))
        found = _descend(document or Node(None, argument.location), fragment, name, argument, path)
        return None if found is None else replace(self, chain=(*self.chain, file)).transform(found, path)


def _descend(node: Node, fragment: str, name: str, argument: Node, path: keys.Path) -> Node | None:
    walked: list[str] = []
    found: Node | None = node
    for part in fragment.split(".") if fragment else ():
        if found is None:
            return None
        if not isinstance(found.value, dict):
            where = f"'{'.'.join(walked)}' in {name}" if walked else name
            _fail(f"$include: {where} is not an object, it has no {part!r}", argument.location, path)
        found = child(found, part)
        walked.append(part)
    return found


def _fail(message: str, location: SourceLocation | None, path: keys.Path) -> NoReturn:
    raise ConfigSourceError(message, key=keys.path_text(path), location=location)
