"""Model versions and the jobs that make them, over REST."""

from typing import Annotated, Any, Literal

import msgspec

from core import audit
from core.api.errors import ApiError
from core.api.operations import ApiView, operation
from core.api.queries import ListQuery, Results, position_of, results
from recommendations.exporting import PERMISSIONS
from recommendations.exporting.parameters import ExportParameters
from recommendations.services import jobs, versions
from recommendations.services.jobs import Job
from recommendations.services.versions import ModelVersion

_READ = ("insights:read", "jobs:run")
_RUN = "jobs:run"


class Published(msgspec.Struct, frozen=True):
    """The version that serves now, and the one that did before."""

    live: str
    previous: str | None


class JobBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which job to start; an export says of what in its parameters, the others have none."""

    job: Literal["train", "trend", "report", "clean", "count", "rebuild", "collect", "export"]
    parameters: ExportParameters | None = None

    def __post_init__(self) -> None:
        if (self.job == "export") != (self.parameters is not None):
            message = "give `parameters` for an export, and for no other job"
            raise ValueError(message)


# What `JobBody` checks across fields, for those who read the schema.
_JobBody = Annotated[
    JobBody,
    msgspec.Meta(
        extra_json_schema={
            "anyOf": [
                {
                    "properties": {
                        "job": {"const": "export"},
                        "parameters": {"type": "object"},
                    },
                    "required": ["parameters"],
                },
                {
                    "properties": {
                        "job": {"not": {"const": "export"}},
                        "parameters": {"type": "null"},
                    }
                },
            ]
        }
    ),
]


def _missing_version() -> ApiError:
    return ApiError(404, "There is no model version of this name.")


def _missing_job() -> ApiError:
    return ApiError(404, "There is no job with this id.")


class ModelVersions(ApiView):
    @operation("List models", scope=_READ, query=ListQuery, answer=Results[ModelVersion])
    def get(self, query: ListQuery) -> Any:
        """Newest first."""
        page = versions.listing(limit=query.limit, position=position_of(self.request, query))
        return results(self.request, page)


class ModelVersionDetail(ApiView):
    @operation("Get model", scope=_READ, answer=ModelVersion)
    def get(self, version: str) -> ModelVersion:
        found = versions.find(version=version)
        if found is None:
            raise _missing_version()
        return found


class PublishModel(ApiView):
    @operation("Publish model", scope=_RUN, answer=Published, idempotent=True)
    def post(self, version: str) -> Published:
        """Makes a version live, a new one or an earlier one, in one atomic switch."""
        found = versions.find(version=version)
        if found is None:
            raise _missing_version()
        try:
            previous = versions.publish(version=version)
        except versions.NotPublishableError as error:
            raise ApiError(409, f"Not published: {error}.") from error
        audit.record(
            by=str(self.request.user),
            action="models.publish",
            target=version,
            before={"live": previous},
            after={"live": version, "state": found.state},
        )
        return Published(live=version, previous=previous)


class Jobs(ApiView):
    @operation("List jobs", scope=_READ, query=ListQuery, answer=Results[Job])
    def get(self, query: ListQuery) -> Any:
        """Newest first."""
        page = jobs.listing(limit=query.limit, position=position_of(self.request, query))
        return results(self.request, page)

    @operation(
        "Start job",
        scope=_RUN,
        body=_JobBody,
        answer=Job,
        status=201,
        creates="job_id",
        idempotent=True,
    )
    def post(self, body: JobBody) -> Job:
        """Starts a job in the background; follow it under its id.

        An export also needs the scope of reading what it exports.
        """
        by = str(self.request.user)
        parameters: dict[str, str] = {}
        if body.parameters is not None:
            scope = PERMISSIONS[body.parameters.kind]
            if not self.request.user.has_perm(scope):
                raise ApiError(403, f"To export {body.parameters.kind} you need {scope}.")
            parameters = msgspec.to_builtins(body.parameters)
        job = jobs.start(name=body.job, by=by, parameters=parameters)
        audit.record(by=by, action=f"jobs.{body.job}", target=job.job_id, after=parameters)
        return job


class JobDetail(ApiView):
    @operation("Get job", scope=_READ, answer=Job)
    def get(self, job_id: str) -> Job:
        job = jobs.find(job_id=job_id)
        if job is None:
            raise _missing_job()
        return job


class CancelJob(ApiView):
    @operation("Cancel job", scope=_RUN, answer=Job, idempotent=True)
    def post(self, job_id: str) -> Job:
        """One that waits never starts; one that runs stops at its next report.

        What it has done by then stands; the live model stays. Until it has stopped its state is
        `running`, and `cancelled_by` is set.
        """
        if jobs.find(job_id=job_id) is None:
            raise _missing_job()
        by = str(self.request.user)
        try:
            job = jobs.cancel(job_id=job_id, by=by)
        except jobs.JobError as error:
            raise ApiError(409, f"Not cancelled: {error}.") from error
        audit.record(by=by, action="jobs.cancel", target=job_id)
        return job
