"""What the processor can do that Numba compiles for, which need not be this machine's.

NUMBA_CPU_NAME and NUMBA_CPU_FEATURES choose another one. LLVM itself is asked, by the
assembly of one multiply-add of a panel's row for it.
"""

import warnings

from llvmlite import binding, ir
from numba import config
from numba.core.registry import cpu_target

from skrnn.mathematics.internals import LLVM, has

LANES = 16  # of 32 bits: 64 bytes


def _module(triple):
    vector = ir.VectorType(ir.FloatType(), LANES)
    kind, module = ir.FunctionType(vector, [vector] * 3), ir.Module("skrnn")
    module.triple = triple
    function = ir.Function(module, kind, "multiply_add")
    # As all code of the package has it; the set's own `add` knows no such attributes.
    set.add(function.attributes, '"prefer-vector-width"="512"')
    builder = ir.IRBuilder(function.append_basic_block())
    intrinsic = ir.Function(module, kind, f"llvm.fma.v{LANES}f32")
    builder.ret(builder.call(intrinsic, function.args))
    return module


def _assembly():
    triple, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_triple(triple).create_target_machine(
        cpu=cpu, features=features
    )
    return machine.emit_assembly(binding.parse_assembly(str(_module(triple))))


_ASSEMBLY = _assembly() if has(LLVM) else ""
#: Else LLVM calls a function of the C library for each number.
HAS_FMA = "fmaf" not in _ASSEMBLY
#: The 32 registers of 64 bytes of AVX-512.
HAS_LONG_REGISTERS = "zmm" in _ASSEMBLY

if not (HAS_FMA or config.DISABLE_JIT):
    warnings.warn(
        "Numba compiles for a processor without fused multiply-add instructions: "
        "networks take a few times as long. If this machine has them, unset "
        "NUMBA_CPU_NAME and NUMBA_CPU_FEATURES.",
        RuntimeWarning,
        stacklevel=2,
    )
