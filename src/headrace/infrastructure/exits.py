"""How a process ended, in words."""

import signal


def describe_exit(code: int | None) -> str:
    """An exit code as a sentence; negative is a signal."""
    if code is None:
        return "ended, and nobody saw its exit code"
    if code >= 0:
        return f"exited with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = {
        "SIGKILL": " (killed from outside; on Linux often for want of memory)",
        "SIGSEGV": " (a fault in native code)",
        "SIGBUS": " (a fault in native code, or the disk is full)",
    }.get(name, "")
    return f"was ended by {name}{hint}"
