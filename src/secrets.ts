/**
 * The last net against secrets in output: nothing prints them on purpose, and whatever prints, prints through here.
 */

/**
 * A shorter secret is most likely an ordinary word such as `kafka`: to blank it everywhere would make logs unreadable,
 * and say what it is.
 */
const SECRET_CHARS_MIN = 8;
const SHOWN_INSTEAD = "***";

const hidden = new Set<string>();
let pattern: RegExp | undefined;

/** From now on {@link redact} knows these texts, and the forms they take in JSON, URLs and HTTP headers. */
export function hideSecrets(secrets: Iterable<string>): void {
  for (const secret of secrets) {
    for (const form of formsOf(secret)) {
      if (form.length >= SECRET_CHARS_MIN) hidden.add(form);
    }
  }
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
  ];
}
