"""Ids of the shop in paths."""

from django.urls import register_converter


class IdConverter:
    """Any text, even with slashes: servers decode ``%2F`` before Django sees the path.

    An id that ends like the path of a sub-resource (``…/export``) cannot be told from it; what
    the sub-resource has no method for goes to the row of that id.
    What is not an id gets its 400 from the operation, which can say why; hence ``.`` matches
    line breaks here.
    """

    regex = "(?s:.+)"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(IdConverter, "id")
