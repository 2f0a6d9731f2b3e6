"""Options that hold one or several words."""

from understage.config import Config, ConfigError


def read_words(section: Config, key: str) -> tuple[str, ...] | None:
    """Reads an option that is a text or a list of texts, each of which may hold several words.

    Args:
        section: where the option is.
        key: its name; the words are divided by commas and spaces, and each counts once.

    Returns:
        the words in their order, or None if the option is absent.

    Raises:
        ConfigError: it is of another type, or there is no word in it.
    """
    if not section.has(key):
        return None
    value = section.get(key)
    texts = section.get_string_array(key) if isinstance(value, list) else [section.get_string(key)]
    words = tuple(dict.fromkeys(word for text in texts for word in text.replace(",", " ").split()))
    if not words:
        raise ConfigError("it holds no value; remove it, or give at least one", key=key)
    return words


def read_word(section: Config, key: str) -> str:
    """Reads a required option that is one word, without any white space.

    Raises:
        ConfigError: it is missing, of another type, or holds white space; the value itself is not shown.
    """
    value = section.get_string(key)
    if any(character.isspace() for character in value):
        raise ConfigError("it must not contain white space", key=key)
    return value
