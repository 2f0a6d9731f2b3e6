import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import ConfigFileNotFoundError, ConfigSourceError, LoadOptions, load_config
from understage.config.files import FileReader
from understage.config.node import from_plain, to_plain
from understage.config.sources import FileSource
from understage.config.transforms import Transformer
from understage.errors import NotFoundError


def write(folder: Path, files: Any) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def read(folder: Path, text: str, env: Any = None, **files: Any) -> Any:
    """Reads app-config.yaml with the given text; `files` are written beside it, with __ for dots in their names."""
    write(folder, {"app-config.yaml": text, **{name.replace("__", "."): body for name, body in files.items()}})
    content = FileSource(folder / "app-config.yaml", folder, env or {}).read()
    return None if content.root is None else to_plain(content.root)


INCLUDED = "b: ${A}\nc: {d: {e: 5}}\nl: [1]\n"


def test_env_takes_a_variable(tmp_path: Path) -> None:
    """C21: $env is the variable's value, undefined if it is not set; an empty variable is empty text."""
    assert read(tmp_path, "a: {$env: A}\nb: {$env: M}\nc: {$env: E}\n", {"A": "${B}", "E": ""}) == {
        "a": "${B}",
        "c": "",
    }


def test_directives_are_substituted_before_they_act(tmp_path: Path) -> None:
    """C20: the value of a directive undergoes substitution first."""
    env = {"N": "A", "A": "1", "F": "x.yaml#c.d"}
    assert read(tmp_path, 'a: {$env: "${N}"}\nb: {$include: "${F}"}', env, x__yaml=INCLUDED) == {
        "a": "1",
        "b": {"e": 5},
    }


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('a: {$env: "${M}"}', r"^app-config\.yaml:1:11: a: the value of \$env, '\$\{M\}', has an undefined variable$"),
        ("a: {$env: 5}", r"^app-config\.yaml:1:11: a: \$env must be a text"),
        ("a:\n  - {$file: [x]}", r"^app-config\.yaml:2:13: a\[0\]: \$file must be a text"),
        ("a: {$env: A, b: 1}", r"^app-config\.yaml:1:4: a: \$env must be the only key of its object; remove 'b'$"),
        ("a: {$env: A, $file: b}", r"must be the only key of its object; remove"),
        ("b: 1\n$include: x.yaml", r"\$include must be the only key of its object; remove 'b'"),
    ],
)
def test_malformed_directives_are_errors(tmp_path: Path, text: str, error: str) -> None:
    """C20: a directive must be alone and have a text; errors name the place and, C24, the path."""
    with pytest.raises(ConfigSourceError, match=error):
        read(tmp_path, text)


def test_file_takes_a_files_text(tmp_path: Path) -> None:
    """C21: $file is the text of a file without trailing whitespace, and nothing in it is substituted."""
    assert read(tmp_path, "a: {$file: x.txt}", {"A": "1"}, x__txt=" hi ${A}  \n\n") == {"a": " hi ${A}"}


@pytest.mark.parametrize("directive", ["$file", "$include"])
def test_a_missing_file_is_an_error_with_its_path(tmp_path: Path, directive: str) -> None:
    """C21: what is referred to must exist."""
    with pytest.raises(
        ConfigSourceError, match=rf"^app-config\.yaml:1:\d+: a: \{directive}: the file .*nope\.yaml does not exist$"
    ):
        read(tmp_path, f"a: {{{directive}: nope.yaml}}")


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("x.yaml", {"b": "1", "c": {"d": {"e": 5}}, "l": [1]}),
        ("x.yaml#c.d", {"e": 5}),
        ("x.yaml#c.d.e", 5),
        ("x.yaml#", {"b": "1", "c": {"d": {"e": 5}}, "l": [1]}),
    ],
)
def test_include_takes_a_document_or_a_part_of_it(tmp_path: Path, target: Any, value: Any) -> None:
    """C21: $include takes a YAML document, substituted, or the value at a dotted path in it."""
    assert read(tmp_path, f'a: {{$include: "{target}"}}', {"A": "1"}, x__yaml=INCLUDED) == {"a": value}


def test_what_a_path_does_not_lead_to_is_undefined(tmp_path: Path) -> None:
    """C21, C23: a member that the included document does not have makes the value undefined."""
    assert read(tmp_path, 'a: {$include: "x.yaml#c.zz"}\nb: 1', x__yaml=INCLUDED) == {"b": 1}
    assert read(tmp_path, "a: {$include: e.yaml}\nb: 1", e__yaml="") == {"b": 1}


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("x.yaml#c.d.e.f", r"'c\.d\.e' in x\.yaml is not an object"),
        ("x.yaml#l.0", r"'l' in x\.yaml is not an object"),
        ("x.toml", r"x\.toml must end in \.json, \.yaml, \.yml"),
        ("bad.yaml", r"^bad\.yaml:2:1: not valid YAML"),
        ("bad.json", r"^bad\.json:1:2: not valid JSON"),
    ],
)
def test_includes_that_cannot_be_read_are_errors(tmp_path: Path, target: Any, error: str) -> None:
    """C21: an unknown extension, a parse failure and a non-object on the path are errors."""
    with pytest.raises(ConfigSourceError, match=error):
        read(
            tmp_path, f'a: {{$include: "{target}"}}', x__yaml=INCLUDED, x__toml="", bad__yaml="a: [\n", bad__json="{a}"
        )


def test_nested_includes_resolve_relative_to_the_included_file(tmp_path: Path) -> None:
    """C21: paths in an included file start at that file's folder."""
    write(
        tmp_path,
        {"sub/y.yml": "b: {$file: z.txt}\nc: {$include: w.json}", "sub/z.txt": "zz\n", "sub/w.json": '{"k":"${A}"}'},
    )
    assert read(tmp_path, "a: {$include: sub/y.yml}", {"A": "1"}) == {"a": {"b": "zz", "c": {"k": "1"}}}


def test_includes_in_a_circle_are_an_error(tmp_path: Path) -> None:
    """C21: files that include each other are refused with the way that leads around."""
    with pytest.raises(ConfigSourceError, match=r"include each other: app-config\.yaml -> x\.yaml -> app-config\.yaml"):
        read(tmp_path, "a: {$include: x.yaml}", x__yaml="b: {$include: app-config.yaml}")


def test_the_root_may_be_included(tmp_path: Path) -> None:
    """C21: the whole of a file may be another one."""
    assert read(tmp_path, "$include: x.yaml", {"A": "1"}, x__yaml="b: ${A}") == {"b": "1"}


def test_undefined_members_drop_out(tmp_path: Path) -> None:
    """C22, C23: one undefined variable makes the whole value undefined; it leaves its object or array."""
    text = "q: [1, '${M}', 2]\nr: {z: 'x${A}${M}', y: 1}\ns: {t: '${M}'}\n"
    assert read(tmp_path, text, {"A": "1"}) == {"q": [1, 2], "r": {"y": 1}, "s": {}}


def test_other_dollar_keys_and_keys_with_placeholders_are_left_alone(tmp_path: Path) -> None:
    """C24: $foo is a key like any other, and keys are not substituted; members below it are."""
    assert read(tmp_path, 'a: {$foo: "${A}", b: 1}\n"${A}": 2', {"A": "x"}) == {"a": {"$foo": "x", "b": 1}, "${A}": 2}


def test_values_that_were_substituted_are_not_quoted_in_errors(tmp_path: Path) -> None:
    """C31: what came from the environment or another file may be a secret."""
    write(tmp_path, {"app-config.yaml": "port: ${P}\nother: {$file: s.txt}", "s.txt": "hunter2"})
    config = asyncio.run(load_config(LoadOptions(root_dir=tmp_path, env={"P": "hunter2"}))).config
    for key in ("port", "other"):
        with pytest.raises(Exception, match=r"expected a number, got a string$"):
            config.get_number(key)


def test_locations_survive_includes_and_substitution(tmp_path: Path) -> None:
    """C31: a value from an included file is located there, a substituted one where its placeholder is."""
    write(tmp_path, {"app-config.yaml": "a: {$include: sub/x.yaml}\nb:\n  c: ${P}", "sub/x.yaml": "k:\n  v: 1"})
    config = asyncio.run(load_config(LoadOptions(root_dir=tmp_path, env={"P": "1"}))).config
    assert str(config.location_of("a.k.v")) == "sub/x.yaml:2:6"
    assert str(config.location_of("b.c")) == "app-config.yaml:3:6"


@pytest.mark.parametrize("text", ["", "# nothing\n", "null", "~", "---\n", "{}"])
def test_an_empty_file_contributes_nothing(tmp_path: Path, text: str) -> None:
    """C6: an empty file, or one that is null, contributes nothing."""
    assert not read(tmp_path, text)


def test_the_root_must_be_an_object(tmp_path: Path) -> None:
    """C6: anything but an object at the root is an error with the file's name."""
    with pytest.raises(ConfigSourceError, match=r"^app-config\.yaml:1:1: expected an object at the root"):
        read(tmp_path, "[1]")


def test_a_missing_source_is_a_not_found_error_with_its_path(tmp_path: Path) -> None:
    """C6: a file that does not exist is a NotFoundError naming the whole path."""
    with pytest.raises(NotFoundError, match=f"{tmp_path}/none.yaml does not exist") as caught:
        FileSource(tmp_path / "none.yaml", tmp_path, {}).read()
    assert isinstance(caught.value, ConfigFileNotFoundError)


def test_paths_of_sources_must_be_absolute() -> None:
    """C6: a source refuses a relative path, since it would depend on the working directory."""
    with pytest.raises(ConfigSourceError, match=r"must be absolute, x\.yaml is not"):
        FileSource(Path("x.yaml"), Path("/"), {})


def test_files_that_cannot_be_read_are_errors_with_their_name(tmp_path: Path) -> None:
    """C6: a folder or bytes that are no UTF-8 are wrapped with the file's name."""
    (tmp_path / "app-config.yaml").write_bytes(b"a: \xff")
    with pytest.raises(ConfigSourceError, match=r"^app-config\.yaml: the file is not UTF-8 text"):
        FileSource(tmp_path / "app-config.yaml", tmp_path, {}).read()
    (tmp_path / "d.yaml").mkdir()
    with pytest.raises(ConfigSourceError, match=r"^d\.yaml: the file cannot be read: Is a directory"):
        FileSource(tmp_path / "d.yaml", tmp_path, {}).read()


trees = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.characters(exclude_characters="$"))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("ab$c", max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(trees)
def test_trees_without_placeholders_stay_as_they_are(tree: Any) -> None:
    """C24: nothing but directives and placeholders is touched."""
    node = from_plain(tree)
    result = Transformer({}, FileReader(Path())).transform(node)
    assert result is not None
    assert to_plain(result) == to_plain(node)


@given(trees)
def test_undefined_values_leave_no_trace(tree: Any) -> None:
    """C23: undefined members drop out of objects and arrays, whatever is around them."""
    node = from_plain({"keep": tree, "list": [tree, "${UNDEFINED}"], "gone": "${UNDEFINED}"})
    result = Transformer({}, FileReader(Path())).transform(node)
    assert result is not None
    assert to_plain(result) == to_plain(from_plain({"keep": tree, "list": [tree]}))
