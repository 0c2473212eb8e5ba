#!/usr/bin/env bash
# smoke.sh COMMAND: is this sopsmith, and does it do its main job? A key, a file of each format, there and back.
set -euo pipefail
program=$1
case $program in */*) program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program") ;; esac
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$root/package.json")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
case $("$program" --version) in
  "sops "*" (sopsmith $version)"*) ;;
  *)
    echo "$program is not sopsmith $version" >&2
    exit 1
    ;;
esac
"$program" keygen -o keys.txt 2>/dev/null
unset SOPSMITH_LAYOUT SOPS_AGE_KEY SOPS_CONFIG
export SOPS_AGE_KEY_FILE=keys.txt
recipient=$("$program" keygen -y keys.txt)
printf '# who may log in\nuser: "shop"\n\nports: [80, 443]\n' > a.yaml
printf '{ "user": "shop" }\n' > a.json
printf '# note\nUSER=shop\n' > a.env
printf '[db]\nuser = shop\n' > a.ini
printf '\000\001\377' > a.bin
for file in a.*; do
  "$program" encrypt --age "$recipient" --output "sealed-$file" "$file"
  if ! grep -q 'ENC\[AES256_GCM,' "sealed-$file"; then
    echo "$file was not encrypted" >&2
    exit 1
  fi
  "$program" decrypt --output "opened-$file" "sealed-$file"
  cmp "$file" "opened-$file"
done
echo "$("$program" --version | head -n 1): all formats encrypt and decrypt"
