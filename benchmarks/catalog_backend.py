"""A backend with guest sign-in and the catalog: what `catalog_reads.py` puts under load."""

from understage.defaults import create_backend

backend = create_backend()
backend.add("understage.auth")
backend.add("understage.auth_module_guest_provider")
backend.add("understage.catalog")

if __name__ == "__main__":
    backend.run()
