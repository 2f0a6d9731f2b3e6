"""The backend of a small bookshop: what a user's own repository looks like."""

from understage.defaults import create_backend

backend = create_backend()
backend.add("understage.auth")
backend.add("understage.auth_module_guest_provider")
backend.add("understage.catalog")

if __name__ == "__main__":
    backend.run()
