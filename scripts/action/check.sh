#!/usr/bin/env bash
# Runs sopsmith check: annotations for the change, and a SARIF report where one is wanted. Ends with the status of the check.
set -euo pipefail
words=()
if [ "$SOPSMITH_CHECK" != all ]; then words=(--range "$SOPSMITH_CHECK"); fi
if [ -n "$SOPSMITH_SARIF" ]; then
  # The second run reports the findings.
  sopsmith check ${words[@]+"${words[@]}"} --format sarif > "$SOPSMITH_SARIF" || [ $? -eq 10 ]
fi
# The bash of macOS, 3.2, takes an empty list for a variable that is not set.
exec sopsmith check ${words[@]+"${words[@]}"} --format github
