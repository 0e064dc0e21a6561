// The ways in, where nobody is expected to be logged in: their pages by their addresses. It stands apart from the router,
// so that the first page's code can be asked for before the router's has come.

export const waysIn = {
  '/login': () => import('./LoginPage.svelte'),
  '/register': () => import('./RegisterPage.svelte'),
  '/verify': () => import('./VerifyPage.svelte'),
  '/confirm-address': () => import('./ConfirmAddressPage.svelte'),
  '/remind-me': () => import('./RemindPage.svelte'),
  '/forgot-password': () => import('./ForgotPasswordPage.svelte'),
  '/reset-password': () => import('./ResetPasswordPage.svelte'),
  '/invitation': () => import('./InvitationPage.svelte'),
};

/** The page of a way in; `undefined`: the address is no such way. */
export function wayIn(pathname: string): (() => Promise<unknown>) | undefined {
  const path = pathname.replace(/\/$/, '');
  return path in waysIn ? waysIn[path as keyof typeof waysIn] : undefined;
}
