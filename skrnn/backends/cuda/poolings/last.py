"""Of each direction the state after its last step."""

from numba import cuda

from skrnn.backends.cuda.poolings.base import OfSteps, end_of, row_of


class Last(OfSteps):
    """It keeps these states."""

    def add_window(self):
        """Copy what ends in the window; the other steps are not even read."""
        batch, sizes = self.batch, (self.n_out, self.hidden)
        window = self.m, batch.index, batch.n, *batch.window
        places = self.states, self.work.kept
        self.device.over(batch.n * self.n_out, keep_ends, *window, sizes, places)

    @staticmethod
    def share(d, best, step, ends, n_steps):
        """All of it, or nothing."""
        return d if ends else d - d


@cuda.jit
def keep_ends(m, index, n, first, last, sizes, places):
    n_out, hidden = sizes
    states, kept = places
    for p in range(cuda.grid(1), n * n_out, cuda.gridsize(1)):
        i, j = p // n_out, p % n_out
        t = end_of(index, i, j, hidden)
        if first <= t < last:
            r = row_of(index, n, i, t, first)
            m[kept + 2 * i * n_out + j] = m[states + r * n_out + j]
