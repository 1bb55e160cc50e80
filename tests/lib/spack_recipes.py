#!/usr/bin/env python3
"""spack_recipes.py - runs the recipes of slurm/spack with a stand-in for Spack, and holds them to
the options of CMakeLists.txt."""
import re
import runpy
import sys
import types
from pathlib import Path

root = Path(sys.argv[1]).resolve()
recipes = sorted(root.glob("slurm/spack/packages/*/package.py"))
options = set(re.findall(r"(?:set|option)\((PLEAT_\w+)", (root / "CMakeLists.txt").read_text()))
bad = 0


def check(what, holds):
    global bad
    if not holds:
        print("WRONG", what)
        bad = 1


class CMakePackage:
    def define(self, name, value):
        return f"-D{name}={value}"

    def define_from_variant(self, name, variant):
        check(f"{variant} is a variant", any(args[0] == variant for args, _ in calls["variant"]))
        return f"-D{name}={variant}"


for recipe in recipes:
    calls = {name: [] for name in ("license", "version", "variant", "depends_on")}
    spack = types.ModuleType("spack")
    spack.package = types.ModuleType("spack.package")
    spack.package.CMakePackage = CMakePackage
    for name, list_ in calls.items():
        setattr(spack.package, name, lambda *a, to=list_, **k: to.append((a, k)))
    sys.modules |= {"spack": spack, "spack.package": spack.package}
    names = runpy.run_path(str(recipe))
    kinds = [v for v in names.values()
             if isinstance(v, type) and CMakePackage in v.__bases__]
    check(f"{recipe}: one class of its folder's name",
          [k.__name__.lower() for k in kinds] == [recipe.parent.name])
    check(f"{recipe}: has a version", calls["version"])
    given = [re.match(r"-D(\w+)=", text)[1] for text in kinds[0]().cmake_args()]
    if recipe.parent.name == "pleat":
        check(f"{recipe}: {set(given) - options} are options", set(given) <= options)
        check(f"{recipe}: builds this checkout", kinds[0].git == root.as_uri())
        for args, how in calls["depends_on"]:
            variant = how.get("when", "").lstrip("+")
            check(f"{recipe}: {args[0]} is for a variant there is",
                  not variant or any(a[0] == variant for a, _ in calls["variant"]))

check("there are recipes", len(recipes) == 2)
sys.exit(bad)
