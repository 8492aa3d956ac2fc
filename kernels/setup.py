"""The extension module: one build for all Pythons from 3.11 on, except free-threaded ones."""

import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")
UNIX_FLAGS = ["-O3", "-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden"]


class BuildExt(build_ext):
    """Chooses the flags when the compiler is known."""

    def build_extensions(self) -> None:
        msvc = self.compiler.compiler_type == "msvc"
        for extension in self.extensions:
            extension.extra_compile_args[:0] = ["/O2", "/std:c11"] if msvc else UNIX_FLAGS
            extension.libraries += [] if msvc else ["m"]
        super().build_extensions()


setup(
    ext_modules=[
        Extension(
            "softmax_xp_kernels._kernels",
            sources=sorted(path.as_posix() for path in Path("src/c").glob("*.c")),
            depends=sorted(path.as_posix() for path in Path("src/c").glob("*.h")),
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE else [],
            py_limited_api=STABLE,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
    cmdclass={"build_ext": BuildExt},
)
