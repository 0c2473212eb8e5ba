#!/usr/bin/env bash
# Downloads the executable of a release, and puts it on PATH only if its checksum is the expected one.
set -euo pipefail
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) platform=linux-x64 ;;
  Linux-aarch64) platform=linux-arm64 ;;
  Darwin-arm64) platform=macos-arm64 ;;
  Darwin-x86_64) platform=macos-x64 ;;
  *)
    echo "::error::sopsmith has no executable for $(uname -s) on $(uname -m)"
    exit 1
    ;;
esac
[[ $SOPSMITH_SHA256 =~ ^[0-9a-f]{64}$ ]] || {
  echo "::error::sha256 must be 64 hexadecimal digits"
  exit 1
}
folder=$(mktemp -d "${RUNNER_TEMP:-/tmp}/sopsmith.XXXXXX")
curl --fail --silent --show-error --location --output "$folder/download" \
  "$SOPSMITH_RELEASES/v${SOPSMITH_VERSION#v}/sopsmith-$platform"
if command -v sha256sum >/dev/null; then sum=$(sha256sum "$folder/download"); else sum=$(shasum -a 256 "$folder/download"); fi
if [ "${sum%% *}" != "$SOPSMITH_SHA256" ]; then
  rm -r "$folder"
  echo "::error::the downloaded sopsmith has another checksum than the expected one"
  exit 1
fi
mv "$folder/download" "$folder/sopsmith"
chmod 755 "$folder/sopsmith"
echo "$folder" >> "$GITHUB_PATH"
