"""The addresses of a test: an answer that says what of the request arrived."""

import hashlib

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

PICTURE = bytes(range(256)) * 20


@csrf_exempt
def echo(request: HttpRequest) -> JsonResponse:
    return JsonResponse(
        {
            "address": request.build_absolute_uri(),
            "client": request.META["REMOTE_ADDR"],
            "query": dict(request.GET.lists()),
            "fields": dict(request.POST.lists()),
            "files": {
                name: [file.name, hashlib.sha256(file.read()).hexdigest()]
                for name, file in request.FILES.items()
            },
            "secure": request.is_secure(),
        }
    )


def picture(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(PICTURE, content_type="image/png")
    response.set_cookie("one", "1")
    response.set_cookie("two", "2")
    return response


urlpatterns = [
    path("echo/", echo),
    path("picture/", picture),
    path("", include("project.urls")),
]
