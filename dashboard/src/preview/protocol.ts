/** What the preview and its frame say to each other. The frame has an origin of nobody's: all goes by messages. */

/** How the bar is to be seen: open, as its tab, refused by the server, or thanking. */
export type PreviewState = 'open' | 'tab' | 'error' | 'success';

/** What the frame is told: everything, each time. */
export type Show = {
  kind: 'show';
  /** The bar's script; none yet: only the page is shown. */
  script: string | undefined;
  state: PreviewState;
  dark: boolean;
  locale: string;
  /** What the server would answer to a form that was sent. */
  thanks: string;
  /** Whose page it seems to be. */
  host: string;
  /** A picture of the member's own page. */
  picture: Blob | undefined;
};

/** What the frame says: it can be told now; the bar stands. */
export type Said = { kind: 'ready' } | { kind: 'shown' };
