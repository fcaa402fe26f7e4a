"""BLAS has one thread where its bits may depend on it, and what it had elsewhere."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skrnn.mathematics.blas import OneBlasThread
from skrnn.mathematics.initializers import orthogonal


def counts():
    """Threads of each BLAS of this process."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return [pool["num_threads"] for pool in pools]


@pytest.fixture(autouse=True)
def _two_threads():
    with threadpool_limits(2, user_api="blas"):
        yield


def test_one_thread_within_a_block():
    assert set(counts()) == {2}
    with OneBlasThread():
        assert set(counts()) == {1}
        with OneBlasThread():
            assert set(counts()) == {1}
        assert set(counts()) == {1}
    assert set(counts()) == {2}


def test_an_error_ends_the_block():
    with pytest.raises(ZeroDivisionError), OneBlasThread():
        1 / 0  # noqa: B018
    assert set(counts()) == {2}


def test_functions_that_are_lifted_out_of_it():
    seen = []

    def look(number, *, fails=False):
        seen.append((number, *set(counts())))
        if fails:
            raise ValueError("expected")
        return number

    with OneBlasThread() as limit:
        assert limit.lifted(look)(3) == 3
        assert set(counts()) == {1}
        with pytest.raises(ValueError, match="expected"):
            limit.lifted(look)(number=4, fails=True)
        assert set(counts()) == {1}
    assert set(counts()) == {2}
    assert seen == [(3, 2), (4, 2)]


def test_blocks_of_several_threads():
    """The last one ends the limit, whichever began it."""
    both, first_is_out = threading.Barrier(2, timeout=60), threading.Event()

    def first():
        with OneBlasThread():
            both.wait()
        first_is_out.set()

    def second():
        both.wait()
        with OneBlasThread():
            assert first_is_out.wait(60)
            return counts()

    def second_within_first():
        with OneBlasThread():
            both.wait()
            assert first_is_out.wait(60)
            return counts()

    with ThreadPoolExecutor(2) as pool:
        for other in (second, second_within_first):
            first_is_out.clear()
            seen = pool.submit(other)
            pool.submit(first).result()
            assert set(seen.result()) == {1}
            assert set(counts()) == {2}


def test_a_matrix_leaves_the_limit_alone():
    q = orthogonal(np.random.RandomState(0), 7)
    np.testing.assert_allclose(q @ q.T, np.eye(7), atol=1e-14)
    assert set(counts()) == {2}
