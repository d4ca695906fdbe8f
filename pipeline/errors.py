"""The error of a step of a pipeline that cannot go on."""


class PipelineError(Exception):
    """What was found, what is needed, and where to change it; shown as one line or more."""
