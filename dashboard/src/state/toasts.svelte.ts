/** Short words at the edge that something was done, or not. */
export type Toast = {
  id: number;
  text: string;
  kind: 'good' | 'bad';
  action?: { label: string; run: () => void };
};

const SHOWN_MS = 6000;
let next = 0;
let shown = $state.raw<Toast[]>([]);

export const toasts = {
  get shown() {
    return shown;
  },
  /** It worked. With an action (such as undoing), it stays until it is closed or its time is over. */
  good(text: string, action?: Toast['action']) {
    show({ id: next++, text, kind: 'good', action });
  },
  /** It did not: stays until it is closed. */
  bad(text: string) {
    show({ id: next++, text, kind: 'bad' });
  },
  close(id: number) {
    shown = shown.filter((toast) => toast.id !== id);
  },
};

function show(toast: Toast) {
  shown = [...shown.slice(-2), toast];
  if (toast.kind === 'good') setTimeout(() => toasts.close(toast.id), SHOWN_MS);
}
