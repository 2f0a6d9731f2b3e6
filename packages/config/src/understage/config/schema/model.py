"""JSON Schemas of configuration models."""

from typing import Any

from understage.config.shapes import is_list, is_mapping

_DURATION: dict[str, Any] = {
    "description": "A duration such as '30s', '2 hours', 'PT1H' or {minutes: 5}.",
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {
                unit: {"type": "number", "minimum": 0}
                for unit in ("years", "months", "weeks", "days", "hours", "minutes", "seconds", "milliseconds")
            },
            "additionalProperties": False,
        },
    ],
}


def config_schema(model: Any, at: str = "") -> dict[str, Any]:
    """Returns the JSON Schema of a configuration model, with the visibility that is written in it.

    Args:
        model: a `msgspec.Struct`, a dataclass or a pydantic model. Fields of type `timedelta` accept every form of a
            duration. Visibility is given by `Frontend[T]`, `Secret[T]`, `DeepFrontend[T]` and `DeepSecret[T]`.
        at: the dotted key of the section that the model describes, such as `catalog`; the root by default.
    """
    schema = _model_schema(model)
    definitions = schema.pop("$defs", {})
    for part in reversed(at.split(".") if at else []):
        schema = {"type": "object", "properties": {part: schema}}
    if definitions:
        schema["$defs"] = definitions
    result: dict[str, Any] = _with_durations(schema)
    return result


def _model_schema(model: Any) -> dict[str, Any]:
    if hasattr(model, "model_json_schema"):
        schema: dict[str, Any] = model.model_json_schema(by_alias=True)
        return schema
    import msgspec

    return msgspec.json.schema(model)


def _with_durations(schema: Any) -> Any:
    if is_list(schema):
        return [_with_durations(item) for item in schema]
    if not is_mapping(schema):
        return schema
    if schema.get("type") == "string" and schema.get("format") == "duration":
        rest = {key: value for key, value in schema.items() if key not in ("type", "format")}
        return {**_DURATION, **rest}
    return {key: _with_durations(value) for key, value in schema.items()}
