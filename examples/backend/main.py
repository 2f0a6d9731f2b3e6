"""The backend of a small bookshop: what a user's own repository looks like."""

from understage.defaults import create_backend

backend = create_backend()
backend.add("understage.auth")
backend.add("understage.auth_module_guest_provider")
backend.add("understage.catalog")
backend.add("understage.catalog_module_scaffolder_entity_model")

if __name__ == "__main__":
    backend.run()
