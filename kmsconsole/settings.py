"""Django settings: the embedded default, changed by environment variables alone."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF

from kmsconsole import env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- the contract for scripts (README) ------------------------------------------------
KMS_HOME = env.path("KMS_HOME", str(BASE_DIR / "var")) or BASE_DIR / "var"
KMS_HOST = env.text("KMS_HOST", "127.0.0.1")
KMS_PORT = env.number("KMS_PORT", 8000, least=1, most=65535)
KMS_TLS_CERT = env.path("KMS_TLS_CERT")
KMS_TLS_KEY = env.path("KMS_TLS_KEY")
_SCHEME = "https" if KMS_TLS_CERT else "http"
KMS_PUBLIC_URL = env.text("KMS_PUBLIC_URL", f"{_SCHEME}://localhost:{KMS_PORT}")
KMS_TRUSTED_PROXIES = env.networks("KMS_TRUSTED_PROXIES")
KMS_REGIONS = env.words("KMS_REGIONS", "ap-guangzhou")
KMS_WORKERS = env.number("KMS_WORKERS", 2, least=1, most=256)
KMS_THREADS = env.number("KMS_THREADS", 4, least=1, most=64)
KMS_RATE_LIMITS = env.text("KMS_RATE_LIMITS", "off")
_figure = KMS_RATE_LIMITS.isascii() and KMS_RATE_LIMITS.isdigit()
if KMS_RATE_LIMITS not in ("off", "source") and not (_figure and int(KMS_RATE_LIMITS)):
    _limits = "KMS_RATE_LIMITS must be off, source, or a number of requests a second."
    raise env.BadSetting(_limits)
KMS_MANUAL_ROTATION_HOURS = env.number(
    "KMS_MANUAL_ROTATION_HOURS", 24, least=0, most=24 * 365
)
# How long the clock has to run steadily after everything stood still.
KMS_CLOCK_STEADY_SECONDS = env.number(
    "KMS_CLOCK_STEADY_SECONDS", 3600, least=0, most=30 * 24 * 3600
)
KMS_CMK_LIMIT = env.number("KMS_CMK_LIMIT", 0, least=0, most=10_000_000)
KMS_DATA_KEY_LIMIT = env.number("KMS_DATA_KEY_LIMIT", 0, least=0, most=10_000_000)

# --- the HSM --------------------------------------------------------------------------
PKCS11_MODULE = env.path("PKCS11_MODULE")
PKCS11_TOKEN_LABEL = env.text("PKCS11_TOKEN_LABEL", "kmsconsole")
# Without a module of its own the installation keeps a SoftHSM token in its data folder.
KMS_EMBEDDED_TOKEN = PKCS11_MODULE is None
if KMS_EMBEDDED_TOKEN:
    os.environ["SOFTHSM2_CONF"] = str(KMS_HOME / "softhsm2.conf")
KMS_HANDLE_CACHE = 2_000

# --- parts named here so that nobody below imports them -------------------------------
KMS_EVALUATOR = "accessctl.evaluator"
KMS_CREDENTIALS = "accessctl.credentials"
KMS_SESSION_PRINCIPAL = "accessctl.credentials.session_principal"
KMS_PRINCIPAL_NAMES = "accessctl.credentials.names"
KMS_KEY_PAGES = ("accessctl.views.key_access.KeyAccessPage",)
# What people call operations, in the pages that show events.
KMS_DEEDS = (
    "keys.views.happenings.DEEDS",
    "accessctl.views.naming.DEEDS",
    "kmsconsole.alarms.words.DEEDS",
    "kmsconsole.schedule.words.DEEDS",
)
KMS_OPERATIONS = (
    "kmsconsole.schedule.operations.OPERATIONS",
    "keys.operations.OPERATIONS",
    "accessctl.operations.OPERATIONS",
    "kmsconsole.alarms.operations.OPERATIONS",
)
# What happens by itself: every sweep with its period (docs/schedule.md).
KMS_SWEEPS = (
    "keys.sweeps.SWEEPS",
    "accessctl.sweeps.SWEEPS",
    "kmsconsole.alarms.sweeps.SWEEPS",
)
# Called with a key that is being destroyed, in the transaction that does it.
KMS_KEY_DESTROYED = ("accessctl.endings.forget_key",)
# Called with an account: whether attempts to use a key hold its deletion.
KMS_DELETION_RULE = "accessctl.options.deletion_rule"

# --- Django ---------------------------------------------------------------------------
DEBUG = False
SECRET_KEY = env.secret("KMS_SECRET_KEY") or env.kept_secret(KMS_HOME / "secret_key")
_PUBLIC = urlsplit(KMS_PUBLIC_URL)
ALLOWED_HOSTS = sorted(
    {_PUBLIC.hostname or "localhost", "localhost", "127.0.0.1"}
    | set(env.words("KMS_ALLOWED_HOSTS"))
)
CSRF_TRUSTED_ORIGINS = [f"{_PUBLIC.scheme}://{_PUBLIC.netloc}"]

INSTALLED_APPS = [
    "kmsconsole.apps.KmsconsoleConfig",
    "kmsconsole.audit",
    "kmsconsole.schedule",
    "kmsconsole.alarms",
    "keys",
    "accessctl",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "kmsconsole.apps.OperatorAdminConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "guardian",
    "csp",
    "django_htmx",
    "template_partials",
]

MIDDLEWARE = [
    "kmsconsole.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accessctl.middleware.SessionMiddleware",
    "kmsconsole.middleware.SignedInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "kmsconsole.middleware.ConsoleMiddleware",
]

ROOT_URLCONF = "kmsconsole.urls"
WSGI_APPLICATION = "kmsconsole.wsgi.application"
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
                "kmsconsole.views.frame",
            ],
        },
    }
]

_SQLITE = (
    f"sqlite:///{KMS_HOME / 'kms.sqlite3'}?transaction_mode=IMMEDIATE&timeout=20"
    "&init_command=PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
)
DATABASES = {
    "default": environ.Env.db_url_config(env.secret("DATABASE_URL") or _SQLITE)
    | {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True, "ATOMIC_REQUESTS": False}
}
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    _GIVEN = DATABASES["default"].get("OPTIONS", {})
    # Only the hot path's statements are prepared; they are planned once, not each time.
    _PLANNED_ONCE = f"-c plan_cache_mode=force_generic_plan {_GIVEN.get('options', '')}"
    # A server that is gone without a word is given up after seconds, not minutes.
    _WAITS = {"connect_timeout": 5, "tcp_user_timeout": 10_000}
    DATABASES["default"]["OPTIONS"] = _WAITS | _GIVEN | {"options": _PLANNED_ONCE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Throttles must count across processes: the embedded default shares them by table.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "kmsconsole_cache",
    }
}

# --- people ---------------------------------------------------------------------------
AUTH_USER_MODEL = "accessctl.User"
AUTHENTICATION_BACKENDS = ["accessctl.authentication.AccountBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("name",)},
    },
    {"NAME": "accessctl.passwords.AccountLengthValidator"},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]
# Of guardian only the direct tables are used (accessctl/models/grants.py).
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = GUARDIAN_MONKEY_PATCH_GROUP = False
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "keys:list"
ACCOUNT_ADAPTER = "accessctl.adapter.AccountAdapter"
ACCOUNT_FORMS = {"login": "accessctl.forms.sign_in.SignInForm"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = "name"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_RATE_LIMITS = {
    # By account, name and address; by account and address (accessctl/adapter.py).
    "login_failed": "5/5m/key",
    "login_failed_account": "30/5m/key",
    # Against floods alone: people of several accounts may share an address.
    "login": "300/m/ip",
    "change_password": "10/5m/user",
}
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_ADAPTER = "accessctl.adapter.FactorAdapter"
MFA_FORMS = {"activate_totp": "accessctl.forms.factors.ActivateAppForm"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_TOTP_ISSUER = "kmsconsole"
USERSESSIONS_TRACK_ACTIVITY = False

# --- transport ------------------------------------------------------------------------
_SECURE = _PUBLIC.scheme == "https"
# The longest that an account can choose; what it did choose is enforced by middleware.
SESSION_COOKIE_AGE = 24 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _SECURE
SESSION_COOKIE_NAME = "__Host-session" if _SECURE else "kmsconsole_session"
CSRF_COOKIE_NAME = "__Host-csrf" if _SECURE else "kmsconsole_csrf"
LANGUAGE_COOKIE_NAME = "kmsconsole_language"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "kmsconsole.views.csrf_failure"
SECURE_HSTS_SECONDS = 31_536_000 if _SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _SECURE
SECURE_REFERRER_POLICY = "same-origin"
# No redirect from http to https: nothing listens on http where TLS is on, and a client
# that follows a redirect turns its POST into a GET.
# No backend of guardian: Django's permissions say no, the evaluator reads its tables.
SILENCED_SYSTEM_CHECKS = ["security.W008", "guardian.W001"]
if KMS_TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
# Uploads stay in memory: a temporary file would leave plaintext on the disk.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE = 131_072
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

STATIC_URL = "static/"
STATIC_ROOT = KMS_HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- language and time ----------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
# The switch shows each by the name its own readers know it by, which Django has.
LANGUAGES = [("en", "English"), ("zh-hans", "Simplified Chinese")]
LOCALE_PATHS = [BASE_DIR / "kmsconsole" / "locale"]

# --- mail and webhooks ----------------------------------------------------------------
_MAIL = env.secret("EMAIL_URL")
KMS_MAIL = bool(_MAIL)
_SMTP = environ.Env.email_url_config(_MAIL or "dummymail://")
EMAIL_BACKEND = _SMTP["EMAIL_BACKEND"]
EMAIL_HOST = _SMTP["EMAIL_HOST"] or "localhost"
EMAIL_PORT = _SMTP["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _SMTP["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _SMTP["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _SMTP.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _SMTP.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 8
DEFAULT_FROM_EMAIL = env.text("KMS_MAIL_FROM", f"kmsconsole@{_PUBLIC.hostname}")
KMS_WEBHOOK_NETWORKS = env.networks("KMS_WEBHOOK_NETWORKS")
# Certificates of webhooks are checked with these roots instead of the system's.
KMS_WEBHOOK_CA = env.path("KMS_WEBHOOK_CA")

# --- messages -------------------------------------------------------------------------
CELERY_BROKER_URL = env.secret("CELERY_BROKER_URL") or "filesystem://"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "kmsconsole.logs.formatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"django.server": {"level": "WARNING"}},
}
