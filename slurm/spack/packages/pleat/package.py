# package.py - how Spack builds pleat: the last commit of the checkout that this file lies in.
from pathlib import Path

from spack.package import *

try:  # from Spack 1.0 on; before, spack.package has it
    from spack_repo.builtin.build_systems.cmake import CMakePackage
except ImportError:
    pass


class Pleat(CMakePackage):
    """Trains and evaluates 3-D U-Nets by k-fold cross-validation over MPI."""

    git = Path(__file__).resolve().parents[4].as_uri()

    license("GPL-3.0-or-later")

    version("main", branch="main")

    variant("cuda", default=False, description="the GPU engine")
    variant("onednn", default=True, description="the fast CPU engine")
    variant("fetch", default=True, description="pleat fetch, downloads of data sets")

    depends_on("c", type="build")
    depends_on("cxx", type="build", when="+cuda")
    depends_on("cmake@3.20:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("gzip", type="build")
    depends_on("mpi")
    depends_on("hdf5+mpi")
    depends_on("nifticlib")
    depends_on("zlib-api")
    depends_on("isa-l")
    depends_on("libpng")
    depends_on("giflib@5.1:")
    depends_on("libyaml")
    depends_on("jansson")
    depends_on("protobuf-c")
    depends_on("onednn", when="+onednn")
    depends_on("curl@7.85:", when="+fetch")
    depends_on("libarchive", when="+fetch")
    depends_on("nettle", when="+fetch")
    depends_on("cuda@12:", when="+cuda")
    depends_on("cudnn@9:", when="+cuda")
    depends_on("nccl", when="+cuda")

    def cmake_args(self):
        return [
            self.define("PLEAT_TESTS", False),
            self.define("PLEAT_NATIVE", False),  # Spack's compilers know the target
            self.define_from_variant("PLEAT_CUDA", "cuda"),
            self.define_from_variant("PLEAT_ONEDNN", "onednn"),
            self.define_from_variant("PLEAT_FETCH", "fetch"),
        ]
