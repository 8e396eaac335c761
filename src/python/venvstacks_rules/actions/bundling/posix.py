"""The script at the beginning of an installer for Linux and macOS.

It needs a POSIX shell and `dd`, `gzip`, `mkdir`, `mv`, `rm`, `rmdir`, `tar`, `uname` and `wc`; and
to compare hashes before it unpacks anything, `sha256sum`, `shasum` or `openssl`.
"""

from __future__ import annotations

from dataclasses import dataclass

from venvstacks_rules.actions.bundling.templates import HERE, filled
from venvstacks_rules.model.wording import printable

BLOCK = 16384
"""What the script takes; what the client is started with begins and ends at multiples of it."""


@dataclass(frozen=True)
class ScriptValues:
    """What the script has to know. Names are those of repositories: they need no quotes."""

    title: str
    version: str
    platform: str
    applications: tuple[str, ...]
    python: str
    """The interpreter that starts the client, below the folder that is unpacked."""
    start_blocks: int
    """How many blocks the layers of the client take."""
    size: int
    """Of the whole installer, in bytes."""
    sha256: str
    """Of all that follows the script."""
    payload_sha256: str
    """Of the payload alone."""


def script(values: ScriptValues) -> bytes:
    """The script, filled up to a block."""
    system, machine = _SYSTEMS[values.platform.partition("_")[0]], ""
    if system == "Linux":
        machine = values.platform.partition("_")[2]
    text = filled(
        _SCRIPT,
        ("TITLE", values.title),
        ("VERSION", values.version),
        ("PLATFORM", values.platform),
        ("APPLICATIONS", " ".join(values.applications)),
        ("FIRST", values.applications[0]),
        ("PYTHON", values.python),
        ("SYSTEM", system),
        ("MACHINE", machine),
        ("DEFAULT", _DEFAULTS[system]),
        ("BLOCK", str(BLOCK)),
        ("START", str(values.start_blocks)),
        ("SIZE", str(values.size)),
        ("SHA256", values.sha256),
        ("PAYLOAD_HASH", values.payload_sha256),
    )
    data = text.encode("ascii")
    if len(data) > BLOCK:
        raise ValueError(f"the script has {len(data)} bytes: {printable(values.title)}")
    return data.ljust(BLOCK, b"\n")


def starter(python: str) -> bytes:
    """The command beside the unpacked layers that starts the client."""
    return filled(_STARTER, ("PYTHON", python)).encode("ascii")


_SYSTEMS = {"linux": "Linux", "macosx": "Darwin"}
_DEFAULTS = {
    "Linux": "${XDG_DATA_HOME:-$HOME/.local/share}",
    "Darwin": "$HOME/Library/Application Support",
}

_STARTER = f"""\
#!/bin/sh
# Starts the client that came with an installer, also by a link to this file.
{HERE}\
here=${{self%/*}}
exec "$here/@PYTHON@" -I "$here/start.py" "$@"
"""

_SCRIPT = """\
#!/bin/sh
# Installs @TITLE@ @VERSION@ for @PLATFORM@. `sh FILE --help` says more.
# What follows this script are its layers: do not edit it.
# Whatever the caller or the environment say: options of this shell, of `tar` and of `gzip`.
set +e +f +C -u
unset GZIP TAR_OPTIONS
umask 022

help() {
  printf '%s\\n' "Install @TITLE@ @VERSION@ (@PLATFORM@), without any network." \\
    "" \\
    "usage: sh $0 [--into DIR] [--json] | --verify | --extract DIR | --help" \\
    "" \\
    "  --into DIR     the folder of the installation" \\
    "                 (default: $default)" \\
    "  --json         tell what happens as JSON, one object a line" \\
    "  --verify       only check that the download is whole" \\
    "  --extract DIR  only unpack what it carries into a new folder, to look at it" \\
    "" \\
    "It asks nothing. An installation that is there already is updated: files that are" \\
    "there are used, and what runs keeps running. If anything goes wrong, what was" \\
    "installed is as it was." \\
    "" \\
    "exit codes: 0 done, 1 impossible, 2 wrong usage, 4 damaged, 6 the disk is full or" \\
    "not yours to write, 129, 130, 141 and 143 ended by a signal"
}

fail() {
  code=$1
  shift
  printf 'error: %s\\n' "$@" >&2
  exit "$code"
}

# A path as a shell reads it.
quoted() {
  todo=$1
  out=''
  while :; do
    case $todo in
      *\\'*) out="$out${todo%%\\'*}'\\\\''" todo=${todo#*\\'} ;;
      *) break ;;
    esac
  done
  printf "'%s'" "$out$todo"
}

# All that follows the script.
rest() { dd if="$self" bs=@BLOCK@ skip=1 2>/dev/null; }

# The hash of that, or nothing if no program here can tell.
hash_of_rest() {
  if command -v sha256sum >/dev/null 2>&1; then
    rest | sha256sum
  elif command -v shasum >/dev/null 2>&1; then
    rest | shasum -a 256
  elif command -v openssl >/dev/null 2>&1; then
    rest | openssl dgst -sha256 -r
  fi
}

if [ -n "${HOME:-}" ]; then default="@DEFAULT@/@TITLE@"; else default=''; fi
into=$default
json=''
verify=''
extract=''
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) help; exit 0 ;;
    --verify) verify=1 ;;
    --json) json=--json ;;
    --into)
      [ $# -gt 1 ] || fail 2 '`--into` needs a folder.'
      shift
      into=$1
      ;;
    --into=*) into=${1#--into=} ;;
    --extract)
      [ $# -gt 1 ] || fail 2 '`--extract` needs a folder.'
      shift
      extract=$1
      ;;
    *) fail 2 "\\`$1\\` is not an option; \\`--help\\` names them." ;;
  esac
  shift
done

self=$0
case $self in -*) self=./$self ;; esac
[ -f "$self" ] || fail 1 "The installer has to be a file: write \\`sh FILE\\`."
size=$(wc -c <"$self") || fail 1 "\\`$self\\` cannot be read."
size=$((size))
if [ "$size" -ne @SIZE@ ]; then
  fail 4 "\\`$self\\` is damaged: it has $size bytes, not @SIZE@." \\
    'Download it again; nothing was installed.'
fi
found=$(hash_of_rest)
found=${found%% *}
if [ -n "$found" ] && [ "$found" != @SHA256@ ]; then
  fail 4 "\\`$self\\` is damaged: the hash of its layers is $found," 'not @SHA256@.' \\
    'Download it again; nothing was installed.'
fi
if [ -n "$verify" ]; then
  [ -n "$found" ] || fail 1 'None of `sha256sum`, `shasum` and `openssl` is here to verify it.'
  printf '%s\\n' "\\`$self\\` is whole: sha256 $found."
  exit 0
fi

if [ -n "$extract" ]; then
  case $extract in -*) extract=./$extract ;; esac
  mkdir "$extract" || fail 6 "\\`$extract\\` cannot be made."
  if ! dd if="$self" bs=@BLOCK@ skip=$((1 + @START@)) 2>/dev/null | tar -xf - -C "$extract"; then
    rm -rf "$extract"
    fail 6 "\\`$extract\\` cannot be filled. Is there room on the disk?"
  fi
  exit 0
fi

system=$(uname -s)
machine=$(uname -m)
if [ "$system" != @SYSTEM@ ] || { [ -n '@MACHINE@' ] && [ "$machine" != '@MACHINE@' ]; }; then
  fail 1 "This installer is for @PLATFORM@; this machine is $system on $machine."
fi
[ -n "$into" ] || fail 2 'Name a folder with `--into`: there is no home folder.'
case $into in /*) ;; *) into=$PWD/$into ;; esac

made=''
child=''
unpacked="$into/.installing-$$"
[ -d "$into" ] || made=1
mkdir -p "$into" || fail 6 "\\`$into\\` cannot be made."

# Nothing of an attempt stays. A folder that has something else is not removed.
clean() {
  rm -rf "$unpacked"
  [ -z "$made" ] || rmdir "$into" 2>/dev/null || :
}
ended() {
  if [ -n "$child" ]; then
    kill -TERM "$child" 2>/dev/null
    wait "$child"
  fi
  exit "$1"
}
trap clean EXIT
trap 'ended 129' HUP
trap 'ended 130' INT
trap 'ended 141' PIPE
trap 'ended 143' TERM

mkdir "$unpacked" "$unpacked/new" || fail 6 "Nothing can be written to \\`$into\\`."
no_room() {
  fail 6 "The layers that start the installer cannot be unpacked to \\`$into\\`." \\
    'Is there room on the disk? Nothing was installed.'
}
dd if="$self" bs=@BLOCK@ skip=1 count=@START@ 2>/dev/null | tar -xf - -C "$unpacked" || no_room
for layer in "$unpacked"/*.tar.gz; do
  { gzip -dc "$layer" || : >"$unpacked/failed"; } | tar -xf - -C "$unpacked/new" || no_room
  [ ! -e "$unpacked/failed" ] || no_room
  rm "$layer"
done

python="$unpacked/new/@PYTHON@"
"$python" -I -B -c '' ||
  fail 1 'The Python of the layers does not start on this machine; nothing was installed.'
hash=''
[ -n "$found" ] || hash='--sha256 @PAYLOAD_HASH@'
# In the background, so that signals reach this script. `$json` and `$hash` may be no words.
"$python" -I -B "$unpacked/new/start.py" install-bundle --into "$into" $json $hash \\
  --at $((@BLOCK@ * (1 + @START@))) --unpacked "$unpacked/new" "$self" &
child=$!
wait "$child"
code=$?
child=''
[ "$code" -eq 0 ] || exit "$code"
made=''

# The client stays beside what it installed.
if [ -e "$into/client" ]; then
  mv "$into/client" "$unpacked/old" || fail 6 "\\`$into/client\\` cannot be replaced."
fi
if ! mv "$unpacked/new" "$into/client"; then
  [ ! -e "$unpacked/old" ] || mv "$unpacked/old" "$into/client"
  fail 6 "\\`$into/client\\` cannot be made."
fi
# Another installer may have been faster: then this client got into the folder of that one.
[ ! -e "$into/client/new/venvstacks-deploy" ] || rm -rf "$into/client/new"
if [ -z "$json" ]; then
  command=$(quoted "$into/client/venvstacks-deploy")
  printf '%s\\n' "Start it:  $command run --into $(quoted "$into") @FIRST@"
fi
exit 0
"""
