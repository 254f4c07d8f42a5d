"""Settings, read from the environment.

Every deployment sets `SECRET_KEY` (or a parameter that holds it), `ALLOWED_HOSTS` and
`TABLE_PREFIX`; the rest has defaults that are safe on the open internet. `DEBUG` is off unless
asked for.
"""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import SimpleLazyObject

from project.aws.schedules import job_schedule

BASE_DIR = Path(__file__).resolve().parent.parent


def _flag(name: str, *, default: bool) -> bool:
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def _list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def _required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        message = f"set the environment variable {name}; README.md says how"
        raise ImproperlyConfigured(message)
    return value


def _address(name: str) -> str:
    """Return an absolute address that ends with a slash, or nothing."""
    value = os.environ.get(name, "")
    parts = urlsplit(value)
    if value and not (parts.scheme in {"http", "https"} and parts.netloc):
        message = f"{name} must be a whole address, like https://static.shop.example/; or empty"
        raise ImproperlyConfigured(message)
    return f"{value.rstrip('/')}/" if value else ""


def _rotation() -> Any:
    """Return what knows the keys in a parameter, if they are kept there."""
    parameter = os.environ.get("SECRET_KEY_PARAMETER")
    if not parameter:
        return None
    from project.aws.rotation import Rotation

    return Rotation(parameter)


ON_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME" in os.environ
DEBUG = _flag("DEBUG", default=False)
# The key, and after it those that may still verify what they signed.
SECRET_KEY_ROTATION = _rotation()
SECRET_KEY, *SECRET_KEY_FALLBACKS = (
    SECRET_KEY_ROTATION.current()
    if SECRET_KEY_ROTATION
    else [_required("SECRET_KEY"), *_list("SECRET_KEY_FALLBACKS")]
)
ALLOWED_HOSTS = _list("ALLOWED_HOSTS", "127.0.0.1,localhost")
CSRF_TRUSTED_ORIGINS = _list("CSRF_TRUSTED_ORIGINS")

# Only a laptop serves plain HTTP; everywhere else cookies and redirects insist on HTTPS.
INSECURE_HTTP = _flag("INSECURE_HTTP", default=False)

INSTALLED_APPS = [
    "core",
    "users",
    "recommendations",
    "project.aws",
    # Without autodiscovery: there are no ModelAdmins, and our staff site is its own AdminSite.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "core.middleware.observe",
    "project.aws.rotation.following",
    "core.middleware.content_security_policy",
    "core.api.middleware.api_errors",
    "project.logs.AccessLog",
    "core.middleware.limit_uploads",
    "django.middleware.security.SecurityMiddleware",
    "project.static.StaticFiles",
    "core.api.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "core.api.middleware.AuthenticationMiddleware",
    "core.api.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# There is no SQL database anywhere. Django's dummy backend raises on any query.
DATABASES: dict[str, dict[str, str]] = {}

DYNAMODB = {
    "REGION": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "eu-west-1",
    "ENDPOINT_URL": os.environ.get("AWS_ENDPOINT_URL_DYNAMODB")
    or os.environ.get("AWS_ENDPOINT_URL"),
    "TABLE_PREFIX": os.environ.get("TABLE_PREFIX", "alsobought-local-"),
    "DELETION_PROTECTION": _flag("DELETION_PROTECTION", default=True),
    "CONNECT_TIMEOUT": float(os.environ.get("DYNAMODB_CONNECT_TIMEOUT", "1")),
    "READ_TIMEOUT": float(os.environ.get("DYNAMODB_READ_TIMEOUT", "3")),
    "RETRIES": 3,
    "POOL_SIZE": 16,
}

# What endpoints and jobs consumed is stored so often by each process; 0 for never.
USAGE_SECONDS = float(os.environ.get("USAGE_SECONDS", "60"))
# The memory of the Lambda function; 0 where there is none.
FUNCTION_GB = float(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0")) / 1024
# Prices that differ from the list prices of the region, such as {"read_units": 0.1}; see
# core/prices.py.
PRICES = json.loads(os.environ.get("PRICES", "{}"))

AUTH_USER_MODEL = "users.StaffUser"
AUTHENTICATION_BACKENDS = ["users.backends.StaffBackend"]
# The Lambda function that runs jobs; empty where they run as processes of this machine.
JOBS_FUNCTION = os.environ.get("JOBS_FUNCTION", "")
# The expression of the schedule that starts a job, by the job's name; on a laptop nothing does, and
# it is that of a deployment.
JOB_SCHEDULE = SimpleLazyObject(lambda: job_schedule(JOBS_FUNCTION))
# The state machine that trains step by step; empty where training runs as one job.
TRAINING_STATE_MACHINE = os.environ.get("TRAINING_STATE_MACHINE", "")
# The SNS topic that is told how trainings ended, and each week's report; empty for none.
NOTIFICATION_TOPIC = os.environ.get("NOTIFICATION_TOPIC", "")
# The queue that learns which records of a stream were given up; empty where there is none.
FAILURE_QUEUE = os.environ.get("FAILURE_QUEUE", "")
# A job that was killed frees its place after so long; a running one renews it in time.
JOB_LEASE_SECONDS = float(os.environ.get("JOB_LEASE_SECONDS", "60"))
# How long training looks for better parameters than its own; 0 for not at all.
TRAINING_TUNE_SECONDS = float(os.environ.get("TRAINING_TUNE_SECONDS", "120"))

# The S3 bucket for exports and for what the steps of a training hand on; empty for neither.
EXPORT_BUCKET = os.environ.get("EXPORT_BUCKET", "")
# A larger file is not downloaded from the staff site but exported to S3; 0 for any size. A Lambda
# function may answer 6 MB, of which a third is lost to the encoding of binary content.
DOWNLOAD_BYTES = int(os.environ.get("DOWNLOAD_BYTES", str(4 * 1024**2 if ON_LAMBDA else 0)))

PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_ENGINE = "core.sessions"
# What is read along with a session, given the id of whom it belongs to.
SESSION_OWNER = "users.storage.accounts.key_of"
API_KEY_VERIFIER = "users.services.keys.verify"
# Requests a second, and at once, that one key or account may make of one process; 0: any number.
API_RATE = float(os.environ.get("API_RATE", "100"))
API_BURST = float(os.environ.get("API_BURST", "1000"))

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "core.api.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["core.api.authentication.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["core.api.throttling.Throttle"],
    "DEFAULT_PARSER_CLASSES": ["core.api.media.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["core.api.media.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "core.api.media.OneMediaType",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "core.api.errors.exception_handler",
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024**2
# A larger form or file is refused; 0 for any size. A Lambda function may be sent 6 MB, of which a
# quarter is lost to the encoding of binary content.
UPLOAD_BYTES = int(os.environ.get("UPLOAD_BYTES", str(4 * 1024**2 if ON_LAMBDA else 0)))

SPECTACULAR_SETTINGS = {
    "TITLE": "Alsobought",
    "DESCRIPTION": (
        "Product recommendations that a shop owns.\n\n"
        "Programs send `Authorization: Api-Key <key>`; `manage.py createkey` makes keys. Ids are "
        "the shop's own and percent-encoded in paths. Lists answer `results` and the address of "
        "the `next` page. Errors have one form: `error` with `code`, `message` and `details`."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["core.api.schema.add_components"],
}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# Where the static files are, if not here: a bucket's address, or that of a CDN before it.
STATIC_ADDRESS = _address("STATIC_ADDRESS")
STATIC_URL = STATIC_ADDRESS or "static/"
STATICFILES_DIRS = [directory for directory in [BASE_DIR / "static"] if directory.is_dir()]
# Once collected, files are served under names that change with their contents, for ever cacheable;
# until then straight from where they lie.
_collected = Path(os.environ.get("STATIC_ROOT", BASE_DIR / "staticfiles"))
STATIC_HASHED = _flag("STATIC_HASHED", default=(_collected / "staticfiles.json").is_file())
STATIC_ROOT = _collected if STATIC_HASHED else None
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not STATIC_HASHED
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_STATIC_PREFIX = "/static/"
STORAGES = {
    "staticfiles": {
        "BACKEND": "project.static.HashedStaticFiles"
        if STATIC_HASHED
        else "project.static.PlainStaticFiles"
    },
}

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = not INSECURE_HTTP
SECURE_HSTS_SECONDS = 0 if INSECURE_HTTP else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not INSECURE_HTTP
SECURE_HSTS_PRELOAD = not INSECURE_HTTP
SESSION_COOKIE_SECURE = not INSECURE_HTTP
CSRF_COOKIE_SECURE = not INSECURE_HTTP
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"

# The metrics in log lines; none without a namespace, nor where no CloudWatch reads the lines.
METRICS_NAMESPACE = os.environ.get("METRICS_NAMESPACE", "Alsobought" if ON_LAMBDA else "")
FUNCTION_NAME = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "server")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "project.logs.JsonFormatter"},
        "text": {
            "()": "project.logs.TextFormatter",
            "format": "{levelname} {name}: {message}",
            "style": "{",
        },
    },
    "filters": {"without_paths": {"()": "project.logs.WithoutPaths"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["without_paths"],
            "formatter": "json" if _flag("JSON_LOGS", default=ON_LAMBDA) else "text",
        },
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        # Client mistakes are in the access log; Django would write their paths, with the ids.
        "django.request": {"level": "ERROR"},
        # The development server's own handler would write each path.
        "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
        # Scanners ask for hosts that are not ours all day.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "project.access": {"level": "INFO" if ON_LAMBDA else "WARNING"},
        # At lower levels these write whole requests, personal data included.
        **{name: {"level": "WARNING"} for name in ("boto3", "botocore", "pynamodb", "urllib3")},
        "zappa": {"level": "WARNING"},
    },
}
