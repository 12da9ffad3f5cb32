"""Projects, each with the commands that deploy it, and whether they must be refused.

Both command lines deploy each project, to a server of their own with the same pools, variables and
blocks. What is then there must be the same.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A project.

    Args:
        name: Of the test.
        file: `prefect.yaml`; empty for none.
        commands: Arguments after `deploy`, one line each.
        environment: Of the commands.
        refused: Whether the last command must fail.
    """

    name: str
    file: str
    commands: tuple[str, ...] = ("--all",)
    environment: dict[str, str] = field(default_factory=dict[str, str])
    refused: bool = False


ONE = """\
deployments:
- name: one
  entrypoint: flows.py:greet
  work_pool: {name: pool}
"""

FULL = """\
name: project
prefect-version: 3.8.8
deployments:
- name: full
  entrypoint: flows.py:greet
  version: v1
  tags: [a, b]
  description: A description
  parameters: {name: fn, n: 2}
  schedules:
  - cron: "0 9 * * *"
  work_pool:
    name: pool
    work_queue_name: q1
    job_variables: {env: {A: "1"}, working_dir: /tmp}
  concurrency_limit: 2
"""

TWO = FULL + ONE.replace("deployments:\n", "")

SHELL = """\
build:
- prefect.deployments.steps.run_shell_script:
    id: sh
    script: |
      echo one
      echo two
    stream_output: false
push:
- prefect.deployments.steps.run_shell_script:
    id: pushed
    script: echo "pushed {{ $WHO }}"
    stream_output: false
pull:
- prefect.deployments.steps.set_working_directory:
    directory: "/x/{{ pushed.stdout }}/{{ $WHO }}/{{ $NOT_SET }}/{{ prefect.variables.text }}/{{ no.such }}"
- prefect.deployments.steps.git_clone:
    id: clone
    repository: https://example.com/y.git
    branch: "{{ prefect.variables.text }}"
    access_token: "{{ prefect.blocks.secret.token }}"
- prefect.deployments.steps.pip_install_requirements:
    directory: "{{ clone.directory }}"
    requirements_file: "{{ no_such }}"
deployments:
- name: stepped
  entrypoint: flows.py:greet
  version: "{{ sh.stdout }}"
  tags: ["{{ pushed.stdout }}", "{{ no_such }}", "a-{{ no.such }}"]
  work_pool: {name: pool, job_variables: {env: {OUT: "{{ sh.stdout }}", GONE: "{{ no_such }}"}}}
"""

CASES = [
    Case("one", ONE),
    Case("full", FULL),
    Case("one by name", FULL, ("-n full",)),
    Case("by pattern", TWO, ("-n greet/*",)),
    Case("by a part of the names", TWO, ("-n f*",)),
    Case("several names", TWO, ("-n one -n full",)),
    Case("without a file", "", ("flows.py:greet -n alone -p pool",)),
    Case("new beside a file", ONE, ("flows.py:count_things -n new -p pool --param x=1",)),
    Case("a module", ONE.replace("flows.py:", "flows:")),
    Case("entrypoint from the line", ONE, ("flows.py:count_things -n one",)),
    Case(
        "options over the file",
        FULL,
        (
            "-n full --version v2 --description other -t c -q q2 --concurrency-limit 5"
            " --collision-strategy CANCEL_NEW --no-enforce-parameter-schema",
        ),
    ),
    Case(
        "parameters over the file", FULL, ("-n full --param n=7", "-n full --params '{\"n\": 9}'")
    ),
    Case("a job variable over the file", FULL, ("-n full -jv working_dir=/srv",)),
    Case("job variables over the file", FULL, ("""-n full -jv '{"env": {"B": "2"}}'""",)),
    Case("schedules from the line", FULL, ("-n full --cron '1 1 * * *' --timezone Europe/Berlin",)),
    Case(
        "an interval from the line",
        ONE,
        ("-n one --interval 600 --anchor-date 2026-01-01",),
    ),
    Case(
        "rules from the line",
        ONE,
        (
            """-n one --rrule FREQ=DAILY --rrule '{"rrule":"FREQ=HOURLY","timezone":"Europe/Paris"}'""",
        ),
    ),
    Case(
        "all kinds of schedules",
        """\
deployments:
- name: scheduled
  entrypoint: flows.py:count_things
  parameters: {x: 1}
  work_pool: {name: pool}
  schedules:
  - cron: "0 9 * * 1-5"
    timezone: Europe/Berlin
    day_or: false
    slug: work-days
    parameters: {x: 5}
  - cron: "@daily"
    active: no
  - interval: 86400
    anchor_date: "2026-01-01T00:00:00Z"
    timezone: America/New_York
  - interval: 3600
    anchor_date: "2026-01-01T12:30:00+02:00"
    active: "false"
  - rrule: FREQ=WEEKLY;BYDAY=MO
    timezone: America/New_York
  - rrule: "DTSTART:20260105T090000\\nRRULE:FREQ=DAILY;COUNT=5"
""",
    ),
    Case(
        "one schedule, by the older name",
        "deployments:\n- name: s\n  entrypoint: flows.py:greet\n  schedule: {cron: 5 4 * * *}\n"
        "  work_pool: {name: pool}\n",
    ),
    Case(
        "no schedules any more",
        "deployments:\n- name: s\n  entrypoint: flows.py:greet\n  schedules: []\n"
        "  work_pool: {name: pool}\n",
        ("-n s --cron '1 1 * * *'", "-n s"),
    ),
    Case("build, push and pull steps", SHELL, environment={"WHO": "me"}),
    Case(
        "outputs of a step without an id",
        "build:\n- prefect.deployments.steps.run_shell_script: {script: echo a}\n"
        + ONE
        + '  version: "{{ stdout }}"\n  description: "<{{ stderr }}>"\n',
    ),
    Case(
        "environment, variables and blocks",
        """\
deployments:
- name: filled
  entrypoint: "{{ $FILE }}:greet"
  description: "d {{ $WHO }} {{ prefect.variables.text }} {{ $NOT_SET }}{{ prefect.variables.none }}"
  tags: ["{{ prefect.variables.text }}", "{{ $WHO }}", "{{ prefect.variables.none }}"]
  parameters:
    name: "{{ prefect.variables.text }}"
    n: "{{ prefect.variables.number }}"
  work_pool:
    name: "{{ $POOL }}"
    work_queue_name: "{{ $NOT_SET }}"
    job_variables:
      env:
        B: "{{ prefect.blocks.secret.token }}"
        C: "{{ $WHO }}"
        D: "{{ prefect.variables.none }}"
      working_dir: "{{ $NOT_SET }}"
""",
        environment={"WHO": "me", "POOL": "pool", "FILE": "flows.py"},
    ),
    Case(
        "anchors, merged keys and words for true",
        """\
definitions:
  pools: &pool
    name: pool
    job_variables: {stream_output: off}
deployments:
- name: a
  entrypoint: flows.py:greet
  paused: yes
  enforce_parameter_schema: no
  parameters: {n: 1_0, name: "yes"}
  work_pool: *pool
- name: b
  entrypoint: flows.py:greet
  work_pool:
    <<: *pool
    work_queue_name: q
""",
    ),
    Case(
        "typed parameters",
        """\
deployments:
- name: typed
  entrypoint: flows.py:typed
  parameters:
    order: {number: 1}
    when: 2026-01-01T00:00:00Z
    size: l
    names: [x]
  work_pool: {name: pool}
""",
    ),
    Case(
        "limits and strategies",
        """\
deployments:
- name: a
  entrypoint: flows.py:greet
  concurrency_limit: {limit: 3, collision_strategy: CANCEL_NEW}
  work_pool: {name: pool}
- name: b
  entrypoint: flows.py:greet
  concurrency_limit: {limit: 3, collision_strategy: ENQUEUE, grace_period_seconds: 120}
  work_pool: {name: pool}
- name: c
  entrypoint: flows.py:greet
  concurrency_limit: null
  work_pool: {name: pool}
""",
    ),
    Case(
        "own steps over those of the file",
        """\
pull:
- prefect.deployments.steps.set_working_directory: {directory: /common}
deployments:
- {name: common, entrypoint: flows.py:greet, pull: null, work_pool: {name: pool}}
- {name: none, entrypoint: flows.py:greet, pull: [], work_pool: {name: pool}}
- name: own
  entrypoint: flows.py:greet
  pull:
  - prefect.deployments.steps.set_working_directory: {directory: /own}
  work_pool: {name: pool}
""",
    ),
    Case(
        "triggers",
        """\
deployments:
- name: triggered
  entrypoint: flows.py:greet
  work_pool: {name: pool}
  triggers:
  - enabled: true
    match: {prefect.resource.id: a.b}
    expect: [x.y]
    parameters: {n: 5}
  - type: compound
    require: all
    within: 60
    name: two things
    triggers:
    - {type: event, expect: [one], posture: Reactive}
    - {type: event, expect: [two], posture: Reactive}
""",
        ("--all", "--all"),
    ),
    Case(
        "triggers from the line",
        ONE,
        ("""-n one --trigger '{"match":{"prefect.resource.id":"z"},"expect":["e"]}'""",),
    ),
    Case("triggers that are gone", ONE, ("""-n one --trigger '{"expect":["e"]}'""", "-n one")),
    Case("paused again", FULL + "  paused: true\n", ("--all", "--all")),
    Case(
        "another kind of pool",
        ONE.replace("name: pool", "name: boxes, job_variables: {image: me/it:1}"),
    ),
    Case("no image", ONE.replace("name: pool", "name: boxes")),
    Case(
        "an image in a project with a name",
        "name: called\n" + ONE.replace("name: pool", "name: boxes, job_variables: {image: me/it}"),
    ),
    Case(
        "a pull step of others",
        "pull:\n- some.package.steps.fetch: {requires: some-package, where: '{{ $WHO }}'}\n" + ONE,
        environment={"WHO": "me"},
    ),
    Case("a version's kind", ONE + "  version: abc\n  version_type: vcs:git\n"),
    Case("a file elsewhere", "", ("-n one --prefect-file more/other.yaml",)),
    # Refused
    Case("no such deployment", TWO, ("-n gone",), refused=True),
    Case("no such pool", ONE.replace("pool}", "gone}"), refused=True),
    Case("no pool", ONE.replace("  work_pool: {name: pool}\n", ""), refused=True),
    Case("no entrypoint", ONE.replace("entrypoint: flows.py:greet", "version: v"), refused=True),
    Case("no such flow", ONE.replace(":greet", ":gone"), refused=True),
    Case("no such file of flows", ONE.replace("flows.py", "gone.py"), refused=True),
    Case("a bad cron", ONE + "  schedules: [{cron: never}]\n", refused=True),
    Case("an interval of nothing", ONE + "  schedules: [{interval: 0}]\n", refused=True),
    Case(
        "a bad time zone",
        ONE + "  schedules: [{cron: 1 1 * * *, timezone: Mars/X}]\n",
        refused=True,
    ),
    Case("parameters that do not fit", ONE + "  parameters: {n: many}\n", refused=True),
    Case(
        "job variables that do not fit",
        ONE.replace("pool}", "pool, job_variables: {stream_output: [1]}}"),
        refused=True,
    ),
    Case("tags that are no list", ONE + "  tags: {a: b}\n", refused=True),
    Case("a limit of nothing", ONE + "  concurrency_limit: 0\n", refused=True),
    Case("an unknown kind of version", ONE + "  version_type: mine\n", refused=True),
    Case(
        "no such block", ONE + '  description: "{{ prefect.blocks.secret.gone }}"\n', refused=True
    ),
    Case(
        "a step that fails",
        "build:\n- prefect.deployments.steps.run_shell_script: {script: /bin/false}\n" + ONE,
        refused=True,
    ),
    Case(
        "a step that is none", "build:\n- prefect.deployments.steps.gone: {}\n" + ONE, refused=True
    ),
    Case("a job variable without a value", ONE, ("-n one -jv bad",), refused=True),
    Case("several, and no name", TWO, ("",), refused=True),
    Case("a name with a slash", ONE.replace("name: one", "name: a/b"), refused=True),
]
