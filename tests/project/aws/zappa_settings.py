"""What `zappa deploy` writes into a package, for whoever calls the handler without one."""

from types import ModuleType

from tests.project.aws.events import STAGE


def zappa_settings() -> ModuleType:
    """Return it as the module that Zappa's handler imports."""
    module = ModuleType("zappa_settings")
    vars(module).update(
        APP_FUNCTION="application",
        APP_MODULE="project.wsgi",
        API_STAGE=STAGE,
        BASE_PATH=None,
        BINARY_SUPPORT=True,
        CONTEXT_HEADER_MAPPINGS={},
        DEBUG=False,
        DJANGO_SETTINGS="project.settings",
        DOMAIN=None,
        ENVIRONMENT_VARIABLES={},
        EXCEPTION_HANDLER=None,
        LOG_LEVEL="INFO",
        PROJECT_NAME="alsobought",
    )
    return module
