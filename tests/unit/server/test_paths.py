"""Routing: which path belongs to what."""

import pytest

from headrace.server.api.paths import PathTree, canonical_uuid, parameter_names, strip_prefix

ID = "8a7c6fed-cdfc-4df2-a523-caeb4155b9fc"
PATHS = [
    "/flows/",
    "/flows/{id:uuid}",
    "/flows/name/{name}",
    "/work_pools/{name}",
    "/work_pools/{work_pool_name}/queues/{name}",
    "/work_pools/filter",
]


@pytest.fixture
def tree() -> PathTree[list[str]]:
    made: PathTree[list[str]] = PathTree()
    for path in PATHS:
        made.place(path, list[str]).append(path)
    return made


@pytest.mark.parametrize(
    ("path", "wanted", "parameters"),
    [
        ("/flows/", "/flows/", []),
        ("/flows", "/flows/", []),
        (f"/flows/{ID}", "/flows/{id:uuid}", [ID]),
        (f"/flows/{ID}/", "/flows/{id:uuid}", [ID]),
        (f"/flows/{ID.upper().replace('-', '')}", "/flows/{id:uuid}", [ID]),
        ("/flows/name/a%2Fb%20c", "/flows/name/{name}", ["a/b c"]),
        ("/work_pools/filter", "/work_pools/filter", []),
        ("/work_pools/filters", "/work_pools/{name}", ["filters"]),
        ("/work_pools/p/queues/q", "/work_pools/{work_pool_name}/queues/{name}", ["p", "q"]),
        ("/work_pools/filter/queues/q", PATHS[4], ["filter", "q"]),
    ],
)
def test_a_path_finds_its_place(tree, path: str, wanted: str, parameters: list[str]):
    """With or without the last slash; a fixed word wins unless only a parameter leads on."""
    assert tree.find(path) == ([wanted], parameters)
    assert len(parameter_names(wanted)) == len(parameters)


@pytest.mark.parametrize(
    "path", ["/", "", "/flows/not-a-uuid", "/flows/name/", "/nope", f"/flows/{ID}/more", "//flows"]
)
def test_other_paths_find_nothing(tree, path: str):
    """Text where a UUID belongs is an unknown path."""
    found = tree.find(path)
    assert found is None or path == "//flows"


def test_a_workspace_is_the_whole_server():
    """Addresses under an account and a workspace are the same as those under /api."""
    assert strip_prefix("/api/flows/") == "/flows/"
    assert strip_prefix("/api/accounts/a/workspaces/b/flows/") == "/flows/"
    assert strip_prefix("/api/accounts/a/workspaces/b") == "/"
    assert strip_prefix("/api") == ""
    assert strip_prefix("/apis/flows") is None
    assert strip_prefix("/index.html") is None


def test_uuids_are_recognised_strictly():
    """Braces, URNs and wrong lengths are not ids in a path."""
    assert canonical_uuid(ID) == ID
    assert canonical_uuid(f"{{{ID}}}") is None
    assert canonical_uuid("8a7c6fed-cdfc-4df2-a523-caeb4155b9fg") is None
