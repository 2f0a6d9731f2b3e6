"""A backend with guest sign-in and the catalog: what `catalog_reads.py` puts under load.

With WITHOUT_REPLIES in the environment it remembers no answers: what it then does is what it does for other questions.
"""

import os

from understage.catalog.http import replies
from understage.defaults import create_backend

if os.environ.get("WITHOUT_REPLIES"):
    replies.MAX_AGE_SECONDS = 0.0

backend = create_backend()
backend.add("understage.auth")
backend.add("understage.auth_module_guest_provider")
backend.add("understage.catalog")

if __name__ == "__main__":
    backend.run()
