"""A pooling and a loss are added by one file a floor, and a line in each registry."""

import json
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import pytest
from problems import make_problem

import skrnn
from skrnn.mathematics.losses import LOSSES, loss_of
from skrnn.network import Network

# In a process of its own, with a cache of its own: the one on disk must not name what
# only these tests have.
SCRIPT = """
import pytest
import toys
from skrnn.backends import make_backend
from skrnn.backends.cpu import shard

patch = pytest.MonkeyPatch()
toys.register(patch)
toys.check_kernels(lambda network: make_backend("cpu", network))
_, score = toys.check_regressor(max_iter=40, bptt_steps=3, n_layers=2)
assert score > 0.9, score

# Another value of the hyperparameter is no other code.
toys.register(patch, power=1.2)
toys.check_kernels(lambda network: make_backend("cpu", network))
for entry in (shard.train_shards, shard.predict_shards):
    stats = getattr(entry, "stats", None)
    if stats is not None:
        print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def run(script, cache):
    paths = [str(Path(__file__).parent), str(Path(skrnn.__file__).parents[1])]
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=os.environ
        | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_a_new_pooling_and_a_new_loss(tmp_path):
    # Hits and misses; predictions of a stream are code of their own.
    assert run(SCRIPT, tmp_path) == ["0 1", "0 2"]
    # A second process finds all of it.
    assert run(SCRIPT, tmp_path) == ["1 0", "2 0"]


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_a_value_that_describes_itself(name):
    loss = LOSSES[name]()
    description = loss.description()
    assert json.loads(json.dumps(description)) == description
    assert description["name"] == name
    assert loss_of(description) == loss
    assert hash(loss_of(description)) == hash(loss)
    with pytest.raises((FrozenInstanceError, TypeError)):
        loss.name = "another"
    kind = loss.kind((2, 3))
    assert type(kind) is loss.kind_class
    assert kind._fields[:2] == ("n_outputs", "bounds")
    names = tuple(field.name for field in fields(loss))
    assert kind._fields[2 : 2 + len(names)] == names
    assert kind.n_outputs == 5
    assert kind.bounds.tolist() == [0, 2, 5]


def test_hyperparameters_are_part_of_a_loss_and_its_network(monkeypatch):
    import toys

    monkeypatch.setitem(LOSSES, "tweedie", toys.Tweedie)
    loss = toys.Tweedie(power=1.2)
    assert loss.description() == {"name": "tweedie", "power": 1.2}
    assert loss != toys.Tweedie(power=1.3)
    assert loss.kind((4,)).power == 1.2
    network = replace(make_problem().network, loss=loss)
    assert Network.from_description(network.description()) == network
    assert network != replace(network, loss=toys.Tweedie(power=1.3))
