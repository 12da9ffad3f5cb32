"""Placeholders of a deployment file, before and after its steps ran."""

from headrace.client.default import default_client
from headrace.core.placeholders import Reference, fill_value
from headrace.deployments.project.values import fill_fields, fill_outputs, fill_pull_steps
from headrace.deployments.references import References
from headrace.deployments.steps.core import fill_from


class Known(References):
    """References to a fixed set of values."""

    def _read(self, reference: Reference) -> object:
        if reference.kind == "environment":
            return super()._read(reference)
        return {"v": 5, "secret/s": "open"}[reference.name]


def known() -> Known:
    return Known(default_client, {"HERE": "here"})


def test_fields_are_filled_in_two_steps() -> None:
    """First what is outside, then what steps came to; what there is not is left out, and told."""
    values = {
        "version": "{{ built.tag }}",
        "tags": ["{{ $HERE }}", "{{ $NOT_SET }}", "a-{{ $NOT_SET }}", "{{ nowhere }}"],
        "parameters": {"n": "{{ prefect.variables.v }}", "{{ $HERE }}": "{{ built }}"},
        "build": [{"x": {"y": "{{ $HERE }}"}}],
    }
    first = fill_fields(values, known())
    assert first == {
        "version": "{{ built.tag }}",
        "tags": ["here", "", "a-", "{{ nowhere }}"],
        "parameters": {"n": 5, "{{ $HERE }}": "{{ built }}"},
        "build": values["build"],
    }
    missed: list[str] = []
    second = fill_outputs(first, {"built": {"tag": "t"}}, missed.append)
    assert second["version"] == "t"
    assert second["tags"] == ["here", "", "a-"]
    assert second["parameters"]["{{ $HERE }}"] == {"tag": "t"}
    assert missed == ["nowhere"]


def test_pull_steps_keep_what_is_known_only_where_they_run() -> None:
    """Secrets are not stored with a deployment; nor is an environment's gap filled."""
    steps = [
        {
            "git": {
                "url": "{{ built.url }}/{{ $HERE }}/{{$NOT_SET}}",
                "token": "{{ prefect.blocks.secret.s }}",
            }
        },
        {"pip": {"directory": "{{git.directory}}", "v": "{{ prefect.variables.v }}"}},
    ]
    assert fill_pull_steps(steps, {"built": {"url": "u"}}, known()) == [
        {"git": {"url": "u/here/{{$NOT_SET}}", "token": "{{ prefect.blocks.secret.s }}"}},
        steps[1],
    ]


def test_a_step_is_filled_where_it_runs() -> None:
    """Outputs, secrets and the environment; a gap of the environment is an empty text there."""
    step = {
        "a": "{{ clone.directory }}",
        "b": "{{ headrace.blocks.secret.s }}",
        "c": "{{ $NOT_SET }}",
        "d": "{{ nowhere }}",
    }
    fill = fill_from({"clone": {"directory": "d"}}, known())
    assert fill_value(step, fill) == {"a": "d", "b": "open", "c": "", "d": "{{ nowhere }}"}
