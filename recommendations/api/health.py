"""Whether this process is up, and whether it can recommend. Open to all, so it tells no more."""

import logging

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from core.api.errors import RETRY_SECONDS, ApiError
from recommendations.services import versions

logger = logging.getLogger(__name__)


@require_safe
def live(_request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def ready(_request: HttpRequest) -> HttpResponse:
    try:
        problem = None if versions.live() else "No model is published yet; run a train job."
    except Exception:
        # Whatever it is, this process cannot serve; the log says what.
        logger.exception("not ready")
        problem = "The database cannot be read."
    if problem is None:
        return JsonResponse({"status": "ok"})
    error = ApiError(503, problem, headers={"Retry-After": str(RETRY_SECONDS)})
    return JsonResponse(error.body, status=error.status, headers=error.headers)
