"""The units for systemd: every directive is one that it knows, and its own check finds no fault."""

import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[3] / "deploy" / "systemd"
SERVER = "headrace-server.service"
WORKER = "headrace-worker@.service"

KNOWN = {
    "Unit": "Description Wants After StartLimitIntervalSec StartLimitBurst",
    "Service": (
        "Type ExecStart EnvironmentFile Environment WorkingDirectory StateDirectory "
        "StateDirectoryMode User Group UMask Restart RestartSec KillMode TimeoutStopSec LimitNOFILE "
        "NoNewPrivileges CapabilityBoundingSet AmbientCapabilities ProtectSystem ProtectHome "
        "PrivateTmp PrivateDevices ProtectClock ProtectControlGroups ProtectHostname "
        "ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ProtectProc "
        "RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID "
        "LockPersonality SystemCallArchitectures SystemCallFilter SystemCallErrorNumber Delegate "
        "OOMPolicy"
    ),
    "Install": "WantedBy",
}
"""By section, what the manual of systemd 252 has and we use: a misspelt one would be ignored."""


def read(name: str) -> dict[str, dict[str, list[str]]]:
    """Section → directive → values."""
    found: dict[str, dict[str, list[str]]] = {}
    section = ""
    for line in (UNITS / name).read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            found[section] = defaultdict(list)
        elif line and not line.startswith("#"):
            directive, sign, value = line.partition("=")
            assert sign, f"{name}: {line!r} is no directive"
            found[section][directive].append(value)
    return found


@pytest.mark.parametrize("name", [SERVER, WORKER])
def test_every_directive_is_known_in_its_section(name: str):
    for section, directives in read(name).items():
        assert directives.keys() <= set(KNOWN[section].split())


@pytest.mark.parametrize("name", [SERVER, WORKER])
def test_a_stop_reaches_the_program_alone_first_and_an_end_starts_it_again(name: str):
    service = read(name)["Service"]
    assert service["KillMode"] == ["mixed"]
    assert service["Restart"] == ["always"]
    assert service["NoNewPrivileges"] == ["yes"]
    assert service["User"] == ["headrace"]
    assert all(file.startswith("-/etc/headrace/") for file in service["EnvironmentFile"])
    home = f"HEADRACE_HOME=/var/lib/{service['StateDirectory'][0]}"
    assert service["Environment"] == [home]


def test_a_worker_may_make_control_groups_for_its_jobs():
    service = read(WORKER)["Service"]
    assert service["Delegate"] == ["cpu memory"]
    assert "ProtectControlGroups" not in service


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed on this machine"
)
@pytest.mark.parametrize("name", [SERVER, WORKER])
def test_systemd_itself_finds_no_fault(name: str, tmp_path: Path):
    """The programs are not where the units expect them: a stand-in is."""
    text = (UNITS / name).read_text()
    program = shutil.which("true")
    for path in ("/opt/headrace/bin/python", "/opt/headrace/bin/headrace"):
        text = text.replace(f"ExecStart={path}", f"ExecStart={program}")
    unit = tmp_path / name.replace("@", "@pool")
    unit.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    faults = [line for line in done.stderr.splitlines() if str(unit) in line or unit.name in line]
    assert not faults
