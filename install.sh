#!/bin/sh
# Installs the sopsmith executable for this machine, after checking its SHA-256.
#
#   SOPSMITH_VERSION      a release such as 0.1.0; the latest one if not set
#   SOPSMITH_INSTALL_DIR  where to put it; ~/.local/bin if not set
#   SOPSMITH_SHA256       the checksum you expect; otherwise that of the release's SHA256SUMS
#   SOPSMITH_RELEASES     where the releases are, if not on GitHub
set -eu

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

# All of it is in a function, so that a script that was truncated on the way does nothing.
main() {
  releases=${SOPSMITH_RELEASES:-https://github.com/sopsmith/sopsmith/releases}
  folder=${SOPSMITH_INSTALL_DIR:-${HOME:+$HOME/.local/bin}}
  [ -n "$folder" ] || fail "HOME is not set; set SOPSMITH_INSTALL_DIR"
  case ${SOPSMITH_VERSION:-latest} in
    latest) from=$releases/latest/download ;;
    *[!0-9A-Za-z.+-]*) fail "SOPSMITH_VERSION=$SOPSMITH_VERSION is not a version" ;;
    v*) from=$releases/download/$SOPSMITH_VERSION ;;
    *) from=$releases/download/v$SOPSMITH_VERSION ;;
  esac

  system=$(uname -s)
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) machine=x64 ;;
    aarch64 | arm64) machine=arm64 ;;
  esac
  case $system-$machine in
    Linux-x64 | Linux-arm64) name=sopsmith-linux-$machine ;;
    Darwin-x64 | Darwin-arm64) name=sopsmith-macos-$machine ;;
    *) fail "there is no executable for $system on $machine; if you have Node.js, run npm install -g sopsmith" ;;
  esac
  # musl's C library says so when its ldd is asked for a version.
  if [ "$system" = Linux ] && ldd --version 2>&1 | grep -qi musl; then name=$name-musl; fi

  # Beside its place first: a program that is running must not be written into.
  made=$folder/.sopsmith.$$
  work=$(mktemp -d)
  trap 'rm -rf "$work" "$made"' EXIT
  trap 'exit 1' HUP INT TERM
  download "$from/$name" "$work/sopsmith"
  if [ -n "${SOPSMITH_SHA256:-}" ]; then
    expected=$(echo "$SOPSMITH_SHA256" | tr A-F a-f)
  else
    download "$from/SHA256SUMS" "$work/SHA256SUMS"
    expected=$(awk -v name="$name" '$2 == name { print $1 }' "$work/SHA256SUMS")
    [ -n "$expected" ] || fail "$from/SHA256SUMS has no checksum for $name. Nothing was installed"
  fi
  checksum "$work/sopsmith"
  [ "$actual" = "$expected" ] ||
    fail "$name has the checksum $actual, not $expected: it was changed or truncated on the way. Nothing was installed"

  try mkdir -p "$folder"
  try cp "$work/sopsmith" "$made"
  try chmod 755 "$made"
  version=$("$made" --version 2>"$work/reason" | head -n 1)
  [ -n "$version" ] || fail "$name does not run here$(reason). Nothing was installed"
  [ ! -d "$folder/sopsmith" ] || fail "$folder/sopsmith is a directory; set SOPSMITH_INSTALL_DIR"
  try mv -f "$made" "$folder/sopsmith"
  echo "installed $folder/sopsmith: $version"
  case :${PATH:-}: in
    *:"$folder":*) ;;
    *) echo "$folder is not on your PATH yet" ;;
  esac
}

download() {
  case $1 in
    https://* | http://127.0.0.1:* | http://localhost:*) ;;
    *) fail "$1 is not an https address" ;;
  esac
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --proto-redir =https --output "$2" "$1" 2>"$work/reason" ||
      fail "$1 cannot be downloaded$(reason). Nothing was installed"
  elif command -v wget >/dev/null; then
    wget --no-verbose --output-document="$2" "$1" 2>"$work/reason" ||
      fail "$1 cannot be downloaded$(reason). Nothing was installed"
  else
    fail "neither curl nor wget is installed"
  fi
}

# Sets $actual.
checksum() {
  if command -v sha256sum >/dev/null; then
    actual=$(sha256sum "$1")
  elif command -v shasum >/dev/null; then
    actual=$(shasum -a 256 "$1")
  else
    fail "neither sha256sum nor shasum is installed"
  fi
  actual=${actual%% *}
}

# Runs a command that writes into the folder.
try() {
  "$@" 2>"$work/reason" || fail "cannot install into $folder$(reason); set SOPSMITH_INSTALL_DIR"
}

# The last line that the failed command wrote, between brackets.
reason() {
  sed -n '$s/^.*$/ (&)/p' "$work/reason"
}

main
