import { navigate } from '../../router';

/** On to the page that was wanted before one had to log in: one of ours, never another host's. */
export function goOn() {
  const wanted = new URLSearchParams(location.search).get('next');
  const ours =
    wanted && new URL(wanted, location.origin).origin === location.origin && wanted.startsWith('/');
  return navigate((ours ? wanted : '/bars') as '/bars', { replace: true });
}
