"""One node per module."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import h2_node  # noqa: E402


@pytest.fixture(scope="module")
def node(folder):
    made = h2_node.Node(folder).start()
    yield made
    made.stop()
