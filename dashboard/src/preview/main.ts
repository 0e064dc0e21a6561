/**
 * The preview's frame: somebody's page with the bar's own script upon it. It runs sandboxed, in an origin of nobody's,
 * and may ask nobody for anything.
 */
import { closeBar, onceThere, sendForm } from './drive';
import { drawPage } from './page';
import type { Said, Show } from './protocol';
import { setStage, stage } from './stubs';

type Bars = { destroy?: () => void };

/** Grows with everything that is told: what was begun for an earlier one ends nowhere. */
let turn = 0;

function say(what: Said) {
  // Nothing in it is anybody's secret, and whose frame it is the policy says.
  parent.postMessage(what, '*');
}

function show(told: Show) {
  const mine = ++turn;
  (window as { contactbar?: Bars }).contactbar?.destroy?.();
  stage.roots.clear();
  stage.dark = told.dark;
  stage.state = told.state;
  stage.thanks = told.thanks;
  drawPage(told.host, told.dark, told.picture);
  if (told.script === undefined) return;

  const script = document.createElement('script');
  const address = URL.createObjectURL(new Blob([told.script], { type: 'text/javascript' }));
  script.src = address;
  script.dataset.locale = told.locale;
  script.onload = script.onerror = () => {
    URL.revokeObjectURL(address);
    script.remove();
    if (mine === turn) say({ kind: 'shown' });
  };
  document.head.append(script);
}

setStage();
drawPage('', false, undefined);
document.addEventListener('contactbar:show', () => {
  const mine = turn;
  const act = stage.state === 'tab' ? closeBar : stage.state === 'open' ? undefined : sendForm;
  if (act) onceThere(act, () => mine === turn);
});
addEventListener('message', (event: MessageEvent<Show>) => {
  if (event.source === parent && event.data?.kind === 'show') show(event.data);
});
say({ kind: 'ready' });
