"""Creates the actions service of each plugin."""

from understage.plugin_api import (
    ActionsService,
    Auth,
    Discovery,
    Logger,
    RootConfig,
    RootHttpClient,
    core_services,
    create_service_factory,
)


@create_service_factory(service=core_services.actions)
def actions_service_factory(
    auth: Auth, config: RootConfig, discovery: Discovery, http_client: RootHttpClient, logger: Logger
) -> ActionsService:
    """Creates the actions service of a plugin; the configuration tells whose actions there are."""
    from understage.defaults.actions.config import read_actions_config
    from understage.defaults.actions.service import DefaultActions

    return DefaultActions(
        read_actions_config(config), auth=auth, discovery=discovery, http_client=http_client, logger=logger
    )
