"""Django's settings, all derived from `WebSettings`."""

import re
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
from psycopg.conninfo import conninfo_to_dict

from webapp.config.env import REPOSITORY, read_settings

django_stubs_ext.monkeypatch()

ENV = read_settings()

DEBUG = ENV.DEBUG
SECRET_KEY = ENV.SECRET_KEY
ALLOWED_HOSTS = list(ENV.ALLOWED_HOSTS)
ORIGINS = list(ENV.ORIGINS)
CSRF_TRUSTED_ORIGINS = ORIGINS
PUBLIC_URL = ENV.PUBLIC_URL.rstrip("/")
BUNDLES_DIR = ENV.BUNDLES_DIR
FAMILIES_DIR = ENV.FAMILIES_DIR
WORKSHOP_DIR = ENV.WORKSHOP_DIR
WORKSHOP_UPLOAD_BYTES = ENV.WORKSHOP_UPLOAD_MB * 1024 * 1024
FRONTEND_DIST = ENV.FRONTEND_DIST
REDIS_URL = ENV.REDIS_URL

APPEND_SLASH = False  # an address is what it says
ROOT_URLCONF = "webapp.config.urls"
ASGI_APPLICATION = "webapp.config.asgi.application"

INSTALLED_APPS = [
    "django.contrib.admin",  # shown as `webapp.common.operators.site`
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "channels",
    "webapp.config",
    "webapp.common",
    "webapp.accounts",
    "webapp.webhooks",
    "webapp.jobs",
    "webapp.families",
    "webapp.library",
    "webapp.images",
    "webapp.workshop",
    "webapp.albums",
    "webapp.rooms",
]

MIDDLEWARE = [
    "webapp.common.request_id.RequestId",
    "webapp.common.middleware.SecurityHeaders",
    "webapp.common.middleware.BodyLimit",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "webapp.accounts.middleware.TokenSignIn",
    "webapp.accounts.middleware.RateLimits",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [REPOSITORY / "webapp" / "accounts" / "templates"],  # our words before others'
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# ---- database: a pool with a hard limit, no connection kept by a thread ----------------


def _database(url: str) -> dict[str, Any]:
    parts = {k: str(v) for k, v in conninfo_to_dict(url).items() if v is not None}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.get("dbname", "postgres"),
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": parts.get("port", ""),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "pool": {"min_size": 0, "max_size": ENV.DATABASE_POOL_SIZE, "timeout": 10},
            "options": "-c statement_timeout=15000",
        },
    }


DATABASES = {"default": _database(ENV.DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ---- Redis: broker, layer, cache -------------------------------------------------------

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        "TIMEOUT": 300,
    }
}

CELERY = {
    "broker_url": REDIS_URL,
    "broker_connection_retry_on_startup": True,
    "task_serializer": "json",
    "result_serializer": "json",
    "accept_content": ["json"],
    "event_serializer": "json",
    "result_backend": None,
    "task_ignore_result": True,
    "task_acks_late": False,
    "worker_prefetch_multiplier": 1,
    "task_default_queue": "io",
    "worker_send_task_events": False,
    "timezone": "UTC",
    "beat_schedule": {
        "sweep": {
            "task": "webapp.jobs.tasks.sweep",
            "schedule": 5.0,
            "options": {"queue": "io", "expires": 4},
        },
        "mail invitations": {
            "task": "webapp.accounts.tasks.mail_invitations",
            "schedule": 5.0,
            "options": {"queue": "io", "expires": 4},
        },
        "deliver webhooks": {
            "task": "webapp.webhooks.tasks.deliver",
            "schedule": 5.0,
            "options": {"queue": "io", "expires": 4},
        },
        "count uses and likes": {
            "task": "webapp.library.tasks.roll_up",
            "schedule": 10.0,
            "options": {"queue": "io", "expires": 9},
        },
        "mail digests": {
            "task": "webapp.library.tasks.mail_digests",
            "schedule": 900.0,
            "options": {"queue": "io", "expires": 800},
        },
        "clear removed families": {
            "task": "webapp.workshop.tasks.clear_removed",
            "schedule": 300.0,
            "options": {"queue": "io", "expires": 290},
        },
        "forget sessions": {
            "task": "webapp.accounts.tasks.forget_sessions",
            "schedule": 3600.0,
            "options": {"queue": "io", "expires": 3500},
        },
    },
}

# ---- artifacts and the built front end ---------------------------------------------------

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "artifacts": {
        "BACKEND": "webapp.common.artifacts.AtomicFileStorage",
        "OPTIONS": {"location": str(ENV.ARTIFACTS_DIR)},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = "/static/"
if FRONTEND_DIST.is_dir():
    WHITENOISE_ROOT = str(FRONTEND_DIST)
WHITENOISE_USE_FINDERS = True  # the few files of the operators' pages
WHITENOISE_MAX_AGE = 60
WHITENOISE_ALLOW_ALL_ORIGINS = False


def WHITENOISE_IMMUTABLE_FILE_TEST(path: str, url: str) -> bool:  # noqa: N802 - setting
    """Vite puts a hash into the name of everything under assets."""
    return re.match(r"^/assets/.+-[\w-]{8,}\.\w+$", url) is not None


# ---- sign-in -----------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_ADAPTER = "webapp.accounts.adapter.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True  # "your password was changed" goes to the address
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
SIGN_UP = ENV.SIGN_UP
HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("browser",)
HEADLESS_FRONTEND_URLS = {
    "account_confirm_email": PUBLIC_URL + "/confirm/{key}",
    "account_reset_password": PUBLIC_URL + "/reset",
    "account_reset_password_from_key": PUBLIC_URL + "/reset/{key}",
    "account_signup": PUBLIC_URL + "/sign-up",
    "socialaccount_login_error": PUBLIC_URL + "/sign-in?failed=provider",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Atelier"

# One identity provider by configuration; who it says has confirmed an address, has.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_ADAPTER = "webapp.accounts.adapter.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": []}
}
if ENV.OIDC_ISSUER:
    SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"].append(
        {
            "provider_id": "sso",
            "name": ENV.OIDC_NAME,
            "client_id": ENV.OIDC_CLIENT_ID,
            "secret": ENV.OIDC_CLIENT_SECRET,
            "settings": {"server_url": ENV.OIDC_ISSUER},
        }
    )
# The form that leaves for the provider is answered with a redirect to it.
FORM_TARGETS = tuple(
    f"{address.scheme}://{address.netloc}"
    for address in [urlsplit(ENV.OIDC_ISSUER)]
    if address.netloc
)

# ---- mail: to a server, else into a folder, else onto the console ------------------------

DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENV.MAIL_FROM
EMAIL_HOST, EMAIL_PORT = ENV.MAIL_HOST, ENV.MAIL_PORT
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = ENV.MAIL_USER, ENV.MAIL_PASSWORD
EMAIL_USE_SSL, EMAIL_USE_TLS = ENV.MAIL_PORT == 465, ENV.MAIL_PORT == 587
EMAIL_TIMEOUT = 10
if ENV.MAIL_HOST:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
elif ENV.MAIL_DIR is not None:
    EMAIL_BACKEND = "webapp.common.mail.FolderBackend"
    EMAIL_FILE_PATH = str(ENV.MAIL_DIR)
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

# ---- limits ------------------------------------------------------------------------------

MEDIA_LINK_HOURS = ENV.MEDIA_LINK_HOURS
RATE_READ, RATE_WRITE, RATE_STRANGERS = ENV.RATE_READ, ENV.RATE_WRITE, ENV.RATE_STRANGERS
QUOTA_MEMBERS = ENV.QUOTA_MEMBERS
QUOTA_PICTURES = ENV.QUOTA_PICTURES
QUOTA_VECTORS = ENV.QUOTA_VECTORS
QUOTA_WEBHOOKS = ENV.QUOTA_WEBHOOKS
QUOTA_FAMILIES = ENV.QUOTA_FAMILIES

# ---- cookies and headers --------------------------------------------------------------------

SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False
CSRF_COOKIE_SECURE = SECURE
CSRF_FAILURE_VIEW = "webapp.common.problems.csrf_failure"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None

# ---- uploads ---------------------------------------------------------------------------------

MAX_BODY_BYTES = 27 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.server": {"level": "WARNING"},
    },
}
