"""The page about missing entities says what the catalog says."""

import inspect
import re
from pathlib import Path

import yaml

from understage.catalog.config import read_catalog_config
from understage.catalog.explain import reasons
from understage.config import config_from_data

PAGE = (Path(__file__).parents[2] / "docs/how-to/find-a-missing-entity.md").read_text()


def test_the_page_quotes_explanations() -> None:
    """Each sentence that the page explains is one that an explanation may hold."""
    table = PAGE.partition("| it says |")[2].partition("\n## ")[0]
    sentences = [line.split("|")[1].strip().removeprefix("... ") for line in table.splitlines()[2:] if line]
    assert len(sentences) == 6
    source = inspect.getsource(reasons)
    assert [sentence for sentence in sentences if sentence not in source] == []


def test_the_shown_configuration_is_understood() -> None:
    """The section that turns a guard off does so."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    settings = read_catalog_config(config_from_data(yaml.safe_load(block)))
    assert settings.provider_options["my-provider"].removal_guard is False
