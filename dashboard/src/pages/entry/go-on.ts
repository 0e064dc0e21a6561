import { navigate } from '../../router';

/** On to the page that was wanted before one had to log in: one of ours, never another host's. */
export function goOn() {
  const wanted = new URLSearchParams(location.search).get('next');
  const url = wanted?.startsWith('/') ? new URL(wanted, location.origin) : undefined;
  if (url?.origin !== location.origin) return navigate('/bars', { replace: true });
  return navigate(url.pathname as '/bars', { search: url.search, replace: true });
}
