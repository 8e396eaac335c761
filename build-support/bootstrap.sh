# Sourced by `pants` and the scripts of build-support/: finds, or installs once, the pinned tools.
#
# Tools live outside the repository, in ${XDG_CACHE_HOME:-~/.cache}/venvstacks_rules. A tool's folder
# is named by its pins, so another version is another folder, and is complete when it has the file
# `ready`, which bootstrap.py writes last.
#
# Needs bash 3.2 or newer. The path of a tool that is ready starts one process (`cksum`).

_support="$root/build-support"
_cache="${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/venvstacks_rules"

die() {
  printf '%s\n' "$@" >&2
  exit 1
}

# Sets `ca_bundle` to the CA certificates of this machine, or to nothing.
find_ca_bundle() {
  for ca_bundle in "${SSL_CERT_FILE:-}" "${REQUESTS_CA_BUNDLE:-}" \
    /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
    /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
    if [[ -f $ca_bundle ]]; then return; fi
  done
  ca_bundle=""
}

# Sets `python` to the real path of the interpreter $1, if that is a CPython 3.9.
_try_python() {
  local check='import sys
if sys.implementation.name != "cpython" or sys.version_info[:2] != (3, 9): sys.exit(1)
print(getattr(sys, "_base_executable", None) or sys.executable)'
  python="$("$1" -c "$check" 2>/dev/null)" && [[ -n $python ]]
}

# Sets `python` to a CPython 3.9, the only version that both the pinned Pants (3.7 to 3.9) and this
# plugin (3.9 and newer) support.
find_python() {
  local candidate
  if [[ -n ${VENVSTACKS_RULES_PYTHON:-} ]]; then
    _try_python "$VENVSTACKS_RULES_PYTHON" && return
    die "VENVSTACKS_RULES_PYTHON=$VENVSTACKS_RULES_PYTHON is not a CPython 3.9." \
      "hint: name the executable of a CPython 3.9, or unset the variable to search for one."
  fi
  # A pattern without a match stays as it is, and no executable has its name.
  for candidate in python3.9 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.9*/bin/python3.9 \
    "$HOME"/.pyenv/versions/3.9*/bin/python3.9 /opt/homebrew/bin/python3.9 \
    /usr/local/bin/python3.9 python3 /usr/bin/python3; do
    _try_python "$candidate" && return
  done
  if command -v uv >/dev/null; then
    candidate="$(uv python find --no-project 3.9 2>/dev/null)" && _try_python "$candidate" && return
    printf 'Installing CPython 3.9 with uv (once) ...\n' >&2
    if uv python install 3.9 >&2 && candidate="$(uv python find --no-project 3.9)"; then
      _try_python "$candidate" && return
    fi
  fi
  die "No CPython 3.9 was found. The pinned Pants runs on nothing newer." \
    "Looked for: python3.9 on PATH, pyenv's versions, Homebrew's, and uv's." \
    "hint: install one (\`uv python install 3.9\`, \`pyenv install 3.9\`, or the system's package)," \
    "hint: or set VENVSTACKS_RULES_PYTHON to the executable of one."
}

# Sets `tool` to the folder of version $2 of tool $1 (pins: $1-requirements.txt), and installs it
# there if it is missing. Sets `ready_lines` to the content of the file `ready`.
use_tool() {
  local sum line _
  tool="$_cache/$1/$2"
  # What is installed, and how.
  while read -r sum _; do tool+="-$sum"; done \
    < <(cksum "$_support/$1-requirements.txt" "$_support/bootstrap.py")
  tool+="-${OSTYPE%%[0-9.]*}-$HOSTTYPE"
  if [[ -n ${VENVSTACKS_RULES_PYTHON:-} ]]; then
    # Another interpreter is another folder.
    read -r sum _ < <(cksum <<<"$VENVSTACKS_RULES_PYTHON")
    tool="$tool-$sum"
  fi
  # The interpreter is a link to a Python of this machine, which may be gone.
  if [[ ! -f $tool/ready || ! -x $tool/venv/bin/python ]]; then
    find_python
    find_ca_bundle
    "$python" "$_support/bootstrap.py" "$1" --folder "$tool" --ca-bundle "$ca_bundle" \
      --expected-version "$2" </dev/null >&2 || exit
  fi
  ready_lines=()
  while IFS= read -r line; do ready_lines+=("$line"); done <"$tool/ready"
}

# use_tool for the Pants that pants.toml names.
use_pants() {
  local name value version="" _
  while IFS=$' \t=' read -r name value _ || [[ -n $name ]]; do
    if [[ $name == pants_version ]]; then
      version="${value//[\"\']/}"
      break
    fi
  done <"$root/pants.toml"
  [[ -n $version ]] || die "$root/pants.toml does not set [GLOBAL].pants_version."
  use_tool pants "$version"
}

# Sets `uv` to a uv that reads this repository's lockfile: the one on PATH if it is of the pinned
# series, else the pinned one.
use_uv() {
  local pin
  read -r pin _ < <(grep '^uv==' "$_support/uv-requirements.txt")
  pin="${pin#uv==}"
  if uv="$(command -v uv)" && [[ $("$uv" --version 2>/dev/null) == "uv ${pin%.*}."* ]]; then return; fi
  use_tool uv "$pin"
  uv="$tool/venv/bin/uv"
}

# Runs `uv`, after use_uv, with the certificates of this machine.
run_uv() {
  find_ca_bundle
  env ${ca_bundle:+SSL_CERT_FILE="$ca_bundle"} "$uv" "$@"
}

# Makes the development environment $1 (`dev` or `pants`) as uv.lock pins it, and sets `env` to its
# folder.
use_environment() {
  case $1 in
    dev) env="$root/.venv" ;;
    *) env="$root/.venv-$1" ;;
  esac
  find_python
  use_uv
  UV_PROJECT_ENVIRONMENT="$env" run_uv sync --quiet --project "$root" --locked \
    --python "$python" --no-default-groups --group "$1" >&2 ||
    die "The environment $env could not be made from uv.lock; uv's message is above." \
      "hint: after a change of pyproject.toml, run build-support/update-locks."
}
