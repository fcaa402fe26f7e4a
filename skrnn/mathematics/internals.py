"""What the package takes of the inside of Numba and llvmlite, and whether it is there.

Neither promises that any of this stays. Each process looks for all of it when it
starts; a group of which something is gone or different is done without, in Numba's
plain way, and one warning says so. Results are the same but for rounding.
"""

import inspect
import operator
import warnings
from importlib import import_module
from typing import NamedTuple

import numba
from llvmlite import binding, ir
from numba import types
from numba.core.registry import cpu_target

COMPILER, CACHE, LLVM, CALLS, LIMIT = "compiler", "cache", "llvm", "calls", "limit"


class Internal(NamedTuple):
    """Something inside Numba or llvmlite."""

    path: str
    purpose: str
    n_arguments: int | None = None  # with which it is called, if that can be looked up
    sets: str | None = None  # a variable of an object that its constructor makes


#: Group -> what is lost without it, and of what it is made.
GROUPS = {
    COMPILER: (
        "compiling takes longer, and so do networks",
        [
            Internal("numba.core.codegen:JITCodeLibrary", "code of a function"),
            Internal(
                "numba.core.codegen:JITCodeLibrary.add_ir_module", "long registers", 2
            ),
            Internal(
                "numba.core.codegen:JITCodeLibrary._optimize_final_module",
                "left out for a part",
                1,
            ),
            Internal(
                "numba.core.codegen:JITCodeLibrary._finalize_final_module",
                "no machine code for a part; Ctrl-C waits for an entry point's",
                1,
            ),
            Internal(
                "numba.core.codegen:JITCodeLibrary._finalize_dynamic_globals",
                "what is still done for a part",
                1,
            ),
            Internal("numba.core.codegen:JITCodeLibrary._finalized", "the same"),
            Internal("numba.core.codegen:JITCodeLibrary.finalize", "the same", 1),
            Internal(
                "numba.core.codegen:JITCodeLibrary.enable_object_caching",
                "so that an entry point can be kept",
                1,
            ),
            Internal(
                "numba.core.codegen:CodeLibrary.__init__",
                "what a part needs when it is loaded",
                sets="_reload_init",
            ),
            Internal(
                "numba.core.codegen:CPUCodeLibrary.__init__",
                "what callers link in: nothing of a unit",
                sets="_shared_module",
            ),
            Internal(
                "numba.core.bytecode:FunctionIdentity.from_function",
                "what tells a unit's name from others",
                sets="unique_id",
            ),
            Internal("numba.core.types:BaseNamedTuple", "classes of a unit's types"),
            Internal("numba._dynfunc:make_function", "what a part is looked up by"),
            Internal(
                "numba.core.compiler_lock:global_compiler_lock", "a fork waits for it"
            ),
            Internal("numba.core.compiler:Compiler", "Numba's plain way", 7),
            Internal("numba.core.compiler:CompilerBase.define_pipelines", "passes", 1),
            Internal("numba.core.compiler:CompilerBase.compile_extra", "one call", 2),
            Internal(
                "numba.core.compiler:DefaultPassBuilder.define_nopython_pipeline",
                "all passes but the last",
                1,
            ),
            Internal("numba.core.compiler_machinery:register_pass", "a new pass", 2),
            Internal(
                "numba.core.typed_passes:NativeLowering.run_pass", "the last pass", 2
            ),
            Internal(
                "numba.core.cpu:CPUContext.insert_user_function", "to find a part", 4
            ),
            Internal(
                "numba.core.funcdesc:PythonFunctionDescriptor.lookup_module",
                "the same",
                1,
            ),
            Internal("numba.core.compiler:Flags.no_compile", "no address of a part"),
            Internal("numba.core.cpu:CPUTargetOptions._nrt", "references not counted"),
            Internal("numba.core.cpu:CPUTargetOptions.forceinline", "formulas"),
            Internal("numba.core.cpu:CPUTargetOptions.no_cpython_wrapper", "parts"),
            Internal("numba.core.cpu:CPUTargetOptions.no_cfunc_wrapper", "all"),
        ],
    ),
    CACHE: (
        "compiled code is not kept on disk",
        [
            Internal("numba.core.caching:FunctionCache.load_overload", "to load", 3),
            Internal("numba.core.caching:FunctionCache.save_overload", "to keep", 3),
            Internal("numba.core.caching:FunctionCache.flush", "to start anew", 1),
            Internal(
                "numba.core.caching:FunctionCache._index_key", "the hash of sources", 3
            ),
            Internal("numba.core.caching:FunctionCache.cache_path", "whose it is"),
            Internal("numba.core.caching:FunctionCache._impl_class", "own places"),
            Internal("numba.core.caching:Cache.__init__", "where it is", sets="_impl"),
            Internal(
                "numba.core.caching:Cache.__init__", "the index", sets="_cache_file"
            ),
            Internal(
                "numba.core.caching:IndexDataCacheFile._load_index", "is it damaged", 1
            ),
            Internal(
                "numba.core.caching:CompileResultCacheImpl._locator_classes", "places"
            ),
            Internal(
                "numba.core.caching:CompileResultCacheImpl.filename_base", "which files"
            ),
            Internal("numba.core.caching:CompileResultCacheImpl.locator", "the place"),
            *(
                Internal(f"numba.core.caching:{name}.{method}", "a place", 1)
                for name in (
                    "UserProvidedCacheLocator",
                    "InTreeCacheLocator",
                    "UserWideCacheLocator",
                )
                for method in ("ensure_cache_path", "get_cache_path")
            ),
            Internal(
                "numba.core.dispatcher:Dispatcher.__init__", "to use it", sets="_cache"
            ),
        ],
    ),
    LLVM: (
        "networks take many times as long, on one thread",
        [
            Internal(
                "numba.core.cgutils:get_or_insert_function", "LLVM's own functions", 3
            ),
            Internal("numba.core.cgutils:unpack_tuple", "arguments of the tile", 2),
            Internal("numba.core.cgutils:alloca_once", "a control register", 2),
            Internal("numba.core.cgutils:alloca_once_value", "the same", 2),
            Internal("numba.core.cpu:CPUContext.make_array", "an array's address", 2),
            Internal("numba.core.cpu:CPUContext.get_value_type", "LLVM's type", 2),
            Internal("numba.core.cpu:CPUContext.get_dummy_value", "no result", 1),
            Internal("numba.core.cpu:CPUContext.codegen", "the target", 1),
            Internal("numba.core.codegen:JITCPUCodegen.magic_tuple", "the same", 1),
        ],
    ),
    CALLS: (
        "threads take longer to share small batches",
        [
            Internal("numba.core.cgutils:for_range", "over slots", 2),
            Internal("numba.core.cpu:CPUContext.get_abi_sizeof", "is there room", 2),
            Internal(
                "numba.core.cpu:CPUContext.active_code_library", "types of arguments"
            ),
            Internal(
                "numba.core.callconv:CPUCallConv.get_function_type",
                "two results stand before the arguments",
                3,
            ),
            Internal("numba.core.datamodel.models:UniTupleModel", "values of a tuple"),
            Internal(
                "numba.core.datamodel.models:StructModel.inner_models", "of arrays", 1
            ),
            Internal("numba.core.types:MemInfoPointer", "what counts references"),
            Internal("numba.core.types:pyobject", "what the references are of"),
            Internal("numba.core.types:Omitted", "what is not passed"),
        ],
    ),
    LIMIT: (
        "numba.set_num_threads is not heeded",
        [
            Internal(
                "numba.np.ufunc.parallel:_is_initialized",
                "whether to ask Numba for its threads would start them",
            ),
        ],
    ),
}


def is_there(internal):
    """Whether it has its name, and can be used as it is."""
    module, _, name = internal.path.partition(":")
    try:
        found = operator.attrgetter(name)(import_module(module))
        if internal.n_arguments is not None:
            inspect.signature(found).bind(*range(internal.n_arguments))
        return internal.sets is None or internal.sets in found.__code__.co_names
    except (ImportError, AttributeError, TypeError, ValueError):
        return False


def _write_llvm():
    """Write what the package writes of LLVM's language, for arrays of Numba."""
    number, integer = ir.DoubleType(), ir.IntType(64)
    vector, flags = ir.VectorType(number, 8), ir.VectorType(ir.IntType(32), 8)
    context = cpu_target.target_context
    array = types.Array(types.float64, 1, "C")
    kind = ir.FunctionType(ir.IntType(1), [integer, context.get_value_type(array)])
    module = ir.Module("skrnn")
    function = ir.Function(module, kind, "all")
    set.add(function.attributes, '"prefer-vector-width"="512"')
    before, after, end = (function.append_basic_block() for _ in range(3))
    builder = ir.IRBuilder(before)
    at = context.make_array(array)(context, builder, function.args[1]).data
    at = builder.gep(at, [function.args[0]])
    place = builder.bitcast(at, vector.as_pointer())
    row = builder.load(place)
    row.align = 8
    unknown = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(unknown, builder.load(at), ir.IntType(32)(0))
    one = builder.shuffle_vector(one, unknown, ir.Constant(flags, None))
    builder.store(builder.fadd(builder.fmul(row, one), row), place).align = 8
    hide = ir.FunctionType(at.type, [at.type])
    at = builder.asm(hide, "", "=r,0", [at], side_effect=False)
    builder.cbranch(builder.icmp_signed("!=", integer(0), integer(1)), after, end)
    builder.position_at_end(end)
    builder.ret(ir.IntType(1)(0))
    builder.position_at_end(after)
    phi = builder.phi(at.type)
    phi.add_incoming(at, before)
    cell = builder.bitcast(phi, integer.as_pointer())
    builder.atomic_rmw("add", cell, builder.load_atomic(cell, "acquire", 8), "seq_cst")
    cell = builder.inttoptr(builder.ptrtoint(cell, integer), cell.type)
    result = builder.cmpxchg(cell, integer(0), integer(1), "seq_cst", "seq_cst")
    builder.ret(builder.extract_value(result, 1))
    binding.parse_assembly(str(module)).verify()


def _look_at_calls():
    """Of a compiled function: its status is returned, results are arguments."""
    context = cpu_target.target_context
    kind = context.call_conv.get_function_type(types.void, [types.int64])
    if len(kind.args) != 3 or kind.return_type != ir.IntType(32):
        raise TypeError(kind)
    for result in kind.args[:2]:
        ir.Constant(result.pointee, None)
    context.data_model_manager[types.Array(types.uint8, 1, "C")].fe_type  # noqa: B018


_TRIALS = {LLVM: _write_llvm, CALLS: _look_at_calls}


def missing(group):
    """What of a group is gone or different."""
    absent = [one for one in GROUPS[group][1] if not is_there(one)]
    found = [one.path.replace("__init__", one.sets or "__init__") for one in absent]
    try:
        _TRIALS.get(group, list)()
    except Exception as error:  # whatever a change inside them leads to
        found.append(f"{type(error).__name__}: {error}")
    return found


_MISSING = {group: found for group in GROUPS if (found := missing(group))}


def has(*groups):
    """Whether all of these are as the package knows them."""
    return _MISSING.keys().isdisjoint(groups)  # asked for in each call of a fit


def warn(found, losses):
    """Say once what is not as it was, and what it costs."""
    warnings.warn(
        f"Numba {numba.__version__} differs inside from what skrnn knows "
        f"({'; '.join(found)[:300]}): {'; '.join(losses)}. Results are the same but "
        "for rounding. Another version of skrnn or Numba may do better.",
        RuntimeWarning,
        stacklevel=3,
    )


if _MISSING:
    warn(sum(_MISSING.values(), []), [GROUPS[group][0] for group in _MISSING])
