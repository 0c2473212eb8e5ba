// The first file of the standalone executable. Its runtime is part of it, so there is no version to check, and its code
// is compiled already.
import { main } from "../src/cli/main.ts";

void main();
