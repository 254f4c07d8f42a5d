"""The WSGI application, for Zappa and for any other WSGI server."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver
from django.utils.module_loading import import_string

from core.dynamodb.connection import connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

application = get_wsgi_application()
# What the first request needs is ready before it, not made in the middle of it: views, who checks
# keys, and the client of DynamoDB.
_ = get_resolver().url_patterns
import_string(settings.API_KEY_VERIFIER)
_ = connection().client
