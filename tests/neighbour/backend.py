"""The Understage backend beside the Node one. The variable FEATURES lists modules to add, with commas between."""

import os

from understage.defaults import create_backend

backend = create_backend()
for feature in os.environ["FEATURES"].split(","):
    backend.add(feature)

if __name__ == "__main__":
    backend.run()
