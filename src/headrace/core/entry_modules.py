"""What modules are called that are not imported by their name: programs, and files that are loaded."""

import os.path
import sys

ENTRY_PREFIX = "headrace_entry_"
"""Before the name of a file that is loaded for what it defines: it is no module of a library."""


def importable_name(module: str, file: str | None) -> str:
    """The name that a module would be imported by.

    What is made in it is the same thing whether one process imports the module and another is started
    from it, or loads it from its file.

    Args:
        module: The name that it has here.
        file: Its file, where it has one.
    """
    if module.startswith(ENTRY_PREFIX):
        return module.removeprefix(ENTRY_PREFIX)
    if module != "__main__":
        return module
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None and spec.name:  # started as `python -m`
        return str(spec.name).removesuffix(".__main__")
    return module if file is None else os.path.splitext(os.path.basename(file))[0]  # noqa: PTH119, PTH122  # pathlib is dear
