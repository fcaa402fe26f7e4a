"""How Numba compiles the package's functions: its own passes, but for the last.

Parts end as LLVM's language, units and entry points as machine code; see `compilation`.
"""

from functools import partial
from hashlib import sha256
from importlib import import_module

from llvmlite import binding
from numba import _dynfunc, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.errors import LoweringError, NumbaError
from numba.core.typed_passes import NativeLowering

from skrnn.mathematics.internals import COMPILER, GROUPS, warn
from skrnn.mathematics.process import garbage_left, interrupts_held


class _Library(JITCodeLibrary):
    """Code whose loops use the longest registers that there are.

    LLVM by itself takes half of those of AVX-512, which the first processors that had
    them ran at a lower clock.
    """

    def add_ir_module(self, ir_module):
        for function in ir_module.functions:
            if not function.is_declaration:
                # The set's own `add` knows no attributes of a machine.
                set.add(function.attributes, '"prefer-vector-width"="512"')
        super().add_ir_module(ir_module)

    def _finalize_final_module(self):
        with interrupts_held():
            super()._finalize_final_module()


class _PartLibrary(_Library):
    """Code to link into other libraries, as it was lowered."""

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _EntryLowering(NativeLowering):
    """Lower a function to the library of an entry point."""

    _name = "entry_lowering"

    def run_pass(self, state):
        codegen = state.targetctx.codegen()
        state.library = _Library(codegen, state.func_id.func_qualname)
        state.library.argument_types = state.args
        state.library.enable_object_caching()
        return super().run_pass(state)


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):
    """Lower a function to the library of a part."""

    _name = "part_lowering"

    def run_pass(self, state):
        name, target = state.func_id.func_qualname, state.targetctx
        state.library = library = _PartLibrary(target.codegen(), name)
        state.flags.no_compile = True
        super().run_pass(state)
        library.finalize()
        lowered = state.cr
        # What Numba looks the function up by; it has no address to be called at.
        key = _dynfunc.make_function(
            lowered.fndesc.lookup_module(), name, "", 0, lowered.env, (library,)
        )
        target.insert_user_function(key, lowered.fndesc, [library])
        state.reload_init.extend(library._reload_init)
        state.cr = lowered._replace(cfunc=key)
        return True


def _classes(kinds):
    """Of all named tuples among the types of arguments."""
    for kind in kinds:
        if isinstance(kind, types.BaseNamedTuple):
            yield kind.instance_class
        if isinstance(kind, types.BaseTuple):
            yield from _classes(kind.types)


def _tag_of(kinds):
    """What tells a unit's name for these types from others, the same in each process.

    None where a class is not the package's: by its name tomorrow's may be another.
    """
    names = [f"{one.__module__}.{one.__qualname__}" for one in _classes(kinds)]
    if not all(name.startswith("skrnn.") for name in names):
        return None
    return sha256(repr((names, kinds)).encode()).hexdigest()[:16]


def _load_unit(module, name, kinds, symbol):
    """Load or compile a unit before a caller that knows it by this name."""
    unit = getattr(import_module(module), name)
    unit.compile(kinds)
    if unit.overloads[kinds].fndesc.llvm_func_name != symbol:
        raise RuntimeError(f"{name} was compiled in another way")


def call_by_name(library, described, function, kinds):
    """Let callers of a unit find its machine code by its name, and link nothing in."""
    library._shared_module = binding.parse_assembly("")
    place, symbol = (function.__module__, function.__name__), described.llvm_func_name
    library._reload_init.add(partial(_load_unit, *place, kinds, symbol))


@register_pass(mutates_CFG=True, analysis_only=False)
class _UnitLowering(_EntryLowering):
    """Lower a function to the library of a unit, or else of a part."""

    _name = "unit_lowering"

    def run_pass(self, state):
        tag = _tag_of(state.args)
        if tag is None:
            return _PartLowering().run_pass(state)
        state.func_id.unique_id = tag
        super().run_pass(state)
        call_by_name(state.library, state.cr.fndesc, state.func_id.func, state.args)
        return True


def _is_of_the_inside(error):
    """Whether an error may come of what Numba has changed, not of what is compiled."""
    return not isinstance(error, MemoryError) and (
        isinstance(error, LoweringError) or not isinstance(error, NumbaError)
    )


class _Compiler(CompilerBase):
    """Numba's own passes, but for the last; where that fails, all of them."""

    lowering: type
    is_plain = False  # of all, once it has failed

    def compile_extra(self, func):
        state, flags = self.state, self.state.flags.copy()
        if not _Compiler.is_plain:
            try:
                return super().compile_extra(func)
            except Exception as error:
                if not _is_of_the_inside(error):
                    raise
                _Compiler.is_plain = True
                warn([f"{type(error).__name__}: {error}"], [GROUPS[COMPILER][0]])
        contexts = state.typingctx, state.targetctx
        plain = (*contexts, None, state.args, state.return_type, flags, state.locals)
        return Compiler(*plain).compile_extra(func)

    def define_pipelines(self):
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (self.lowering if step is NativeLowering else step, description)
            for step, description in passes.passes
        ]
        return [passes]


class PartCompiler(_Compiler):
    lowering = _PartLowering


class UnitCompiler(_Compiler):
    lowering = _UnitLowering


class EntryCompiler(_Compiler):
    """It makes no search for garbage in between.

    A compilation makes millions of objects that stay until its end: to search through
    them again and again takes a seventh of the time.
    """

    lowering = _EntryLowering

    def compile_extra(self, func):
        with garbage_left():
            return super().compile_extra(func)
