"""What a cell is: one step of a recurrent network.

A cell computes `n_blocks` pre-activations per hidden unit, each an affine map of the
step's input, of the previous state, or of both, and turns them into `n_states` new
states (h first). The blocks fed by the input come first, `n_x` of them; those fed by
the state come last, from `h_first` on; so a backend computes each group as one matrix
product.

`gates_ih` and `gates_hh` name, in the order of PyTorch's gates, the block that each
gate's rows of ``weight_ih`` and of ``weight_hh`` belong to. A block in both groups has
one bias, the sum of PyTorch's two.

Compiled code receives a cell's `Step`, and chooses the formulas by its class.
"""

from typing import NamedTuple

from skrnn.mathematics.intrinsics import by_type

_FORWARD, _BACKWARD = {}, {}


class Step(NamedTuple):
    """What compiled code knows of a cell; each cell derives a class of its own."""

    n_blocks: int
    n_states: int
    n_x: int
    h_first: int


class Cell(NamedTuple):
    """A cell as the network and the backends see it."""

    name: str
    gates_ih: tuple
    gates_hh: tuple
    step: Step
    forget: int | None  # the gate whose bias starts at 1

    @property
    def n_gates(self):
        return len(self.gates_ih)


def make_cell(
    name, step_class, *, n_states, gates_ih, gates_hh, forward, backward, forget=None
):
    """Derive the groups of blocks from the gates, and register the formulas.

    `forward` and `backward` are the bodies of the two functions below.
    """
    _FORWARD[step_class], _BACKWARD[step_class] = forward, backward
    step = step_class(
        n_blocks=max(*gates_ih, *gates_hh) + 1,
        n_states=n_states,
        n_x=max(gates_ih) + 1,
        h_first=min(gates_hh),
    )
    return Cell(name, gates_ih, gates_hh, step, forget)


#: forward(step, m, z, plane, old, new, new_plane, size): the non-linear part of a step,
#: for ``size = rows * units`` neighbours. All is in the vector m:
#:
#: z: from here on the pre-activations of the first block, those of the next one `plane`
#:     further, and so on; on return what `backward` needs of them.
#: old: the states before the step, h first, the next one `plane` further.
#: new: on return the states after the step, the next one `new_plane` further.
forward = by_type(_FORWARD.__getitem__)

#: backward(step, m, z, plane, old, d, d_plane, size): back through `forward`.
#:
#: z: as `forward` left it; on return the gradient of the pre-activations.
#: old: as in `forward`.
#: d: gradient of the new states, the next one `d_plane` further; on return that of the
#:     old states, without what reaches h through the recurrent matrix product.
backward = by_type(_BACKWARD.__getitem__)
