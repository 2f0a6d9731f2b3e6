"""The schema of the framework's own configuration, announced under the entry point group `understage.config_schema`."""

from importlib.resources import files

schema = files("understage.defaults") / "config-schema.json"
