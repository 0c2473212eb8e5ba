/**
 * Whether a URL's host is this machine itself.
 *
 * @param hostname as `URL` gives it: an IPv6 address is in brackets
 */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.[\d.]+$/.test(hostname);
}
