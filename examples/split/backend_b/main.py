"""Backend B: reviews of components, and the events plugin for both backends."""

from understage.defaults import create_backend

backend = create_backend()
backend.add("understage.events")
backend.add("reviews:reviews_plugin")

if __name__ == "__main__":
    backend.run()
