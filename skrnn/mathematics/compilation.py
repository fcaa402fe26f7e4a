"""How functions are compiled: entry points, which Python calls, and their parts.

Numba optimises every compiled function and translates it to machine code as if it
were called from Python, and then once more as a part of each function that calls it.
A part has its types inferred, is lowered to LLVM's language and simplified, no more:
optimised and translated is the entry point, as a whole.
"""

import gc
import os
import signal
import threading
from contextlib import contextmanager

from numba import _dynfunc, njit
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


@contextmanager
def interrupts_held():
    """Let Ctrl-C wait until the end.

    LLVM calls Python to hand over what it has compiled. An exception there is lost, and
    so is the compiled code, which later calls look for.
    """
    handler = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if not (in_main and callable(handler)):
        yield
        return
    held = []
    try:
        signal.signal(signal.SIGINT, lambda *call: held.append(call))
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held:
            handler(*held[0])


@contextmanager
def _no_search_for_garbage():
    # Numba lets one thread compile at a time, and a fork waits for it.
    if not gc.isenabled():
        yield
        return
    try:
        gc.disable()
        yield
    finally:
        gc.enable()


if hasattr(os, "register_at_fork"):
    # The thread that compiles does not survive a fork: its child would wait for Numba's
    # lock for ever, and never search for garbage.
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )


class _Library(JITCodeLibrary):
    """Code whose loops use the longest registers that there are.

    LLVM by itself takes half of those of AVX-512, which the first processors that had
    them ran at a lower clock.
    """

    #: Numba's types of the arguments of an entry point.
    argument_types = ()

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


class _Compiler(CompilerBase):
    """Numba's own passes, but for the last."""

    lowering: type

    def define_pipelines(self):
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (self.lowering if step is NativeLowering else step, description)
            for step, description in passes.passes
        ]
        return [passes]


class PartCompiler(_Compiler):
    lowering = _PartLowering


class EntryCompiler(_Compiler):
    """It makes no search for garbage in between.

    A compilation makes millions of objects that stay until its end: to search through
    them again and again takes a seventh of the time.
    """

    lowering = _EntryLowering

    def compile_extra(self, func):
        with _no_search_for_garbage():
            return super().compile_extra(func)


#: Options of a part; a target other than the CPU compiles it in its own way.
PART = {
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": PartCompiler,
}

#: Decorates the formula of one number, or of a few, in a loop of its caller: only where
#: it is inlined is that loop vectorised.
formula = njit(forceinline=True, **PART)
