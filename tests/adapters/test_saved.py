"""Saved model graphs as files: what is no graph, or a damaged one, is refused by name."""

import json
import os

import pytest

import nbviz
from nbviz.errors import FileReadError, SchemaError
from nbviz.wire import to_json
from tests.fixtures.graphs import shared


def test_a_damaged_graph_is_refused_with_its_file_and_its_field(tmp_path):
    document = json.loads(to_json(shared()))
    document["layers"]["type"][3] = None
    path = tmp_path / "net.json"
    path.write_text(json.dumps(document))
    with pytest.raises(SchemaError, match=r"net\.json': This model graph is damaged: layers\.type\[3\] is None"):
        nbviz.view(path)


def test_a_file_that_no_memory_holds_is_refused_by_its_size(tmp_path):
    path = tmp_path / "sparse.json"
    path.write_bytes(b"{")
    os.truncate(path, 1 << 41)
    with pytest.raises(FileReadError, match=r"sparse\.json.*2,199,023,255,552 bytes, more than nbviz accepts"):
        nbviz.read(path)
