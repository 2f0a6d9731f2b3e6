"""The user info service: what is known of a user beyond the token."""

from understage.defaults.user_info.factory import user_info_service_factory
from understage.defaults.user_info.service import DefaultUserInfo

__all__ = ["DefaultUserInfo", "user_info_service_factory"]
