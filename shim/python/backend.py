# SPDX-License-Identifier: Apache-2.0
"""Builds the wheel (PEP 517) with nothing but the standard library.

    pip wheel shim/python        or        python3 shim/python/backend.py DIRECTORY

XSCHED_LIBRARY names a libshimhip.so that goes into the wheel; without it the
package uses the one that is preloaded or installed.
"""

import base64
import hashlib
import os
import sys
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
NAME, VERSION = "xsched", "0.1.0"
INFO = f"{NAME}-{VERSION}.dist-info"
METADATA = f"""Metadata-Version: 2.1
Name: {NAME}
Version: {VERSION}
Summary: Priority and preemption for the streams of a HIP program
License: Apache-2.0
Requires-Python: >=3.9
"""


def _sources():
    folder = os.path.join(HERE, NAME)
    for name in sorted(os.listdir(folder)):
        if name.endswith((".py", ".typed")):
            with open(os.path.join(folder, name), "rb") as file:
                yield f"{NAME}/{name}", file.read()


def _write(path, files):
    """A wheel is a zip file whose last member, RECORD, has the digests of the others."""
    record = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        def add(name, data):
            # A fixed date: the same sources give the same wheel.
            member = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            member.external_attr = 0o644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(member, data)

        for name, data in files:
            add(name, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(data)}\n")
        add(f"{INFO}/RECORD", "".join([*record, f"{INFO}/RECORD,,\n"]).encode())


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    library = os.environ.get("XSCHED_LIBRARY")
    tag = "py3-none-linux_x86_64" if library else "py3-none-any"
    files = list(_sources())
    if library:
        with open(library, "rb") as file:
            files.append((f"{NAME}/lib/libshimhip.so", file.read()))
    pure = "false" if library else "true"
    files += [
        (f"{INFO}/METADATA", METADATA.encode()),
        (f"{INFO}/WHEEL", f"Wheel-Version: 1.0\nGenerator: {NAME}\nRoot-Is-Purelib: {pure}\n"
                          f"Tag: {tag}\n".encode()),
    ]
    name = f"{NAME}-{VERSION}-{tag}.whl"
    _write(os.path.join(wheel_directory, name), files)
    return name


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = f"{NAME}-{VERSION}-py3-none-any.whl"
    _write(os.path.join(wheel_directory, name), [
        (f"{NAME}.pth", (HERE + "\n").encode()),
        (f"{INFO}/METADATA", METADATA.encode()),
        (f"{INFO}/WHEEL", f"Wheel-Version: 1.0\nGenerator: {NAME}\nRoot-Is-Purelib: true\n"
                          "Tag: py3-none-any\n".encode()),
    ])
    return name


def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError("build a wheel: the library is not built from this folder")


if __name__ == "__main__":
    print(build_wheel(sys.argv[1] if len(sys.argv) > 1 else "."))
