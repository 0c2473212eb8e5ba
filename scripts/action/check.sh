#!/usr/bin/env bash
# Runs sopsmith check: annotations for the change, and a SARIF report where one is wanted. Ends with the status of the check.
set -euo pipefail
words=()
if [ "$SOPSMITH_CHECK" != all ]; then words=(--range "$SOPSMITH_CHECK"); fi
if [ -n "$SOPSMITH_SARIF" ]; then
  # Findings are told by the second run.
  sopsmith check "${words[@]}" --format sarif > "$SOPSMITH_SARIF" || [ $? -eq 10 ]
fi
exec sopsmith check "${words[@]}" --format github
