import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isExecutable, reason, run, SetupError, type Counterpart } from "./counterpart.ts";

const program = `package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

// Each line of stdin is a document in base64; the answer is its JSON, or ERR, in a line.
func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<26)
	for in.Scan() {
		document, err := base64.StdEncoding.DecodeString(in.Text())
		if err != nil {
			panic(err)
		}
		answer, err := yaml.YAMLToJSON(document)
		if err != nil {
			fmt.Println("ERR")
		} else {
			fmt.Println(string(answer))
		}
	}
}
`;

/** The YAML reader of kubectl, as a program. */
export const kubeYaml: Counterpart<"kubeYaml"> = {
  names: ["kubeYaml"],
  isReady: ({ kubeYaml }) => isExecutable(kubeYaml),
  make(cache) {
    const folder = join(cache, "kube-yaml");
    const path = join(folder, "kube-yaml");
    try {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "main.go"), program);
      writeFileSync(
        join(folder, "go.mod"),
        "module kubeyaml\n\ngo 1.23\n\nrequire sigs.k8s.io/yaml v1.6.0\n",
      );
      run("go", "-C", folder, "mod", "tidy");
      run("go", "-C", folder, "build", "-o", path, ".");
      return { kubeYaml: path };
    } catch (cause) {
      throw new SetupError(
        `kubectl's YAML reader could not be built: ${reason(cause)}\nNeeded: Go 1.23 or newer, and its module proxy.`,
        { cause },
      );
    }
  },
};
