#!/usr/bin/env python3
"""archives.py - the archives that e2e_fetch fetches: good ones, and those that nobody should unpack.

    archives.py DATA OUT      DATA: ID/imaging.nii.gz and ID/segmentation.nii.gz
"""
import gzip
import io
import os
import stat
import struct
import sys
import tarfile
import zipfile

data, out = sys.argv[1:3]
ids = sorted(os.listdir(data))
os.makedirs(out, exist_ok=True)


def volume(case, which):
    with open(os.path.join(data, case, which + ".nii.gz"), "rb") as file:
        return file.read()


def at(name):
    return os.path.join(out, name)


def make_zip(name, entries, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(at(name), "w", method) as z:
        for entry, content in entries:
            z.writestr(entry, content)


def make_tar(name, members, mode="w", **how):
    with tarfile.open(at(name), mode, **how) as t:
        for member, content in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            if content is not None:
                info.size = len(content)
            t.addfile(info, None if content is None else io.BytesIO(content))


def member(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


# As the original's: two flat zips of the same names, with what macOS leaves behind.
images = [(f"{i}.nii.gz", volume(i, "imaging")) for i in ids]
labels = [(f"{i}.nii.gz", volume(i, "segmentation")) for i in ids]
droppings = [("__MACOSX/._a.nii.gz", b"x"), ("._a.nii.gz", b"x"), ("README.txt", b"who")]
make_zip("images.zip", images + droppings)
make_zip("masks.zip", labels)
make_zip("fewer.zip", labels[1:])
make_zip("swapped.zip", list(zip([n for n, _ in labels], [c for _, c in labels[1:] + labels[:1]])))

# As MSD's: a top folder of the archive's name; names of other alphabets in pax and in zip.
case = [("Task99_Small/imagesTr/é 1.nii.gz", images[0][1]),
        ("Task99_Small/imagesTr/._é 1.nii.gz", b"x"),
        ("Task99_Small/labelsTr/é 1.nii.gz", labels[0][1])]
make_tar("Task99_Small.tar", case, format=tarfile.PAX_FORMAT)
make_tar("gnu.tar.gz", [("imagesTr/é.nii.gz", images[0][1]), ("labelsTr/é.nii.gz", labels[0][1])],
         "w:gz", format=tarfile.GNU_FORMAT)
make_zip("unicode.zip", [("imagesTr/日本.nii.gz", images[0][1]),
                         ("labelsTr/日本.nii.gz", labels[0][1])], zipfile.ZIP_DEFLATED)

# Those that are refused.
make_zip("slip.zip", [("good.txt", b"x"), ("../../slipped.txt", b"x")])
make_zip("absolute.zip", [("good.txt", b"x"), ("/tmp/pleat-slipped.txt", b"x")])
make_tar("slip.tar", [("good.txt", b"x"), ("a/../../slipped.txt", b"x")])
make_tar("link.tar", [("good.txt", b"x"), (member("out", tarfile.SYMTYPE, "/tmp"), None),
                      ("out/slipped.txt", b"x")])
make_tar("hardlink.tar", [("good.txt", b"x"), (member("h", tarfile.LNKTYPE, "/etc/passwd"), None)])
make_tar("device.tar", [("good.txt", b"x"), (member("null", tarfile.CHRTYPE), None)])
link = zipfile.ZipInfo("out")
link.external_attr = (stat.S_IFLNK | 0o777) << 16
link.create_system = 3
make_zip("link.zip", [("good.txt", b"x"), (link, "/tmp")])
make_tar("twice.tar", [("a.txt", b"x"), ("./a.txt", b"y")])
make_tar("control.tar", [("good.txt", b"x"), ("a\x1b[2J.txt", b"x")])
make_tar("bomb.tar.gz", [("good.txt", b"x"), ("zeros", bytes(20_000_000))], "w:gz")
make_zip("bomb.zip", [("good.txt", b"x"), ("zeros", bytes(20_000_000))], zipfile.ZIP_DEFLATED)
huge = tarfile.TarInfo("huge")
huge.size = 1 << 50
with open(at("huge.tar"), "wb") as file:
    file.write(huge.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
with open(at("Task99_Small.tar"), "rb") as file:
    whole = file.read()
with open(at("cut.tar"), "wb") as file:
    file.write(whole[:5000])


def patched(name, change):
    with open(at(name), "rb") as file:
        content = bytearray(file.read())
    change(content)
    with open(at(name), "wb") as file:
        file.write(content)


def say_five(content):
    struct.pack_into("<I", content, 22, 5)
    struct.pack_into("<I", content, content.find(b"PK\x01\x02") + 24, 5)


def flip(content):
    content[content.find(b"abcdefgh")] ^= 1


# An entry that says it has 5 bytes, and has 1000; one whose bytes are not those of its checksum.
make_zip("lying.zip", [("zeros.txt", bytes(1000))], zipfile.ZIP_DEFLATED)
patched("lying.zip", say_five)
make_zip("crc.zip", [("a.txt", b"abcdefgh")])
patched("crc.zip", flip)
# Gzip within gzip.
with open(at("gnu.tar.gz"), "rb") as file:
    once = file.read()
with open(at("double.tar.gz"), "wb") as file:
    file.write(gzip.compress(once))
