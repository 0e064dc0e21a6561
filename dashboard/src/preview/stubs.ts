import type { PreviewState } from './protocol';

/** The frame's circumstances, which the bar's script meets instead of the browser's own. */
export const stage = {
  dark: false,
  state: 'open' as PreviewState,
  thanks: '',
  /** Every shadow root that was made: the bar closes its own to everybody else. */
  roots: new Set<ShadowRoot>(),
};

/** Nothing leaves the frame, nothing takes the focus from the editor, and the scheme is the one that was chosen. */
export function setStage() {
  window.fetch = async (input) => {
    const isForm = String(input instanceof Request ? input.url : input).endsWith('/contacts');
    if (!isForm) return new Response(null, { status: 204 });
    if (stage.state === 'error') return new Response('{}', { status: 500 });
    return Response.json({ message: stage.thanks });
  };
  navigator.sendBeacon = () => true;

  const { attachShadow } = Element.prototype;
  Element.prototype.attachShadow = function (init) {
    const root = attachShadow.call(this, { ...init, mode: 'open' });
    stage.roots.add(root);
    return root;
  };

  const { replaceSync } = CSSStyleSheet.prototype;
  CSSStyleSheet.prototype.replaceSync = function (text) {
    const scheme = stage.dark ? '(min-width:0)' : '(max-width:0)';
    replaceSync.call(this, text.replaceAll(/\(prefers-color-scheme:\s*dark\)/g, scheme));
  };

  // It is drawn anew with every letter that is typed: no motion.
  const { matchMedia } = window;
  window.matchMedia = (query) =>
    matchMedia.call(window, query.includes('prefers-reduced-motion') ? 'all' : query);

  const { focus } = HTMLElement.prototype;
  HTMLElement.prototype.focus = function (options) {
    if (document.hasFocus()) focus.call(this, options);
  };
  const { showModal } = HTMLDialogElement.prototype;
  HTMLDialogElement.prototype.showModal = function () {
    // What is inert is not given the focus.
    this.inert = !document.hasFocus();
    showModal.call(this);
    this.inert = false;
  };

  // Links are looked at, not followed.
  addEventListener(
    'click',
    (event) => {
      if (event.composedPath().some((node) => node instanceof HTMLAnchorElement)) event.preventDefault();
    },
    { capture: true },
  );
}
