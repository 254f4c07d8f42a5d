from django.apps import AppConfig


class AwsConfig(AppConfig):
    """The commands that operate a deployment."""

    name = "project.aws"
    label = "aws"
