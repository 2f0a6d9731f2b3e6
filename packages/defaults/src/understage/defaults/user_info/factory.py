"""Creates the user info service of each plugin."""

from understage.defaults.user_info.service import DefaultUserInfo
from understage.plugin_api import Discovery, RootHttpClient, UserInfoService, core_services, create_service_factory


@create_service_factory(service=core_services.user_info)
def user_info_service_factory(discovery: Discovery, http_client: RootHttpClient) -> UserInfoService:
    """Creates the user info service of a plugin."""
    return DefaultUserInfo(discovery, http_client)
