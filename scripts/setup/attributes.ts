import { fromDebian, isExecutable, type Counterpart } from "./counterpart.ts";

/** The tools for access control lists and extended attributes. */
export const attributes: Counterpart<"getfacl" | "setfacl" | "getfattr" | "setfattr"> = {
  names: ["getfacl", "setfacl", "getfattr", "setfattr"],
  isReady: (paths) => Object.values(paths).every(isExecutable),
  make() {
    const [getfacl = "", setfacl = "", getfattr = "", setfattr = ""] = fromDebian(
      ["acl", "attr"],
      ["getfacl", "setfacl", "getfattr", "setfattr"],
      "Install the tools for access control lists (acl) and extended attributes (attr), then run again.",
    );
    return { getfacl, setfacl, getfattr, setfattr };
  },
};
