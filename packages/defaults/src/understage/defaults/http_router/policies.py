"""Which paths of a plugin need no credentials, or take the cookie."""

import re

from understage.errors import InputError
from understage.plugin_api import AuthPolicyAllow

_DOT_SEGMENT = re.compile(r"(?:^|/)\.\.?(?:/|$)")


class AuthPolicies:
    """Paths that are open to more than user and service tokens.

    A path matches as a prefix on segment boundaries, with its letters as they are.
    """

    def __init__(self) -> None:
        self._patterns: dict[AuthPolicyAllow, list[str]] = {"unauthenticated": [], "user-cookie": []}
        self._compiled: dict[AuthPolicyAllow, re.Pattern[str] | None] = {"unauthenticated": None, "user-cookie": None}

    def add(self, path: str, allow: AuthPolicyAllow) -> None:
        """Opens a path.

        Args:
            path: a prefix, with parameters such as `:name`; `/` and `*` match everything.
            allow: who may come in.

        Raises:
            InputError: `allow` is no policy.
        """
        if allow not in self._patterns:
            known = " or ".join(f"'{name}'" for name in self._patterns)
            raise InputError(f"invalid auth policy for '{path}': expected {known}, got '{allow}'")
        patterns = self._patterns[allow]
        patterns.append(_translate(path))
        self._compiled[allow] = re.compile(f"(?:{'|'.join(patterns)})(?:/|$)")

    def find(self, path: str) -> AuthPolicyAllow | None:
        """Returns the policy of a path below the plugin's root, or None for the default one."""
        for allow, pattern in self._compiled.items():
            # An app may resolve dots after us; such a path must not slip through an open prefix.
            if pattern is not None and pattern.match(path) and not _DOT_SEGMENT.search(path):
                return allow
        return None


def _translate(path: str) -> str:
    inner = path.strip("/")
    if inner in ("", "*"):
        return ""
    segments = (_translate_segment(segment) for segment in inner.split("/"))
    return "".join(f"/{segment}" for segment in segments)


def _translate_segment(segment: str) -> str:
    parts = re.split(r"(:\w+|\*)", segment)
    return "".join(
        ".*" if part == "*" else "[^/]+" if part.startswith(":") and len(part) > 1 else re.escape(part)
        for part in parts
    )
