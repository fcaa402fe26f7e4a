"""The sequences of a batch as kernels take them: a table with a row for each.

A kernel knows *frames* only (`Frames`): frame t of a sequence ends at the step
``START + t * hop``, or at the last one where that would be behind it.
"""

import numpy as np

#: The step where the first frame ends, as a place in the values; the number of frames;
#: that with those before the first one here; the sequence's number among all; the place
#: of its first step, and that behind its last one. Frame t has the place ``START + t``,
#: which no other has: with an output for every step, these are the steps. A place plus
#: COMPACT is one among the steps that the batch reads.
START, LENGTH, TOTAL, NUMBER, OLDEST, END, COMPACT, N_COLUMNS = range(8)


def table_of(offsets, rows, spans, order, compact=0):
    """The table of some of the sequences, in this order."""
    table, oldest = np.empty((N_COLUMNS, rows.size), np.int64), offsets[rows]
    np.add(oldest, spans.firsts, table[START])
    table[LENGTH], table[TOTAL], table[NUMBER] = spans.counts, spans.totals, rows
    table[OLDEST], table[END], table[COMPACT] = oldest, offsets[1:][rows], compact
    return table.T.take(order, axis=0)
