# package.py - how Spack builds libnifti2, which reads and writes NIfTI volumes.
from spack.package import *

try:  # from Spack 1.0 on; before, spack.package has it
    from spack_repo.builtin.build_systems.cmake import CMakePackage
except ImportError:
    pass


class Nifticlib(CMakePackage):
    """The C library of the NIfTI format, versions 1 and 2."""

    homepage = "https://github.com/NIFTI-Imaging/nifti_clib"
    git = "https://github.com/NIFTI-Imaging/nifti_clib.git"

    version("3.0.1", tag="v3.0.1")

    depends_on("c", type="build")
    depends_on("cmake", type="build")
    depends_on("zlib-api")

    def cmake_args(self):
        return [
            self.define("BUILD_SHARED_LIBS", True),
            self.define("DOWNLOAD_TEST_DATA", False),
        ]
