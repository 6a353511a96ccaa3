/**
 * The last net against secrets in output: nothing prints them on purpose, and whatever prints, prints through here.
 */

/**
 * A shorter secret is most likely an ordinary word such as `kafka`: to blank it everywhere would make logs unreadable,
 * and say what it is.
 */
const SECRET_CHARS_MIN = 8;
const SHOWN_INSTEAD = "***";

/** A token that was replaced may still be in an answer or error under way; so many replacements later it is not. */
export const PASSING_MAX = 16;

const lasting = new Set<string>();
/** The forms of each, in the order in which they came. */
const passing = new Map<string, readonly string[]>();
let pattern: RegExp | undefined;

/** From now on {@link redact} knows these texts, and the forms they take in JSON, URLs and HTTP headers. */
export function hideSecrets(secrets: Iterable<string>): void {
  for (const secret of secrets) {
    for (const form of formsOf(secret)) lasting.add(form);
  }
  renew();
}

/** The same for one that is soon replaced by another, such as a token: it is known until so many others have come. */
export function hidePassingSecret(secret: string): void {
  passing.delete(secret);
  passing.set(secret, formsOf(secret));
  for (const oldest of passing.keys()) {
    if (passing.size <= PASSING_MAX) break;
    passing.delete(oldest);
  }
  renew();
}

function renew(): void {
  const hidden = new Set([...lasting, ...[...passing.values()].flat()]);
  // The longest first: a secret may be a part of another one.
  const forms = [...hidden].sort((a, b) => b.length - a.length).map((form) => RegExp.escape(form));
  pattern = forms.length === 0 ? undefined : new RegExp(forms.join("|"), "g");
}

/** The text with every hidden secret replaced by stars. */
export function redact(text: string): string {
  return pattern === undefined ? text : text.replace(pattern, SHOWN_INSTEAD);
}

function formsOf(secret: string): string[] {
  const base64 = new TextEncoder().encode(secret).toBase64({ omitPadding: true });
  const url = encodeURIComponent(secret);
  // A key is printed line by line, if at all; what every key begins and ends with is no secret.
  const lines = secret.split("\n").filter((line) => !line.startsWith("-----"));
  return [
    ...lines,
    JSON.stringify(secret).slice(1, -1),
    url,
    url.replaceAll("%20", "+"),
    base64,
  ].filter((form) => form.length >= SECRET_CHARS_MIN);
}
