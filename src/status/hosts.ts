/** Who may be meant by a request to a server that only this host can reach. Pure. */

/** Addresses that nothing but this host reaches. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/**
 * Whether a request to a server on a loopback address is meant for it. A web page can make a name of its own point to
 * this host and let the reader's browser ask us under that name; it cannot do so with an address, or with localhost.
 */
export function isForUs(hostHeader: string): boolean {
  const host = hostHeader.replace(/:\d*$/, "").toLowerCase();
  return host === "localhost" || /^\[[0-9a-f:.]+\]$/.test(host) || /^[\d.]+$/.test(host);
}
