/**
 * What somebody put where an age identity should be, as a whole sentence that holds nothing of it.
 *
 * @param text a line or a word that is no identity
 * @param where what holds it: a variable's name, or a file's path
 * @returns undefined for a text that looks like nothing in particular
 */
export function mistakeIn(text: string, where: string): string | undefined {
  const encoding = encodingOf(text);
  if (encoding !== undefined)
    return `${where} holds ${encoding}; save it as UTF-8 without a byte order mark.`;
  const trimmed = text.trim();
  const quoted = withoutQuotes(trimmed);
  if (quoted !== undefined && isIdentity(quoted))
    return `${where} holds an identity in quotes, which are not part of it; remove them.`;
  if (/^(?:export\s+)?SOPS_AGE_KEY\s*=/.test(trimmed))
    return `${where} holds a whole assignment; it must contain only what follows the =, AGE-SECRET-KEY-1….`;
  if (isIdentity(trimmed.toUpperCase()) && /[a-z]/.test(trimmed))
    return `${where} holds an identity in small letters; an identity is written in capitals.`;
  // Between the words of that variable there may be any.
  if (where !== "SOPS_AGE_KEY" && trimmed !== text && isIdentity(trimmed))
    return `${where} holds an identity with spaces around it; remove them.`;
  if (quoted !== undefined) return mistakeIn(quoted, where);
  const kind = recipientKind(trimmed);
  if (kind !== undefined)
    return `${where} holds a recipient (${kind}…), the public half of a key; it must contain the identity${kind === "age1" ? ", AGE-SECRET-KEY-1…" : ", the private key"}.`;
  if (/^-----BEGIN (?:OPENSSH|RSA|ENCRYPTED|EC)? ?PRIVATE KEY-----/.test(trimmed))
    return `${where} holds an SSH key; name its file in SOPS_AGE_SSH_PRIVATE_KEY_FILE.`;
  if (trimmed.startsWith("-----BEGIN PGP"))
    return `${where} holds a PGP key; import it with gpg instead.`;
  if (
    /^(?:~|\.{0,2}[/\\]|[A-Za-z]:[/\\]|\$\{?\w+\}?\/)/.test(trimmed) ||
    /^\S+\.(?:txt|key|age)$/.test(trimmed)
  )
    return where === "SOPS_AGE_KEY"
      ? "SOPS_AGE_KEY holds a file name instead of an identity; put it into SOPS_AGE_KEY_FILE."
      : `${where} holds a file name instead of an identity, AGE-SECRET-KEY-1….`;
  return undefined;
}

/** What is wrong with a path in a variable that leads to no file, as a whole sentence. */
export function mistakeInPath(path: string, variable: string): string | undefined {
  const kind = recipientKind(path.trim());
  if (kind !== undefined)
    return `${variable} holds a recipient (${kind}…) instead of a path; name the file that holds the identity.`;
  if (withoutQuotes(path.trim()) !== undefined)
    return `${variable} holds a path in quotes, which are not part of it; remove them.`;
  if (path.startsWith("~"))
    return `${variable} begins with ~, which the shell does not expand inside quotes; write $HOME instead.`;
  if (/^(?:\$\w+|\$\{\w+\}|%\w+%)/.test(path))
    return `${variable} begins with the name of a variable that nothing has expanded; write the path itself.`;
  if (path.trim() !== path)
    return `${variable} begins or ends with a space or a line break, which belongs to the path; remove it.`;
  return undefined;
}

const isIdentity = (text: string): boolean => /^AGE-(?:SECRET-KEY|PLUGIN)-/.test(text);

/** What is between two equal quotes; undefined for a text without them. */
const withoutQuotes = (text: string): string | undefined => /^(["'])(.+)\1$/s.exec(text)?.[2];

/** Texts that editors and shells of Windows write; a text that is no UTF-8 has U+FFFD where its bytes were. */
function encodingOf(text: string): string | undefined {
  if (text.includes("\0")) return "UTF-16 text";
  return text.startsWith("\ufeff") ? "a byte order mark at its start" : undefined;
}

/** The beginning of a recipient that may be shown. */
function recipientKind(text: string): "age1" | "ssh-ed25519" | "ssh-rsa" | undefined {
  if (/^age1[a-z0-9]+$/i.test(text)) return "age1";
  const [, ssh] = /^(ssh-ed25519|ssh-rsa)(?: |$)/.exec(text) ?? [];
  return ssh === "ssh-ed25519" || ssh === "ssh-rsa" ? ssh : undefined;
}
