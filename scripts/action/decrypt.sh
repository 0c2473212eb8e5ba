#!/usr/bin/env bash
# Decrypts an ENV file into the output "values". Every line of every value is masked before it is written.
set -euo pipefail
node=$(command -v node)
sopsmith decrypt --input-type dotenv --output-type json "$SOPSMITH_DECRYPT" | "$node" -e '
  const { appendFileSync, readFileSync } = require("node:fs");
  const { randomUUID } = require("node:crypto");
  const values = JSON.parse(readFileSync(0, "utf8"));
  const escape = (text) => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  for (const value of Object.values(values).map(String)) {
    // Of one character and of white space nothing can be masked.
    for (const line of [value, ...value.split(/\r?\n/), JSON.stringify(value).slice(1, -1)])
      if (line.trim().length > 1) process.stdout.write(`::add-mask::${escape(line)}\n`);
  }
  const text = JSON.stringify(values);
  process.stdout.write(`::add-mask::${escape(text)}\n`);
  const mark = randomUUID();
  appendFileSync(process.env.GITHUB_OUTPUT, `values<<${mark}\n${text}\n${mark}\n`);
'
