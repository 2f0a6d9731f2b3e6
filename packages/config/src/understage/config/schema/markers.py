"""Visibility written in a model: `token: Secret[str]`."""

from typing import Annotated, Any, TypeVar

import msgspec

T = TypeVar("T")


class _PydanticMarker:
    """Adds a keyword to the JSON Schema that pydantic makes of a field, as `msgspec.Meta` does for msgspec."""

    def __init__(self, keyword: str, value: str) -> None:
        self._addition = {keyword: value}

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> Any:
        return {**handler(core_schema), **self._addition}


Frontend = Annotated[
    T, msgspec.Meta(extra_json_schema={"visibility": "frontend"}), _PydanticMarker("visibility", "frontend")
]
"""A value that browsers may see. Applies to the value itself, not to members of an object."""

Secret = Annotated[T, msgspec.Meta(extra_json_schema={"visibility": "secret"}), _PydanticMarker("visibility", "secret")]
"""A value that is masked wherever configuration is shown, and redacted from logs."""

DeepFrontend = Annotated[
    T, msgspec.Meta(extra_json_schema={"deepVisibility": "frontend"}), _PydanticMarker("deepVisibility", "frontend")
]
"""A value that browsers may see with everything below it."""

DeepSecret = Annotated[
    T, msgspec.Meta(extra_json_schema={"deepVisibility": "secret"}), _PydanticMarker("deepVisibility", "secret")
]
"""A value that is secret with everything below it."""
