"""What holds for all tests."""

from hypothesis import settings

# How long an example takes tells how busy the machine is. Where time matters, a test measures it.
settings.register_profile("understage", deadline=None)
settings.load_profile("understage")
