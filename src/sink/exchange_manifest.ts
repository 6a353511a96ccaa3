/** What a prepared exchange says of itself, as JSON text. */
import type { ManifestFile } from "./sink.ts";

const FORMAT = 1;

/** The bytes of a file at the time when it was read. */
export interface Fingerprint {
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** A file that others stand in for. */
export interface ExchangeManifest extends Fingerprint {
  /** Where the file was, relative to the output folder. */
  readonly source: string;
  readonly files: readonly ManifestFile[];
}

export function formatExchange(manifest: ExchangeManifest): string {
  return JSON.stringify({ format: FORMAT, ...manifest }, undefined, 1) + "\n";
}

/** Reads {@link formatExchange} back: what is there and is not understood is "unreadable", never "none". */
export function parseExchange(text: string | undefined): ExchangeManifest | "none" | "unreadable" {
  if (text === undefined) return "none";
  try {
    const { format, ...manifest } = JSON.parse(text) as ExchangeManifest & { format: number };
    return format === FORMAT ? manifest : "unreadable";
  } catch {
    return "unreadable";
  }
}
