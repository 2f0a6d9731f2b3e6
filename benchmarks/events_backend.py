"""A backend with the events plugin only."""

from understage.defaults import create_backend

backend = create_backend()
backend.add("understage.events")

if __name__ == "__main__":
    backend.run()
