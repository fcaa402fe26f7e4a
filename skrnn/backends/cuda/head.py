"""The loss of rows of outputs, a thread a row."""

from numba import cuda, float64

from skrnn.backends.cuda.device import THREADS
from skrnn.mathematics.losses import loss_gradient


@cuda.jit
def fill_losses(m, at, n, kind, learned, table, losses):
    """Replace rows of outputs by their gradient; the loss of each.

    Row r has the target and the weight number ``places[r * width + column]``; the scale
    of its loss is that weight over `divisor`.
    """
    targets, weights, divisor = learned
    places, column, width = table
    n_outputs = kind.n_outputs
    for r in range(cuda.grid(1), n, cuda.gridsize(1)):
        place = places[r * width + column]
        row = m[at + r * n_outputs : at + (r + 1) * n_outputs]
        scale = weights[place] / divisor
        losses[r] = loss_gradient(kind, row, targets[place], scale)


@cuda.jit
def add_losses(losses, n, totals, at):
    """Add all losses to one number, always in the same order; one block."""
    sums = cuda.shared.array(THREADS, float64)
    thread = cuda.threadIdx.x
    share = -(-n // THREADS)
    total = 0.0
    for r in range(thread * share, min(n, (thread + 1) * share)):
        total += losses[r]
    sums[thread] = total
    cuda.syncthreads()
    if thread == 0:
        for i in range(THREADS):
            totals[at] += sums[i]
