#!/bin/sh
# packages.sh [--if-offered] NAME... : see to it that these packages of Debian or Ubuntu are installed; says what is
# missing where it may not. With --if-offered, names that this release does not have are reported and left out.
set -u
if_offered=""
[ "${1:-}" = --if-offered ] && { if_offered=yes; shift; }
command -v apt-get >/dev/null || { echo "No apt-get here: see the README for what this system needs instead of: $*"; exit 0; }

missing=""
for name in "$@"; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) in
        installed) ;;
        *) missing="$missing $name" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null; then
    as_root="sudo"
else
    echo "These packages are missing, and there is no sudo to install them:$missing"
    echo "Ask an administrator for: apt-get install --no-install-recommends$missing"
    echo "Then run this again."
    exit 1
fi

echo "Installing:$missing"
$as_root apt-get update -q ||
    echo "apt-get update failed, see above: going on with the package lists that are there." >&2
if [ -n "$if_offered" ]; then
    offered=""
    for name in $missing; do
        case $(apt-cache policy "$name") in
            "" | *"Candidate: (none)"*) echo "This release has no package $name: the tests that need it are skipped." ;;
            *) offered="$offered $name" ;;
        esac
    done
    missing="$offered"
    [ -n "$missing" ] || exit 0
fi
# shellcheck disable=SC2086  # the names are words of a list
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing || {
    echo "Not all of these could be installed, see above:$missing" >&2
    exit 1
}

# nginx is a tool of the tests: a web server that nobody asked for is not to run from now on.
case "$missing " in
    *" nginx "*) command -v systemctl >/dev/null && $as_root systemctl disable --quiet --now nginx 2>/dev/null ;;
esac
exit 0
