#!/bin/bash
# The peer of `python -m benchmarks peers`: madmom 0.16.1, in an environment of its own, since it needs an old numpy.
# Its release holds C files made for an older Python; they are made anew, and two names that Python has moved are mended.
set -euo pipefail
place="$(dirname "$0")/../.cache/madmom"
python3 -m venv "$place"
python="$(cd "$place/bin" && pwd)/python"
"$python" -m pip install --quiet 'cython<3' 'numpy<1.24' 'scipy<1.12' 'setuptools<60' wheel mido soundfile
"$python" -m pip download --quiet --no-deps --no-build-isolation --no-binary :all: --dest "$place" madmom==0.16.1
tar -xzf "$place/madmom-0.16.1.tar.gz" -C "$place"
find "$place/madmom-0.16.1" -name '*.c' -delete
"$python" -m pip install --quiet --no-deps --no-build-isolation "$place/madmom-0.16.1"
installed="$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/madmom"
sed -i 's/from collections import MutableSequence/from collections.abc import MutableSequence/' "$installed/processors.py"
find "$installed" -name '*.py' -exec sed -i -E 's/np\.(float|int|bool|object)\b/\1/g' {} +
"$python" -c 'import madmom.features.beats'
