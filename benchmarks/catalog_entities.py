"""Makes the entities of an imaginary company, the same ones each time: components, APIs, users, groups, systems."""

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec

ENTITIES_PER_FILE = 500
LANGUAGES = ("python", "java", "go", "rust", "typescript", "kotlin", "scala", "sql")
TOPICS = ("orders", "stock", "billing", "search", "mail", "images", "fraud", "reports", "maps", "chat")
STAGES = ("production", "experimental", "deprecated")


def entities(count: int) -> Iterator[dict[str, object]]:
    """Yields entities in a random order: of 100, 60 components, 18 APIs, 14 users, 5 groups, 2 systems, 1 resource."""
    chance = random.Random(count)
    kinds = ["Component"] * 60 + ["API"] * 18 + ["User"] * 14 + ["Group"] * 5 + ["System"] * 2 + ["Resource"]
    amounts = {kind: max(1, count * kinds.count(kind) // 100) for kind in dict.fromkeys(kinds)}
    amounts["Component"] += count - sum(amounts.values())
    numbered = [(kind, number) for kind, amount in amounts.items() for number in range(amount)]
    chance.shuffle(numbered)
    for kind, number in numbered:
        yield _entity(chance, kind, number, amounts)


def _entity(chance: random.Random, kind: str, number: int, amounts: dict[str, int]) -> dict[str, object]:
    def some(of: str, most: int = 1, prefix: str = "") -> list[str]:
        wanted = min(amounts[of], chance.randint(1, most))
        return [prefix + name(of, one) for one in chance.sample(range(amounts[of]), wanted)]

    topic = chance.choice(TOPICS)
    metadata: dict[str, object] = {
        "name": name(kind, number),
        "description": f"{kind} number {number}, which is about {topic}",
        "labels": {"stage": chance.choice(STAGES), "floor": f"f{chance.randint(1, 9)}"},
        "annotations": {
            "example.com/repository": f"company/{name(kind, number)}",
            "example.com/pager": f"p-{chance.randint(1, 99_999)}",
            "example.com/budget": f"b-{chance.randint(1, 80)}",
        },
        "links": [
            {"url": f"https://graphs.example.com/{name(kind, number)}", "title": "Graphs", "icon": "dashboard"},
            {"url": f"https://traces.example.com/{name(kind, number)}", "title": "Traces"},
        ],
    }
    if kind != "User":
        metadata["tags"] = chance.sample((*LANGUAGES, topic), chance.randint(1, 4))
    owned = {"owner": some("Group")[0]}
    part = {"type": topic, "lifecycle": chance.choice(STAGES), **owned, "system": some("System")[0]}
    specs: dict[str, dict[str, object]] = {
        "Component": {
            **part,
            "providesApis": some("API"),
            "consumesApis": some("API", 3),
            "dependsOn": some("Component", 3, "component:"),
        },
        "API": {**part, "definition": f"openapi: 3.1.0\ninfo:\n  title: {topic} {number}\n  version: 2.{number}.0\n"},
        "User": {"profile": {"displayName": f"Person {number}"}, "memberOf": some("Group", 3)},
        "Group": {"type": "team", "profile": {"displayName": f"Team {number}"}, "children": []},
        "System": dict(owned),
        "Resource": {"type": "database", **owned},
    }
    spec = specs[kind]
    if kind == "Group" and number > 9:
        spec["parent"] = name("Group", number % 10)
    return {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def name(kind: str, number: int) -> str:
    """Returns the name of an entity."""
    return f"{kind.lower()}-{number:06d}"


def write_files(folder: Path, count: int) -> list[Path]:
    """Writes entities as YAML files of several documents, and returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    documents: list[str] = []

    def flush() -> None:
        files.append(folder / f"entities-{len(files):05d}.yaml")
        files[-1].write_text("---\n".join(documents))
        documents.clear()

    for entity in entities(count):
        documents.append(msgspec.yaml.encode(entity).decode())
        if len(documents) == ENTITIES_PER_FILE:
            flush()
    if documents:
        flush()
    return files
