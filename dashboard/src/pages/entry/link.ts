/** The secret in the address that a mail's link led to. */
export function tokenInAddress(): string {
  return new URLSearchParams(location.search).get('token') ?? '';
}
