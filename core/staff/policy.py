"""What a browser may load and run on the staff site: our own files, and nothing in line."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# Pictures of products are where the shop keeps them.
POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'; img-src 'self' https: data:"
)


class ContentSecurityPolicyMiddleware:
    """Send the policy with every page of the staff site."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        match = request.resolver_match
        if match is not None and "admin" in match.app_names:
            response.headers.setdefault("Content-Security-Policy", POLICY)
        return response
