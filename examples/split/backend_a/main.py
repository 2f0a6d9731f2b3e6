"""Backend A: sign-in and catalog, an inbox of what happens in backend B, and the gateway to its plugins."""

from understage.defaults import create_backend

backend = create_backend()
backend.add("understage.auth")
backend.add("understage.auth_module_guest_provider")
backend.add("understage.catalog")
backend.add("understage.gateway")
backend.add("inbox:inbox_plugin")

if __name__ == "__main__":
    backend.run()
