"""The WSGI application, for Zappa and for any other WSGI server."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

application = get_wsgi_application()
# Import the views before the first request, not in the middle of it.
_ = get_resolver().url_patterns
