import { fromDebian, isExecutable, type Counterpart } from "./counterpart.ts";

/** Debian's age and age-keygen. */
export const age: Counterpart<"age" | "ageKeygen"> = {
  names: ["age", "ageKeygen"],
  isReady: (paths) => isExecutable(paths.age) && isExecutable(paths.ageKeygen),
  make() {
    const [age = "", ageKeygen = ""] = fromDebian(
      ["age"],
      ["age", "age-keygen"],
      "Install age (macOS: brew install age), then run again.",
    );
    return { age, ageKeygen };
  },
};
