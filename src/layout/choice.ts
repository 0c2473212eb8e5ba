import type { Warn } from "../../formats/format.ts";

/** Whether files look as their author wrote them, or as sops writes them. A file that sops wrote keeps sops's look either way. */
export type LayoutChoice = "keep" | "sops";

/** What the verbs want to know about layout. */
export interface LayoutOptions {
  /** Default: sops. The command line and the library say which. */
  layout?: LayoutChoice | undefined;
  /** Called when a text cannot keep its layout, with the reason: the end of a sentence. */
  explain?: Warn | undefined;
}
