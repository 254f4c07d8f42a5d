from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from django.core.signals import request_finished

        from core import usage

        # When the client has its answer, where the server sends it before it closes it.
        request_finished.connect(lambda **_: usage.flush_if_due(), weak=False, dispatch_uid="usage")
