"""Compiling functions that are only parts of entry points.

Numba optimises every compiled function and translates it to machine code as if it
were called from Python, and then once more as a part of each function that calls it.
A part has its types inferred and is lowered to LLVM's language, no more: optimised and
translated is the entry point, as a whole. The first fit of a GRU takes 8.5 s so, and
14.9 s as Numba does it.
"""

from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


class _PartLibrary(JITCodeLibrary):
    """Code to link into other libraries, as it was lowered."""

    def _optimize_functions(self, ll_module):
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):
    """Lower a function to a library of that kind."""

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


class PartCompiler(CompilerBase):
    """Numba's own passes, but for the last."""

    def define_pipelines(self):
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (_PartLowering if step is NativeLowering else step, description)
            for step, description in passes.passes
        ]
        return [passes]
