# Shared by the scripts of this folder; to be sourced.
#
# It knows where the tree is, what weir needs from Debian (tools/packages), and how a build tree is made.
# shellcheck shell=bash

weir_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What ccache must not insist on: how much memory the compiler takes; and so that it keeps what was compiled with a
# precompiled header (the tests).
export CCACHE_IGNOREOPTIONS=${CCACHE_IGNOREOPTIONS:---param=ggc-*}
export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros,include_file_mtime,include_file_ctime}
# ccache takes what a file read from the compiler's list (-MD), and does not preprocess a new file a second time.
export CCACHE_DEPEND=${CCACHE_DEPEND:-1}

say() { printf '== %s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# packages_of SECTION...: the package names of these sections of tools/packages.
packages_of() {
  awk -v wanted=" $* " '
    /^#: /    { section = $2; sub(/:$/, "", section); next }
    /^[a-z0-9]/ { if (index(wanted, " " section " ")) print $1 }
  ' "$weir_root/tools/packages"
}

# missing_packages NAME...: those that are not installed.
missing_packages() {
  local name
  for name in "$@"; do
    # shellcheck disable=SC2016  # the format is for dpkg-query
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || printf '%s\n' "$name"
  done
}

# install_packages SECTION...: installs what is missing of these sections; without anything missing it does nothing.
install_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    die "needs a Debian system (no apt-get here); on another one install what tools/packages lists and build with CMake"
  fi
  local wanted missing
  mapfile -t wanted < <(packages_of "$@")
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  ((${#missing[@]})) || return 0

  local -a as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "missing packages, and neither root nor sudo to install them; as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  # The environment is set behind sudo, which clears it. tshark asks a question otherwise.
  local -a apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get
    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
  # The package lists are fetched only if a name is unknown to those at hand, or its file is gone from the mirror.
  local known=1 name
  for name in "${missing[@]}"; do
    [[ $(apt-cache policy "$name" 2>/dev/null) == *"Candidate: "[0-9]* ]] || known=0
  done
  if ((!known)); then
    "${apt[@]}" update || die "apt-get update failed: no network, or no mirror in /etc/apt?"
  fi
  if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; then
    ((known)) || die "apt-get could not install: ${missing[*]}"
    say "once more with fresh package lists"
    "${apt[@]}" update || die "apt-get update failed: no network, or no mirror in /etc/apt?"
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" || die "apt-get could not install: ${missing[*]}"
  fi
  mapfile -t missing < <(missing_packages "${missing[@]}")
  ((${#missing[@]} == 0)) || die "still missing after apt-get: ${missing[*]}"
}

# configure_tree PRESET [CMAKE-ARGUMENT...]: (re)configures build/PRESET. Its log is shown only if it fails.
configure_tree() {
  local preset=$1 log
  shift
  local -a launcher=()
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache)
  fi
  log=$(mktemp)
  # --fresh: a cache of another compiler, option or place never survives. Objects that still fit are kept.
  if ! (cd "$weir_root" && cmake --preset "$preset" --fresh "${launcher[@]}" "$@") >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# build_tree PRESET [TARGET...]: ninja with visible progress: its own line on a terminal, else one line in ten seconds.
build_tree() {
  local tree=$weir_root/build/$1
  shift
  if [[ -t 1 ]]; then
    ninja -C "$tree" "$@"
    return
  fi
  # Steps are counted lines; everything else (a compiler's complaint) is passed on as it is.
  NINJA_STATUS='[%f/%t] ' ninja -C "$tree" "$@" 2>&1 | {
    local line held='' shown=$SECONDS
    while IFS= read -r line; do
      if [[ $line =~ ^\[[0-9]+/[0-9]+\]\  ]]; then
        held=$line
        ((SECONDS - shown < 10)) && continue
        shown=$SECONDS held=''
      fi
      printf '%s\n' "$line"
    done
    [[ -z $held ]] || printf '%s\n' "$held"
  }
}
