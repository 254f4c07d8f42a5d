"""The API function starts without the numerical packages and stays without them."""

import subprocess
import sys

SERVE = """
import sys

import django

django.setup()
from django.conf import settings
from django.test import Client

settings.ALLOWED_HOSTS = ["testserver"]
for path in ("/api/v1/health/live/", "/api/v1/recommendations/popular/", "/api/schema/", "/admin/"):
    assert Client().get(path).status_code < 500, path
import recommendations.jobs, recommendations.services.recommend, recommendations.streams
loaded = {name.partition(".")[0] for name in sys.modules}
heavy = {"numpy", "scipy", "pandas", "sparse_dot_topn"} & loaded
print(" ".join(sorted(heavy)) or "none")
"""


def test_serving_imports_no_numerical_package() -> None:
    done = subprocess.run([sys.executable, "-c", SERVE], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "none"
